#pragma once

#include "engine/clock.h"

namespace lumen {

// std::chrono::steady_clock.
class SteadyClock final : public Clock {
 public:
  int64_t NowNanos() override;
  void SleepNanos(int64_t duration_ns) override;
};

}  // namespace lumen
