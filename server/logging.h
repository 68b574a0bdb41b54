#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/options.h"

namespace lumen {

enum class LogFormat : uint8_t { kText, kJson };

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warn, error or off
  LogFormat format = LogFormat::kText;
};

bool IsLogLevel(std::string_view level);

// Sends spdlog's default logger to standard error, one line for each message, and gRPC's and
// protobuf's own messages through it, at most kLibraryLinesPerSecond of those: a broken client can
// provoke one per call. Call once, before there are other threads.
void InstallLogging(const LogOptions& options);
inline constexpr int kLibraryLinesPerSecond = 10;

// From now on the logger passes this level and those above it. INVALID_ARGUMENT: there is no such
// level. Both are thread-safe.
absl::Status SetLogLevel(std::string_view level);
std::string LogLevel();

// What the engine reports to its operator (Options::on_event). Thread-safe.
void LogEngineEvent(EventLevel level, std::string_view message);

// Lets `lines_per_second` through and counts the rest. Not thread-safe.
class LineLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit LineLimiter(int lines_per_second) : lines_per_second_(lines_per_second) {}

  struct Verdict {
    bool pass = false;
    uint64_t dropped_before = 0;  // since the last line that passed, when this one does
  };
  Verdict Admit(TimePoint now);

 private:
  const int lines_per_second_;
  TimePoint window_start_{};
  int passed_in_window_ = 0;
  uint64_t dropped_ = 0;
};

// `text` as the inside of a JSON string: well-formed UTF-8 whatever the text is. A byte that is not
// UTF-8 is written as \xff is in C, for want of anything in JSON that could hold it.
std::string EscapeJson(std::string_view text);

// `text` on one line of a terminal or a file: control characters, of which a client's key may hold
// any, and bytes that are not UTF-8 are written as \x1b is in C.
std::string EscapeControls(std::string_view text);

}  // namespace lumen
