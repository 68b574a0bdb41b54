#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/mutex.h"
#include "engine/clock.h"

namespace lumen {

// getrandom(2), a buffer at a time.
class SystemRandom final : public RandomSource {
 public:
  uint64_t Next64() override;

 private:
  static constexpr size_t kBuffered = 32;

  Mutex mutex_;
  std::array<uint64_t, kBuffered> buffer_ GUARDED_BY(mutex_);
  size_t used_ GUARDED_BY(mutex_) = kBuffered;
};

}  // namespace lumen
