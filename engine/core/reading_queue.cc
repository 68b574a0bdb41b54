#include "engine/core/reading_queue.h"

#include <utility>

#include "engine/core/group_decider.h"

namespace lumen {

class ReadingQueue::ReadStep : public Step {
 public:
  explicit ReadStep(ReadingQueue& queue) : queue_(queue) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      std::unique_ptr<WriteRequest> request = queue_.Take();
      if (request == nullptr) return StepResult::kDone;
      const absl::Status readings = GroupDecider::TakeReadings(queue_.state_.Acquire(), *request,
                                                               /*cached_only=*/false);
      queue_.done_(std::move(request), readings);
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "read for conditional writes"; }

 private:
  ReadingQueue& queue_;
};

ReadingQueue::ReadingQueue(Background& background, const DatabaseState& state, Done done)
    : background_(background), state_(state), done_(std::move(done)) {}

void ReadingQueue::Add(std::unique_ptr<WriteRequest> request) {
  MutexLock lock(mutex_);
  waiting_.push_back(std::move(request));
  if (steps_ == kMostSteps) return;
  ++steps_;
  background_.Post(Priority::kRead, std::make_unique<ReadStep>(*this));
}

std::unique_ptr<WriteRequest> ReadingQueue::Take() {
  MutexLock lock(mutex_);
  if (waiting_.empty()) {
    --steps_;
    return nullptr;
  }
  std::unique_ptr<WriteRequest> request = std::move(waiting_.front());
  waiting_.pop_front();
  return request;
}

}  // namespace lumen
