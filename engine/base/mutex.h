#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// std::mutex with clang's thread-safety annotations. Not absl::Mutex: Debian's build of it is
// invisible to ThreadSanitizer.
#if defined(__clang__)
#define LUMEN_ATTRIBUTE(x) __attribute__((x))
#else
#define LUMEN_ATTRIBUTE(x)
#endif

// Abseil's headers, which gRPC's include, define these two the same way.
#undef GUARDED_BY
#undef PT_GUARDED_BY
#define GUARDED_BY(mutex) LUMEN_ATTRIBUTE(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) LUMEN_ATTRIBUTE(pt_guarded_by(mutex))
#define REQUIRES(...) LUMEN_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) LUMEN_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) LUMEN_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) LUMEN_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) LUMEN_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))

namespace lumen {

class LUMEN_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }
  bool TryLock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class LUMEN_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  template <typename Clock, typename Duration>
  void WaitUntil(Mutex& mutex, const std::chrono::time_point<Clock, Duration>& when)
      REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_until(lock, when);
    lock.release();
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace lumen
