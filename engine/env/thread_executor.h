#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/executor.h"

namespace lumen {

// Threads: two for kCommit, so that one group's callbacks run while the next group syncs, two for
// kRead, so that one slow read does not hold up all others, and one for every other priority. A
// step runs to its end on the thread that started it. Delays count on std::chrono::steady_clock, as
// SteadyClock does. The threads block the signals that programs handle, so that neither a handler
// nor EINTR meets an fdatasync.
class ThreadExecutor final : public Executor {
 public:
  // Steps waiting in one priority. Steps are jobs, not requests: more is a bug of the poster.
  static constexpr size_t kMostWaiting = 1 << 16;

  ThreadExecutor();
  ~ThreadExecutor() override;

  void Post(Priority priority, std::unique_ptr<Step> step) override;
  void PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) override;
  void Await(Completion& completion) override { completion.BlockUntilFired(); }
  bool threaded() const override { return true; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Lane {
    Mutex mutex;
    CondVar changed;
    std::deque<std::unique_ptr<Step>> ready GUARDED_BY(mutex);
    std::multimap<Time, std::unique_ptr<Step>> delayed GUARDED_BY(mutex);
  };

  Lane& LaneOf(Priority priority) { return lanes_[static_cast<size_t>(priority)]; }
  void Work(Lane& lane);
  // Waits for the next step to start; null once the executor stops.
  std::unique_ptr<Step> Next(Lane& lane);
  void RunToEnd(Step& step);

  std::atomic<bool> stopping_{false};
  std::array<Lane, kPriorities> lanes_;
  std::vector<std::thread> threads_;
};

}  // namespace lumen
