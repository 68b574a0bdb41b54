// Commits on the threads that serve calls: none is forgotten, whoever posts it and whatever the
// loops are doing.
#include "server/loop_executor.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/call_loops.h"
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

// A write that another server's loop posts to this one's engine.
TEST_F(LoopExecutorTest, ALoopOfAnotherServerIsAnOutsider) {
  KeepingExecutor other_threads;
  LoopExecutor other{other_threads};
  const TestServer server(WithCommits(executor_));
  const TestServer other_server(WithCommits(other));
  for (int i = 0; i < 200; ++i) {
    std::promise<void> done;
    other.Post(Priority::kCommit,
               Make([&] { executor_.Post(Priority::kCommit, Make([&] { done.set_value(); })); }));
    ASSERT_TRUE(InTime(done)) << "step " << i;
  }
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

// Every call of it takes a while.
class SlowService final : public RpcService {
 public:
  SlowService() : RpcService("test.Slow") {
    Add("Call", [](UnaryRpc& rpc) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      rpc.Finish(grpc::Status::OK);
    });
  }
};

// Calls `/test.Slow/Call` as fast as it is answered, many at a time, until it is destroyed.
class Flood {
 public:
  Flood(const std::string& address, int in_flight)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())), left_(in_flight) {
    for (int i = 0; i < in_flight; ++i) Call();
  }
  ~Flood() {
    stop_ = true;
    left_.wait();
  }
  int answered() const { return answered_; }

 private:
  struct Slot {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };

  void Call() {
    auto slot = std::make_shared<Slot>();
    const grpc::Slice nothing("", 0);
    slot->request = grpc::ByteBuffer(&nothing, 1);
    Slot& started = *slot;
    stub_.UnaryCall(&started.context, "/test.Slow/Call", grpc::StubOptions(), &started.request,
                    &started.response,
                    [this, slot = std::move(slot)](const grpc::Status& status) mutable {
                      // It refers to the channel, whose last holder must not be one of gRPC's
                      // callback threads (client/client.cc).
                      slot.reset();
                      EXPECT_TRUE(status.ok()) << status.error_message();
                      ++answered_;
                      if (stop_) return left_.count_down();
                      Call();
                    });
  }

  grpc::GenericStub stub_;
  std::latch left_;
  std::atomic<bool> stop_{false};
  std::atomic<int> answered_{0};
};

class LoopsUnderLoad : public testing::TestWithParam<int> {
 protected:
  LoopsUnderLoad() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    loops_.AddQueues(builder, GetParam());
    server_ = builder.BuildAndStart();
    loops_.Start({&service_});
  }
  ~LoopsUnderLoad() override {
    loops_.StopTaking();
    server_->Shutdown();
    loops_.Stop();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  int port_ = 0;
  KeepingExecutor threads_;
  LoopExecutor executor_{threads_};
  SlowService service_;
  CallLoops loops_{&executor_};
  std::unique_ptr<grpc::Server> server_;
};

// With 256 calls under way that take a millisecond each there is always an event ready.
TEST_P(LoopsUnderLoad, CommitsAreNotPutOffForLong) {
  const Flood flood(address(), 256);
  while (flood.answered() < 100) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    std::promise<void> done;
    const int answered_before = flood.answered();
    executor_.Post(Priority::kCommit, Make([&] { done.set_value(); }));
    ASSERT_TRUE(InTime(done)) << "step " << i;
    // Of 256 under way, and as many again whenever those are answered.
    EXPECT_LT(flood.answered() - answered_before, 200) << "step " << i;
  }
}
INSTANTIATE_TEST_SUITE_P(Queues, LoopsUnderLoad, testing::Values(1, 3));

}  // namespace
}  // namespace lumen
