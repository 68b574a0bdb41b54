#include "engine/env/steady_clock.h"

#include <chrono>
#include <thread>

namespace lumen {

int64_t SteadyClock::NowNanos() {
  const auto since_origin = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_origin).count();
}

void SteadyClock::SleepNanos(int64_t duration_ns) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(duration_ns));
}

}  // namespace lumen
