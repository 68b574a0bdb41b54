// Admin calls that take as long as the engine does: one thread each up to a limit, let go when the
// server drains, and none of them in the way of anything else.
#include "server/long_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/memory_file_system.h"
#include "lumen/v1/admin.grpc.pb.h"
#include "server/test_server.h"

namespace lumen {
namespace {

using grpc::StatusCode;

// A Compact that the caller waits for later.
class PendingCompact {
 public:
  PendingCompact(v1::Admin::Stub& stub, std::atomic<int>& done) : context_(NewContext()) {
    stub.async()->Compact(context_.get(), &request_, &response_,
                          [this, &done](grpc::Status status) {
                            done_.set_value(std::move(status));
                            ++done;
                          });
  }
  StatusCode Wait() { return done_.get_future().get().error_code(); }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  v1::CompactRequest request_;
  v1::CompactResponse response_;
  std::promise<grpc::Status> done_;
};

class LongCallsTest : public testing::Test {
 protected:
  LongCallsTest() : stub_(v1::Admin::NewStub(server_.NewChannel())) {
    server_.engine().HoldCompactions();
  }
  ~LongCallsTest() override {
    server_.engine().ReleaseCompactions();
    while (static_cast<size_t>(done_.load()) < compacts_.size()) std::this_thread::yield();
  }

  void Start(int calls) {
    for (int i = 0; i < calls; ++i) {
      compacts_.push_back(std::make_unique<PendingCompact>(*stub_, done_));
    }
  }
  // Both threads that there are for such calls.
  void OccupyThreads() {
    Start(2);
    while (server_.engine().held_compactions() < 2) std::this_thread::yield();
  }

  TestServer server_;
  std::unique_ptr<v1::Admin::Stub> stub_;
  std::atomic<int> done_ = 0;
  std::vector<std::unique_ptr<PendingCompact>> compacts_;
};

TEST_F(LongCallsTest, AreAnsweredWhenTheirWorkIsDone) {
  OccupyThreads();
  Start(3);
  server_.engine().ReleaseCompactions();
  for (const auto& compact : compacts_) EXPECT_EQ(compact->Wait(), StatusCode::OK);
}

TEST_F(LongCallsTest, DoNotKeepOthersWaiting) {
  OccupyThreads();
  EXPECT_TRUE(server_.Put("k", "v").ok());
  kv::GetResponse read;
  EXPECT_TRUE(server_.Get("k", &read).ok());
  v1::StatusResponse status;
  EXPECT_TRUE(stub_->Status(NewContext().get(), {}, &status).ok());
  const auto context = NewContext();
  const auto verification = stub_->Verify(context.get(), {});
  v1::VerifyResponse message;
  EXPECT_TRUE(verification->Read(&message));
  EXPECT_TRUE(message.done());
  EXPECT_FALSE(verification->Read(&message));
  EXPECT_TRUE(verification->Finish().ok());
}

TEST_F(LongCallsTest, BeyondTheQueueAreRefusedAtOnce) {
  OccupyThreads();
  Start(100);
  // Nobody else is answered before these are.
  while (done_ < 36) std::this_thread::yield();
  server_.engine().ReleaseCompactions();
  int refused = 0;
  for (const auto& compact : compacts_) {
    refused += compact->Wait() == StatusCode::RESOURCE_EXHAUSTED ? 1 : 0;
  }
  EXPECT_EQ(refused, 36);
}

TEST_F(LongCallsTest, AreLetGoWhenTheServerDrainsThoughTheirWorkGoesOn) {
  OccupyThreads();
  Start(3);
  // Until all five are there, beside the call that asks.
  v1::StatusResponse status;
  while (status.calls() < 6) ASSERT_TRUE(stub_->Status(NewContext().get(), {}, &status).ok());
  server_.server().Shutdown();
  for (const auto& compact : compacts_) EXPECT_EQ(compact->Wait(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(server_.engine().held_compactions(), 2u);
}

// More of them than there are threads that serve calls.
TEST(Status, OfADiskThatHangsKeepsNobodyElseWaiting) {
  constexpr int kCalls = 8;
  std::atomic<bool> asked = false;
  std::latch go_on(1);
  MemoryFileSystem disk;
  disk.SetHook([&](MemoryFileSystem::Operation, const std::string&) {
    asked = true;
    go_on.wait();
    return absl::OkStatus();
  });
  ServerOptions options;
  options.admin.files = &disk;
  TestServer server(options);
  std::vector<std::jthread> callers;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([stub = v1::Admin::NewStub(server.NewChannel())] {
      v1::StatusResponse status;
      EXPECT_TRUE(stub->Status(NewContext().get(), {}, &status).ok());
    });
  }
  while (!asked) std::this_thread::yield();
  // While the others arrive.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(server.Put("k", "v").ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  go_on.count_down();
}

}  // namespace
}  // namespace lumen
