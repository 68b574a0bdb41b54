#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "proptests/harness/explorer.h"
#include "proptests/lumen_crash/run_report.h"
#include "proptests/lumen_crash/shard.h"

namespace lumen::crash {

// Where a command's words go, and what it hears from outside.
struct Console {
  std::function<void(std::string_view)> out;    // results
  std::function<void(std::string_view)> error;  // complaints
  // One line that is written over and over; empty where standard error is no terminal.
  std::function<void(std::string_view)> progress = {};
  Environment environment;
  std::function<int64_t()> now_ns;  // of a clock that only goes forward
  std::function<Cost()> cost;       // of this process so far
};

// Reads the process's own streams, environment and clock.
Console ProcessConsole();

// The line of progress: what all profiles have come to.
class ProgressLine {
 public:
  explicit ProgressLine(const Console& console) : console_(console) {}
  ~ProgressLine() { Clear(); }

  void Show(const std::string& profile, const Totals& totals);
  // Before anything else is printed.
  void Clear();

 private:
  const Console& console_;
  bool shown_ = false;
};

}  // namespace lumen::crash
