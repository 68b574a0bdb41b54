#include "server/loop_executor.h"

#include <utility>

namespace lumen {
namespace {

// A group is one step; in units a group has fewer.
constexpr int64_t kBudget = 1 << 20;

thread_local const LoopExecutor* loop_of = nullptr;

}  // namespace

void LoopExecutor::BecomeLoop() { loop_of = this; }

void LoopExecutor::Post(Priority priority, std::unique_ptr<Step> step) {
  if (priority == Priority::kCommit) {
    MutexLock lock(mutex_);
    if (wake_) {
      steps_.push_back(std::move(step));
      waiting_.fetch_add(1);
      if (loop_of != this) wake_();
      return;
    }
  }
  threads_.Post(priority, std::move(step));
}

void LoopExecutor::Attach(std::function<void()> wake) {
  MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

void LoopExecutor::Detach() {
  std::deque<std::unique_ptr<Step>> left;
  {
    MutexLock lock(mutex_);
    wake_ = nullptr;
    left.swap(steps_);
    waiting_.store(0);
  }
  for (auto& step : left) threads_.Post(Priority::kCommit, std::move(step));
}

void LoopExecutor::RunOne() {
  std::unique_ptr<Step> step;
  {
    MutexLock lock(mutex_);
    if (steps_.empty()) return;
    step = std::move(steps_.front());
    steps_.pop_front();
    waiting_.fetch_sub(1);
  }
  while (step->Run(kBudget) == StepResult::kMore) continue;
}

}  // namespace lumen
