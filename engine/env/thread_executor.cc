#include "engine/env/thread_executor.h"

#include <pthread.h>

#include <utility>

#include "engine/base/check.h"
#include "engine/base/signals_blocked.h"

namespace lumen {
namespace {

// Large enough that the clock of a long compaction is the merge loop, not calls of Run; small
// enough that the executor's destruction is noticed.
constexpr int64_t kBudget = 1 << 20;

struct LaneThreads {
  const char* name;  // at most 15 characters, or Linux refuses it
  int count;
};
constexpr std::array<LaneThreads, kPriorities> kLaneThreads = {{{"lumen-commit", 2},
                                                                {"lumen-read", 2},
                                                                {"lumen-prepare", 1},
                                                                {"lumen-flush", 1},
                                                                {"lumen-compact", 1}}};

}  // namespace

ThreadExecutor::ThreadExecutor() {
  const SignalsBlocked signals_blocked;
  for (size_t i = 0; i < lanes_.size(); i++) {
    for (int n = 0; n < kLaneThreads[i].count; n++) {
      std::thread& thread = threads_.emplace_back([this, i] { Work(lanes_[i]); });
      pthread_setname_np(thread.native_handle(), kLaneThreads[i].name);
    }
  }
}

ThreadExecutor::~ThreadExecutor() {
  stopping_.store(true);
  for (Lane& lane : lanes_) {
    // A thread that saw stopping_ unset still holds the mutex: behind it, it waits or runs a step.
    { MutexLock lock(lane.mutex); }
    lane.changed.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ThreadExecutor::Post(Priority priority, std::unique_ptr<Step> step) {
  if (stopping_.load(std::memory_order_relaxed)) return;
  Lane& lane = LaneOf(priority);
  {
    MutexLock lock(lane.mutex);
    CHECK(lane.ready.size() < kMostWaiting);
    lane.ready.push_back(std::move(step));
  }
  lane.changed.NotifyOne();
}

void ThreadExecutor::PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) {
  if (stopping_.load(std::memory_order_relaxed)) return;
  Lane& lane = LaneOf(priority);
  const Time due = std::chrono::steady_clock::now() + std::chrono::nanoseconds(delay_ns);
  {
    MutexLock lock(lane.mutex);
    CHECK(lane.delayed.size() < kMostWaiting);
    lane.delayed.emplace(due, std::move(step));
  }
  lane.changed.NotifyOne();
}

void ThreadExecutor::Work(Lane& lane) {
  while (const std::unique_ptr<Step> step = Next(lane)) RunToEnd(*step);
}

std::unique_ptr<Step> ThreadExecutor::Next(Lane& lane) {
  MutexLock lock(lane.mutex);
  while (!stopping_.load()) {
    while (!lane.delayed.empty() &&
           lane.delayed.begin()->first <= std::chrono::steady_clock::now()) {
      lane.ready.push_back(std::move(lane.delayed.extract(lane.delayed.begin()).mapped()));
    }
    if (!lane.ready.empty()) {
      std::unique_ptr<Step> step = std::move(lane.ready.front());
      lane.ready.pop_front();
      // Every notification so far may have reached this thread, which is busy from now on: the
      // other one must learn of what is left.
      if (!lane.ready.empty() || !lane.delayed.empty()) lane.changed.NotifyOne();
      return step;
    }
    if (lane.delayed.empty()) {
      lane.changed.Wait(lane.mutex);
    } else {
      const Time due = lane.delayed.begin()->first;
      lane.changed.WaitUntil(lane.mutex, due);
    }
  }
  return nullptr;
}

void ThreadExecutor::RunToEnd(Step& step) {
  while (step.Run(kBudget) == StepResult::kMore) {
    if (stopping_.load(std::memory_order_relaxed)) return;
  }
}

}  // namespace lumen
