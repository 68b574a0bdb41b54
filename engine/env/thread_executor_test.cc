// Goal: every sentence about threads in engine/executor.h, without a sleep. Method: steps that wait
// for one another, so that a broken promise is a time-out or a wrong order.

#include "engine/env/thread_executor.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/env/steady_clock.h"
#include "engine/env/system_random.h"
#include "engine/posix_environment.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;

class FunctionStep final : public Step {
 public:
  explicit FunctionStep(std::function<StepResult(int64_t)> run) : run_(std::move(run)) {}
  StepResult Run(int64_t budget) override { return run_(budget); }
  std::string_view name() const override { return "test"; }

 private:
  const std::function<StepResult(int64_t)> run_;
};

std::unique_ptr<Step> Once(std::function<void()> work) {
  return std::make_unique<FunctionStep>([work = std::move(work)](int64_t) {
    work();
    return StepResult::kDone;
  });
}

constexpr Priority kAllPriorities[] = {Priority::kCommit, Priority::kRead, Priority::kPrepare,
                                       Priority::kFlush, Priority::kCompaction};

TEST(ThreadExecutor, RunsStepsOfEveryPriority) {
  ThreadExecutor executor;
  EXPECT_TRUE(executor.threaded());
  for (const Priority priority : kAllPriorities) {
    Completion done;
    executor.Post(priority, Once([&] { done.Fire(); }));
    executor.Await(done);
    EXPECT_TRUE(done.fired());
  }
}

TEST(ThreadExecutor, RunsAStepAgainUntilItIsDone) {
  ThreadExecutor executor;
  for (const StepResult last : {StepResult::kDone, StepResult::kError}) {
    int runs = 0;
    Completion destroyed;
    auto guard = std::shared_ptr<Completion>(&destroyed, [](Completion* c) { c->Fire(); });
    executor.Post(Priority::kFlush,
                  std::make_unique<FunctionStep>([&runs, last, guard](int64_t budget) {
                    EXPECT_GT(budget, 1000);
                    return ++runs == 3 ? last : StepResult::kMore;
                  }));
    guard.reset();
    executor.Await(destroyed);
    EXPECT_EQ(runs, 3);
  }
}

TEST(ThreadExecutor, StepsOfOnePriorityStartInTheOrderPosted) {
  ThreadExecutor executor;
  std::vector<int> order;
  Completion done;
  for (int i = 0; i < 1000; i++) {
    executor.Post(Priority::kCompaction, Once([&, i] {
                    order.push_back(i);
                    if (i == 999) done.Fire();
                  }));
  }
  executor.Await(done);
  for (int i = 0; i < 1000; i++) ASSERT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ThreadExecutor, TwoCommitsTwoReadsAndOneOfEachOtherPriorityRunAtOnce) {
  ThreadExecutor executor;
  std::atomic<int> inside{0};
  Completion all_inside, finished[7];
  const auto meet = [&](Completion& end) {
    return Once([&] {
      if (++inside == 7) all_inside.Fire();
      all_inside.BlockUntilFired();
      end.Fire();
    });
  };
  executor.Post(Priority::kCommit, meet(finished[5]));
  executor.Post(Priority::kRead, meet(finished[6]));
  for (size_t i = 0; i < 5; i++) executor.Post(kAllPriorities[i], meet(finished[i]));
  for (Completion& end : finished) executor.Await(end);
}

TEST(ThreadExecutor, ADelayedStepStartsAfterItsDelayAndNotBefore) {
  ThreadExecutor executor;
  SteadyClock clock;
  constexpr int64_t kDelayNs = 2'000'000;
  for (const Priority priority : kAllPriorities) {
    Completion done;
    int64_t started_ns = 0;
    const int64_t posted_ns = clock.NowNanos();
    executor.PostAfter(priority, kDelayNs, Once([&] {
                         started_ns = clock.NowNanos();
                         done.Fire();
                       }));
    executor.Await(done);
    EXPECT_GE(started_ns - posted_ns, kDelayNs);
  }
}

TEST(ThreadExecutor, DelayedStepsStartInTheOrderTheyAreDue) {
  ThreadExecutor executor;
  std::vector<int> order;
  Completion done;
  const auto note = [&](int which) {
    return Once([&, which] {
      order.push_back(which);
      if (order.size() == 4) done.Fire();
    });
  };
  executor.PostAfter(Priority::kFlush, 9'000'000, note(3));
  executor.PostAfter(Priority::kFlush, 3'000'000, note(1));
  executor.PostAfter(Priority::kFlush, 6'000'000, note(2));
  executor.Post(Priority::kFlush, note(0));
  executor.Await(done);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

// Both commit threads wait; one takes the first delayed step and is kept busy. The other must wake
// for the second.
TEST(ThreadExecutor, ABusyThreadDoesNotKeepADelayedStepWaiting) {
  ThreadExecutor executor;
  Completion second_ran, first_done;
  executor.PostAfter(Priority::kCommit, 1'000'000, Once([&] {
                       second_ran.BlockUntilFired();
                       first_done.Fire();
                     }));
  executor.PostAfter(Priority::kCommit, 2'000'000, Once([&] { second_ran.Fire(); }));
  executor.Await(first_done);
}

TEST(ThreadExecutor, StepsMayPostSteps) {
  ThreadExecutor executor;
  Completion done;
  std::function<std::unique_ptr<Step>(int)> chain = [&](int left) {
    return Once([&, left] {
      if (left == 0) return done.Fire();
      executor.Post(kAllPriorities[left % kPriorities], chain(left - 1));
    });
  };
  executor.Post(Priority::kCommit, chain(200));
  executor.Await(done);
}

TEST(ThreadExecutor, DestructionFinishesTheCurrentRunAndDropsTheRest) {
  std::atomic<int> runs{0}, dropped{0};
  const auto guard = [&] { return std::shared_ptr<void>(nullptr, [&](void*) { dropped++; }); };
  Completion running;
  {
    ThreadExecutor executor;
    executor.Post(Priority::kFlush, std::make_unique<FunctionStep>([&, held = guard()](int64_t) {
                    // Only the executor's destruction can end this step.
                    if (runs++ == 0) running.Fire();
                    return StepResult::kMore;
                  }));
    executor.Await(running);
    executor.Post(Priority::kFlush, Once([held = guard()] { FAIL() << "started"; }));
    executor.PostAfter(Priority::kCommit, 3'600'000'000'000,
                       Once([held = guard()] { FAIL() << "started"; }));
  }
  EXPECT_GE(runs, 1);
  EXPECT_EQ(dropped, 3);
}

TEST(ThreadExecutor, ADroppedStepMayPostFromItsDestructor) {
  Completion never, running;
  std::atomic<bool> posted{false};
  {
    ThreadExecutor executor;
    executor.Post(Priority::kFlush, std::make_unique<FunctionStep>([&](int64_t) {
                    if (!running.fired()) running.Fire();
                    return StepResult::kMore;
                  }));
    executor.Await(running);
    auto guard = std::shared_ptr<void>(nullptr, [&](void*) {
      executor.Post(Priority::kFlush, Once([&] { never.Fire(); }));
      posted = true;
    });
    executor.Post(Priority::kFlush, Once([guard] {}));
  }
  EXPECT_TRUE(posted);
  EXPECT_FALSE(never.fired());
}

TEST(ThreadExecutor, ManyThreadsMayPostAndAwaitAtOnce) {
  ThreadExecutor executor;
  std::atomic<int> ran{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; t++) {
    callers.emplace_back([&] {
      for (int i = 0; i < 2000; i++) {
        Completion done;
        executor.Post(kAllPriorities[i % kPriorities], Once([&] {
                        ran++;
                        done.Fire();
                      }));
        executor.Await(done);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ran, 8000);
}

TEST(ThreadExecutor, ThreadsHaveNamesAndLeaveSignalsToTheProgram) {
  ThreadExecutor executor;
  std::vector<std::string> names;
  for (const Priority priority : kAllPriorities) {
    Completion done;
    executor.Post(priority, Once([&] {
                    char name[16];
                    EXPECT_EQ(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
                    names.emplace_back(name);
                    sigset_t blocked;
                    EXPECT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
                    EXPECT_TRUE(sigismember(&blocked, SIGTERM));
                    EXPECT_FALSE(sigismember(&blocked, SIGSEGV));
                    done.Fire();
                  }));
    executor.Await(done);
  }
  EXPECT_THAT(names, ElementsAre("lumen-commit", "lumen-read", "lumen-prepare", "lumen-flush",
                                 "lumen-compact"));
  sigset_t blocked;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_FALSE(sigismember(&blocked, SIGTERM));
}

TEST(SteadyClock, MovesForwardAndSleepsAtLeastAsLongAsAsked) {
  SteadyClock clock;
  const int64_t before_ns = clock.NowNanos();
  clock.SleepNanos(1'000'000);
  EXPECT_GE(clock.NowNanos(), before_ns + 1'000'000);
}

TEST(SystemRandom, NeverRepeatsAcrossThreadsAndRefills) {
  SystemRandom random;
  std::set<uint64_t> seen[2];
  std::thread other([&] {
    for (int i = 0; i < 1000; i++) seen[0].insert(random.Next64());
  });
  for (int i = 0; i < 1000; i++) seen[1].insert(random.Next64());
  other.join();
  seen[0].merge(seen[1]);
  EXPECT_EQ(seen[0].size(), 2000u);
}

TEST(PosixEnvironment, ItsPartsWorkTogether) {
  PosixEnvironment posix;
  const Environment environment = posix.environment();
  Completion done;
  environment.executor.PostAfter(Priority::kFlush, 1000, Once([&] { done.Fire(); }));
  environment.executor.Await(done);
  EXPECT_TRUE(environment.executor.threaded());
  EXPECT_NE(environment.random.Next64(), environment.random.Next64());
  EXPECT_TRUE(*environment.file_system.Exists("/"));
}

}  // namespace
}  // namespace lumen
