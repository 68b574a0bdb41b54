// Two steps of different priorities write one int without a lock. ThreadSanitizer must say so: if
// it does not, the tsan preset is blind and its green tests mean nothing.

#include <cstdio>

#include "engine/env/thread_executor.h"

namespace lumen {
namespace {

class Increment final : public Step {
 public:
  Increment(int& counter, Completion& done) : counter_(counter), done_(done) {}
  StepResult Run(int64_t) override {
    counter_++;
    done_.Fire();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "increment"; }

 private:
  int& counter_;
  Completion& done_;
};

int Race() {
  int counter = 0;
  Completion flushed, compacted;
  ThreadExecutor executor;
  executor.Post(Priority::kFlush, std::make_unique<Increment>(counter, flushed));
  executor.Post(Priority::kCompaction, std::make_unique<Increment>(counter, compacted));
  executor.Await(flushed);
  executor.Await(compacted);
  return counter;
}

}  // namespace
}  // namespace lumen

int main() { std::printf("%d\n", lumen::Race()); }
