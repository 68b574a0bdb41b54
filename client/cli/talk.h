#pragma once

#include <chrono>
#include <string>

namespace lumen::cli {

// What goes to standard error. Colours and progress on a terminal only; NO_COLOR
// (https://no-color.org) is obeyed. Not thread-safe.
class Talk {
 public:
  Talk();
  ~Talk();
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  bool is_terminal() const { return is_terminal_; }
  // One line, "lumen: " before it.
  void Complain(const std::string& what);
  void Note(const std::string& what);
  // Replaces the progress line; not more often than ten times a second, whoever asks.
  bool WantsProgress();
  void ShowProgress(const std::string& line);
  // The same however often it is asked, for one who asks seldom.
  void ReplaceProgress(const std::string& line);
  void ClearProgress();

 private:
  const bool is_terminal_;
  const bool colours_;
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point next_progress_;
};

// Whether what is written to `fd` may be coloured.
bool MayColour(int fd);

}  // namespace lumen::cli
