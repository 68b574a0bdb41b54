#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

#include "engine/base/mutex.h"
#include "engine/executor.h"

namespace lumen {

// An engine's executor that leads its commit groups on the threads that serve calls, once those
// have nothing more urgent: then no write is handed to another thread and back, and a group is
// whatever has arrived by then. Everything else, and commits while no loops are attached, goes to
// the executor behind it. Thread-safe. docs/decisions/0010 has the measurements.
class LoopExecutor final : public Executor {
 public:
  // Borrowed.
  explicit LoopExecutor(Executor& threads) : threads_(threads) {}

  void Post(Priority priority, std::unique_ptr<Step> step) override;
  void PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) override {
    threads_.PostAfter(priority, delay_ns, std::move(step));
  }
  void Await(Completion& completion) override { threads_.Await(completion); }
  bool threaded() const override { return threads_.threaded(); }

  // For the loops. `wake` makes one of their threads look for work soon; it is called with a lock
  // held, and not by the loops themselves, which look before they wait for anything.
  void Attach(std::function<void()> wake);
  // What waits goes to the threads behind it, and `wake` is not called any more.
  void Detach();
  // The calling thread is one of the loops'.
  void BecomeLoop();

  bool has_work() const { return waiting_.load() > 0; }
  // Runs the oldest step to its end, if there is one. Steps do not wait for one another.
  void RunOne();

 private:
  Executor& threads_;
  std::atomic<int> waiting_{0};
  Mutex mutex_;
  std::function<void()> wake_ GUARDED_BY(mutex_);  // empty: not attached
  std::deque<std::unique_ptr<Step>> steps_ GUARDED_BY(mutex_);
};

}  // namespace lumen
