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

// Sends spdlog's default logger to standard error, and gRPC's and protobuf's own messages through
// it, at most kLibraryLinesPerSecond of those: a broken client can provoke one per call.
void InstallLogging(const LogOptions& options);
inline constexpr int kLibraryLinesPerSecond = 10;

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

// `text` as the inside of a JSON string.
std::string EscapeJson(std::string_view text);

}  // namespace lumen
