#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/clock.h"

namespace lumen {

// Time that passes only when told to. Sleeping moves it on at once. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  int64_t NowNanos() override { return now_ns_; }
  void SleepNanos(int64_t duration_ns) override { now_ns_ += std::max<int64_t>(duration_ns, 0); }
  void AdvanceTo(int64_t time_ns) { now_ns_ = std::max(now_ns_, time_ns); }

 private:
  int64_t now_ns_ = 1'000'000'000;  // not 0, which code likes to read as "never"
};

}  // namespace lumen
