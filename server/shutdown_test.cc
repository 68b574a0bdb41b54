// Draining: every call that reached the engine is answered, new ones are refused, and nothing that
// a client does or leaves undone keeps Shutdown from returning.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "lumen/v1/kv.grpc.pb.h"
#include "server/test_server.h"

namespace lumen {
namespace {

using ::testing::HasSubstr;

ServerOptions ShortDrain() {
  ServerOptions options;
  options.drain_timeout = std::chrono::milliseconds(200);
  return options;
}

grpc::Status Get(kv::KeyValueStore::Stub& stub) {
  kv::GetRequest request;
  request.set_key("k");
  kv::GetResponse response;
  return stub.Get(NewContext().get(), request, &response);
}

// How long a drain takes that waits for nobody.
bool IsShort(std::chrono::steady_clock::duration took) { return took < std::chrono::seconds(4); }

// One Put that the caller waits for later.
class PendingPut {
 public:
  PendingPut(kv::KeyValueStore::Stub& stub, const std::string& key,
             std::unique_ptr<grpc::ClientContext> context = NewContext())
      : context_(std::move(context)) {
    request_.set_key(key);
    stub.async()->Put(context_.get(), &request_, &response_,
                      [this](grpc::Status status) { done_.set_value(std::move(status)); });
  }
  grpc::Status Wait() { return done_.get_future().get(); }
  grpc::ClientContext& context() { return *context_; }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  kv::PutRequest request_;
  kv::PutResponse response_;
  std::promise<grpc::Status> done_;
};

TEST(Shutdown, AnswersTheWritesThatReachedTheEngine) {
  TestServer server;
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  std::vector<std::unique_ptr<PendingPut>> puts;
  for (int i = 0; i < 32; ++i) {
    puts.push_back(std::make_unique<PendingPut>(*stub, "k" + std::to_string(i)));
  }
  while (server.engine().held() < 32) std::this_thread::yield();
  std::jthread shutdown([&] { server.server().Shutdown(); });
  server.engine().Release();
  for (auto& put : puts) EXPECT_TRUE(put->Wait().ok());
}

TEST(Shutdown, NewCallsAreRefusedWhileDraining) {
  TestServer server;
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  PendingPut held(*stub, "held");
  while (server.engine().held() == 0) std::this_thread::yield();
  std::jthread shutdown([&] { server.server().Shutdown(); });
  while (Get(*stub).ok()) std::this_thread::yield();
  const auto of_new_connection = kv::KeyValueStore::NewStub(server.NewChannel());
  for (auto* late : {stub.get(), of_new_connection.get()}) {
    const grpc::Status status = Get(*late);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(status.error_message(), HasSubstr("draining"));
  }
  server.engine().Release();
  const grpc::Status answer = held.Wait();
  EXPECT_TRUE(answer.ok()) << answer.error_message();
}

// Nobody could tell the client later what became of it.
TEST(Shutdown, AWriteIsAnsweredHoweverLongTheEngineTakes) {
  TestServer server(ShortDrain());
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  PendingPut held(*stub, "held");
  while (server.engine().held() == 0) std::this_thread::yield();
  std::jthread shutdown([&] { server.server().Shutdown(); });
  // The drain timeout, and whatever gRPC is given after it, are long over by then.
  std::this_thread::sleep_for(std::chrono::seconds(3));
  server.engine().Release();
  EXPECT_TRUE(held.Wait().ok());
}

TEST(Shutdown, DrainingIsWhatARefusedCallReads) {
  ServingState state;
  FakeEngine engine;
  state.Serve(engine);
  EXPECT_EQ(state.engine(), &engine);
  state.Drain();
  EXPECT_EQ(state.engine(), nullptr);
  EXPECT_EQ(state.WhyNot().reason, Reason::kDraining);
  EXPECT_THAT(state.WhyNot().message, HasSubstr("draining"));
}

TEST(Shutdown, DoesNotWaitForAStreamThatIsHalfOpen) {
  TestServer server;
  // A unary method, opened, its request never sent.
  grpc::GenericStub stub(server.NewChannel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  auto call = stub.PrepareCall(&context, "/kv.KeyValueStore/Put", &queue);
  call->StartCall(&context);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  kv::GetResponse response;
  ASSERT_TRUE(server.Get("k", &response).ok());

  const auto before = std::chrono::steady_clock::now();
  server.server().Shutdown();
  EXPECT_TRUE(IsShort(std::chrono::steady_clock::now() - before));

  grpc::Status status;
  call->Finish(&status, &status);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

TEST(Shutdown, DoesNotWaitForAnIdleReflectionStream) {
  TestServer server;
  grpc::GenericStub stub(server.NewChannel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  auto call = stub.PrepareCall(&context,
                               "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(&context);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  kv::GetResponse response;
  ASSERT_TRUE(server.Get("k", &response).ok());
  const auto before = std::chrono::steady_clock::now();
  server.server().Shutdown();
  EXPECT_TRUE(IsShort(std::chrono::steady_clock::now() - before));
  context.TryCancel();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

TEST(Shutdown, EndsOpenHealthWatches) {
  TestServer server;
  auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  const auto context = NewContext();
  grpc::health::v1::HealthCheckRequest request;
  auto watch = stub->Watch(context.get(), request);
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  std::jthread shutdown([&] { server.server().Shutdown(); });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_TRUE(watch->Finish().ok());
}

// A client that watches opens the next watch as soon as one ends.
TEST(Shutdown, AHealthWatchEndsOnlyWhenTheLastCallHas) {
  TestServer server;
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  PendingPut held(*stub, "held");
  while (server.engine().held() == 0) std::this_thread::yield();
  std::jthread shutdown([&] { server.server().Shutdown(); });
  while (Get(*stub).ok()) std::this_thread::yield();

  const auto health = grpc::health::v1::Health::NewStub(server.NewChannel());
  const auto context = NewContext();
  auto watch = health->Watch(context.get(), {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  std::atomic<bool> ended = false;
  std::jthread reader([&] {
    EXPECT_FALSE(watch->Read(&response));
    ended = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(ended);
  server.engine().Release();
  EXPECT_TRUE(held.Wait().ok());
  reader.join();
  EXPECT_TRUE(watch->Finish().ok());
}

// The engine's iterator pauses instead of looking for a live key for as long as it takes.
TEST(Shutdown, EndsAScanThatMeetsNothingButDeletedKeys) {
  TestServer server;
  const auto store = v1::KeyValue::NewStub(server.NewChannel());
  const auto context = NewContext();
  const auto reader = store->Scan(context.get(), {});
  while (server.engine().open_snapshots() == 0) std::this_thread::yield();
  std::jthread shutdown([&] { server.server().Shutdown(); });
  v1::ScanResponse message;
  EXPECT_FALSE(reader->Read(&message));
  const grpc::Status end = reader->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << end.error_message();
  EXPECT_THAT(end.error_message(), HasSubstr("draining"));
}

TEST(Scan, ThatMeetsNothingButDeletedKeysEndsWhenItsClientLeaves) {
  TestServer server;
  const auto store = v1::KeyValue::NewStub(server.NewChannel());
  const auto context = NewContext();
  const auto reader = store->Scan(context.get(), {});
  while (server.engine().open_snapshots() == 0) std::this_thread::yield();
  context->TryCancel();
  while (server.engine().open_snapshots() > 0) std::this_thread::yield();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(Shutdown, ReturnsThoughAClientAbandonedItsWrite) {
  TestServer server(ShortDrain());
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  PendingPut put(*stub, "k");
  while (server.engine().held() == 0) std::this_thread::yield();
  put.context().TryCancel();
  EXPECT_EQ(put.Wait().error_code(), grpc::StatusCode::CANCELLED);
  server.engine().Release();
  server.server().Shutdown();
}

TEST(Deadline, PassedBeforeAReadIsStartedMeansNoRead) {
  ServerOptions options;
  options.reads.threads = 1;
  TestServer server(options);
  std::binary_semaphore entered(0);
  std::binary_semaphore leave(0);
  std::atomic<int> reads = 0;
  server.engine().PretendOnDisk([&] {
    if (++reads > 1) return;
    entered.release();
    leave.acquire();
  });
  std::jthread first([&] {
    kv::GetResponse response;
    EXPECT_TRUE(server.Get("k", &response).ok());
  });
  entered.acquire();

  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  kv::GetRequest request;
  request.set_key("k");
  kv::GetResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  EXPECT_EQ(stub->Get(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // The server counts from the call's arrival, which a busy machine puts off.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  leave.release();
  first.join();
  server.server().Shutdown();
  EXPECT_EQ(reads, 1);
}

TEST(ReadPool, RefusesWhatItsQueueCannotHoldAndRunsTheRestBeforeItGoes) {
  std::latch busy(1);
  std::latch go(1);
  int ran = 0;
  {
    ReadPool pool({.threads = 1, .max_queued = 2});
    ASSERT_TRUE(pool.TryPost([&] {
      busy.count_down();
      go.wait();
      ++ran;
    }));
    busy.wait();
    EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
    EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
    EXPECT_FALSE(pool.TryPost([&] { ++ran; }));
    go.count_down();
  }
  EXPECT_EQ(ran, 3);
}

// What gRPC forgets of calls that begin while it shuts down would keep Shutdown from returning.
TEST(Shutdown, ReturnsWhileCallsComeAndGo) {
  for (int round = 0; round < 15; ++round) {
    auto server = std::make_unique<TestServer>(ShortDrain());
    std::atomic<bool> stop{false};
    {
      std::vector<std::jthread> clients;
      for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&, i, channel = server->NewChannel()] {
          const char* const methods[] = {"/kv.KeyValueStore/Put", "/lumen.v1.KeyValue/Scan",
                                         "/grpc.health.v1.Health/Watch", "/no.Such/Method"};
          grpc::GenericStub stub(channel);
          grpc::CompletionQueue queue;
          while (!stop) {
            grpc::ClientContext context;
            context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
            auto call = stub.PrepareCall(&context, methods[i], &queue);
            call->StartCall(nullptr);
            void* tag = nullptr;
            bool ok = false;
            queue.Next(&tag, &ok);
            context.TryCancel();
            grpc::Status status;
            call->Finish(&status, nullptr);
            queue.Next(&tag, &ok);
          }
        });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2 + round % 7));
      server->server().Shutdown();
      stop = true;
    }
  }
}

}  // namespace
}  // namespace lumen
