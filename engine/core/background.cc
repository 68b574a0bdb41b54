#include "engine/core/background.h"

#include <utility>

#include "engine/base/check.h"

namespace lumen {

class Background::CountedStep : public Step {
 public:
  CountedStep(Background& background, std::unique_ptr<Step> inner)
      : background_(background), inner_(std::move(inner)) {}

  StepResult Run(int64_t budget) override {
    const StepResult result = inner_->Run(budget);
    if (result != StepResult::kMore) {
      // What the step pins is released before the engine counts it as gone.
      inner_.reset();
      background_.StepEnded();
    }
    return result;
  }
  std::string_view name() const override { return inner_ ? inner_->name() : "ended"; }

 private:
  Background& background_;
  std::unique_ptr<Step> inner_;
};

class Background::TimerStep : public Step {
 public:
  TimerStep(std::shared_ptr<Timers> timers, std::function<void()> action)
      : timers_(std::move(timers)), action_(std::move(action)) {}

  StepResult Run(int64_t) override {
    MutexLock lock(timers_->mutex);
    if (timers_->armed) action_();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "timer"; }

 private:
  const std::shared_ptr<Timers> timers_;
  const std::function<void()> action_;
};

Background::Background(const Environment& environment) : environment_(environment) {}

Background::~Background() {
  MutexLock lock(mutex_);
  CHECK(under_way_ == 0);
}

void Background::Post(Priority priority, std::unique_ptr<Step> step) {
  {
    MutexLock lock(mutex_);
    ++under_way_;
  }
  environment_.executor.Post(priority, std::make_unique<CountedStep>(*this, std::move(step)));
}

void Background::After(Priority priority, int64_t delay_ns, std::function<void()> action) {
  environment_.executor.PostAfter(priority, delay_ns,
                                  std::make_unique<TimerStep>(timers_, std::move(action)));
}

void Background::Stop() {
  stopping_.store(true, std::memory_order_release);
  {
    MutexLock lock(timers_->mutex);
    timers_->armed = false;
  }
  Completion idle;
  {
    MutexLock lock(mutex_);
    if (under_way_ == 0) return;
    idle_ = &idle;
  }
  environment_.executor.Await(idle);
}

void Background::StepEnded() {
  Completion* idle = nullptr;
  {
    MutexLock lock(mutex_);
    if (--under_way_ == 0) idle = std::exchange(idle_, nullptr);
  }
  if (idle != nullptr) idle->Fire();
}

}  // namespace lumen
