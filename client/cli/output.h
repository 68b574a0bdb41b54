#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen::cli {

// Bytes on their way to a file descriptor, which it does not own. Not thread-safe, but for
// reader_left().
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // False: they cannot be written, and nothing more will be; error() and reader_left() say why.
  bool Write(std::string_view bytes);
  // Hands everything to the operating system. Results as above.
  bool Flush();

  // Whoever reads the pipe has enough: nothing to complain about.
  bool reader_left() const { return reader_left_; }
  // OK, also when the reader left.
  const absl::Status& error() const { return error_; }
  bool is_terminal() const;
  // Columns; 80 where there is no terminal.
  size_t width() const;

 private:
  const int fd_;
  std::string buffer_;
  std::atomic<bool> reader_left_{false};
  absl::Status error_;
};

}  // namespace lumen::cli
