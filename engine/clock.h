#pragma once

#include <cstdint>

namespace lumen {

// Time that only moves forward, from an arbitrary origin. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNanos() = 0;
  // Blocks the calling thread. The engine sleeps only on a caller's own thread, never inside a
  // Step.
  virtual void SleepNanos(int64_t duration_ns) = 0;
};

// Unpredictable numbers in production, a seeded sequence in simulation. Thread-safe.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual uint64_t Next64() = 0;
};

}  // namespace lumen
