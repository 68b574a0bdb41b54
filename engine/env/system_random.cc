#include "engine/env/system_random.h"

#include <sys/random.h>

#include <cerrno>

#include "engine/base/check.h"

namespace lumen {

uint64_t SystemRandom::Next64() {
  MutexLock lock(mutex_);
  if (used_ == kBuffered) {
    // Up to 256 bytes arrive whole once the kernel's pool is ready; only the wait for that, early
    // at boot, can be interrupted.
    static_assert(sizeof(buffer_) <= 256);
    ssize_t bytes;
    do {
      bytes = ::getrandom(buffer_.data(), sizeof(buffer_), 0);
    } while (bytes < 0 && errno == EINTR);
    CHECK(bytes == static_cast<ssize_t>(sizeof(buffer_)));
    used_ = 0;
  }
  return buffer_[used_++];
}

}  // namespace lumen
