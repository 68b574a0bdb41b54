#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "engine/base/mutex.h"
#include "engine/environment.h"

namespace lumen {

// The engine's steps: counts those under way so that Close can wait for them, and makes timers that
// may outlive the engine harmless. Thread-safe.
class Background {
 public:
  explicit Background(const Environment& environment);
  ~Background();  // after Stop()
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Post(Priority priority, std::unique_ptr<Step> step);
  // Runs `action` after the delay unless stopped by then. It must be short: it runs under a lock
  // that Stop() takes.
  void After(Priority priority, int64_t delay_ns, std::function<void()> action);

  // True once Stop() has begun: long steps finish at their next Run.
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  // Disarms timers, waits until every posted step is done and destroyed. Steps may post further
  // ones meanwhile.
  void Stop();

 private:
  class CountedStep;
  class TimerStep;
  struct Timers {
    Mutex mutex;
    bool armed GUARDED_BY(mutex) = true;
  };

  void StepEnded() EXCLUDES(mutex_);

  const Environment environment_;
  const std::shared_ptr<Timers> timers_ = std::make_shared<Timers>();
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  int under_way_ GUARDED_BY(mutex_) = 0;
  Completion* idle_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace lumen
