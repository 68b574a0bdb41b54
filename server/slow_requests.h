#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lumen {

// Where the time of one call went. Its stages follow each other without gaps.
struct CallTimes {
  using Time = std::chrono::steady_clock::time_point;
  Time arrived;
  Time handed;    // to the engine or the read pool; == arrived for a call that was refused
  Time answered;  // the answer was given to gRPC
  Time done;      // and is on its way to the client
};

// One warning for each call that took longer than it should, with its stages' times; not more than
// one a second, so that a slow disk does not fill another one with warnings. Thread-safe.
class SlowRequests {
 public:
  struct Options {
    std::chrono::milliseconds longer_than{1000};      // zero: never warn
    std::function<void(std::string_view)> warn = {};  // must not block; empty: never warn
  };
  explicit SlowRequests(Options options) : options_(std::move(options)) {}

  // `describe` is asked for what the call was about only if there is a warning.
  void Judge(const char* method, const CallTimes& times,
             const std::function<std::string()>& describe);

 private:
  const Options options_;
  std::atomic<int64_t> next_warning_ms_{0};  // on the steady clock
  std::atomic<uint64_t> unsaid_{0};
};

}  // namespace lumen
