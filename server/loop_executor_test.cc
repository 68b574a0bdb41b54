// Commits on the threads that serve calls: none is forgotten, whoever posts it and whatever the
// loops are doing.
#include "server/loop_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "server/test_server.h"

namespace lumen {
namespace {

constexpr std::chrono::seconds kPatience(20);

class FunctionStep final : public Step {
 public:
  explicit FunctionStep(std::function<void()> run) : run_(std::move(run)) {}
  StepResult Run(int64_t /*budget*/) override {
    run_();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "test"; }

 private:
  const std::function<void()> run_;
};

std::unique_ptr<Step> Make(std::function<void()> run) {
  return std::make_unique<FunctionStep>(std::move(run));
}

// Keeps what it is given.
class KeepingExecutor final : public Executor {
 public:
  void Post(Priority priority, std::unique_ptr<Step> step) override {
    kept.emplace_back(priority, std::move(step));
  }
  void PostAfter(Priority priority, int64_t /*delay_ns*/, std::unique_ptr<Step> step) override {
    kept.emplace_back(priority, std::move(step));
  }
  void Await(Completion& completion) override { completion.BlockUntilFired(); }
  bool threaded() const override { return true; }

  std::vector<std::pair<Priority, std::unique_ptr<Step>>> kept;
};

bool InTime(std::promise<void>& done) {
  return done.get_future().wait_for(kPatience) == std::future_status::ready;
}

class LoopExecutorTest : public testing::Test {
 protected:
  static ServerOptions WithCommits(LoopExecutor& executor) {
    ServerOptions options;
    options.commits = &executor;
    return options;
  }

  KeepingExecutor threads_;
  LoopExecutor executor_{threads_};
};

TEST_F(LoopExecutorTest, OnlyCommitsAreForTheLoops) {
  const TestServer server(WithCommits(executor_));
  executor_.Post(Priority::kFlush, Make([] {}));
  executor_.PostAfter(Priority::kCommit, 1, Make([] {}));
  ASSERT_EQ(threads_.kept.size(), 2U);
  EXPECT_EQ(threads_.kept[0].first, Priority::kFlush);
  EXPECT_EQ(threads_.kept[1].first, Priority::kCommit);
}

// The loops wait for calls, of which there are none.
TEST_F(LoopExecutorTest, AStepFromOutsideWakesALoop) {
  const TestServer server(WithCommits(executor_));
  for (int i = 0; i < 2000; ++i) {
    std::promise<void> done;
    executor_.Post(Priority::kCommit, Make([&] { done.set_value(); }));
    ASSERT_TRUE(InTime(done)) << "step " << i;
  }
  EXPECT_TRUE(threads_.kept.empty());
}

TEST_F(LoopExecutorTest, StepsOfManyThreadsAreAllDone) {
  const TestServer server(WithCommits(executor_));
  constexpr int kEach = 2000;
  std::atomic<int> left{4 * kEach};
  std::promise<void> done;
  {
    std::vector<std::jthread> posters;
    for (int i = 0; i < 4; ++i) {
      posters.emplace_back([&] {
        for (int n = 0; n < kEach; ++n) {
          executor_.Post(Priority::kCommit, Make([&] {
                           if (--left == 0) done.set_value();
                         }));
        }
      });
    }
  }
  EXPECT_TRUE(InTime(done)) << left << " left";
}

// As a leader does that hands on its leadership: nobody is woken, for this loop looks again.
TEST_F(LoopExecutorTest, AStepMayPostTheNext) {
  const TestServer server(WithCommits(executor_));
  std::promise<void> done;
  int left = 1000;
  std::function<void()> next = [&] {
    if (--left == 0) return done.set_value();
    executor_.Post(Priority::kCommit, Make(next));
  };
  executor_.Post(Priority::kCommit, Make(next));
  EXPECT_TRUE(InTime(done));
}

TEST_F(LoopExecutorTest, CallsGoOnWhileAStepTakesLong) {
  TestServer server(WithCommits(executor_));
  std::promise<void> let_go;
  std::promise<void> done;
  executor_.Post(Priority::kCommit, Make([&] {
                   let_go.get_future().wait();
                   done.set_value();
                 }));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(server.Put("k", "v").ok());
  let_go.set_value();
  EXPECT_TRUE(InTime(done));
}

TEST_F(LoopExecutorTest, ThreadsHaveTheCommitsBeforeAndAfterTheLoops) {
  executor_.Post(Priority::kCommit, Make([] {}));
  EXPECT_EQ(threads_.kept.size(), 1U);
  { const TestServer server(WithCommits(executor_)); }
  executor_.Post(Priority::kCommit, Make([] {}));
  EXPECT_EQ(threads_.kept.size(), 2U);
}

TEST_F(LoopExecutorTest, WhatWaitsWhenTheLoopsEndIsHandedOver) {
  executor_.Attach([] {});
  bool done = false;
  executor_.Post(Priority::kCommit, Make([&] { done = true; }));
  EXPECT_TRUE(threads_.kept.empty());
  executor_.Detach();
  EXPECT_FALSE(executor_.has_work());
  ASSERT_EQ(threads_.kept.size(), 1U);
  EXPECT_EQ(threads_.kept[0].second->Run(1), StepResult::kDone);
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace lumen
