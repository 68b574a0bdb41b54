// The client library against a small server of its own: results, errors with the server's code and
// words, and what it says when there is no server.
#include "client/client.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "engine/base/mutex.h"
#include "kv.grpc.pb.h"

namespace lumen {
namespace {

using ::testing::HasSubstr;

class MapService final : public kv::KeyValueStore::Service {
 public:
  grpc::Status Put(grpc::ServerContext*, const kv::PutRequest* request,
                   kv::PutResponse* response) override {
    MutexLock lock(mutex_);
    if (request->key() == "full") {
      return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "disk full");
    }
    entries_[request->key()] = request->value();
    response->set_success(true);
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const kv::GetRequest* request,
                   kv::GetResponse* response) override {
    MutexLock lock(mutex_);
    if (request->key() == "corrupt") return grpc::Status(grpc::StatusCode::DATA_LOSS, "rule 2");
    const auto found = entries_.find(request->key());
    response->set_found(found != entries_.end());
    if (response->found()) response->set_value(found->second);
    return grpc::Status::OK;
  }
  grpc::Status Delete(grpc::ServerContext*, const kv::DeleteRequest* request,
                      kv::DeleteResponse* response) override {
    MutexLock lock(mutex_);
    response->set_success(entries_.erase(request->key()) > 0);
    return grpc::Status::OK;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::string> entries_ GUARDED_BY(mutex_);
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    client_options_.server = "127.0.0.1:" + std::to_string(port);
    client_ = std::make_unique<Client>(client_options_);
  }

  MapService service_;
  std::unique_ptr<grpc::Server> server_;
  ClientOptions client_options_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, ReadsWhatItWroteUntilItIsDeleted) {
  const std::string binary("a\0\xff", 3);
  EXPECT_TRUE(client_->Put("k", binary).ok());
  EXPECT_EQ(*client_->Get("k"), binary);
  EXPECT_EQ(*client_->Delete("k"), true);
  EXPECT_EQ(*client_->Delete("k"), false);
  EXPECT_EQ(*client_->Get("k"), std::nullopt);
}

TEST_F(ClientTest, ErrorsKeepTheServersCodeAndWords) {
  const absl::Status put = client_->Put("full", "v");
  EXPECT_EQ(put.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(put.ToString(), HasSubstr("put at 127.0.0.1:"));
  EXPECT_THAT(put.ToString(), HasSubstr("disk full"));
  EXPECT_EQ(client_->Get("corrupt").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ClientTest, ACallbackMayStartTheNextCall) {
  std::promise<std::optional<std::string>> read;
  client_->PutAsync("k", "v", [&](const absl::Status& put) {
    EXPECT_TRUE(put.ok());
    client_->GetAsync("k", [&](const auto& found) { read.set_value(*found); });
  });
  EXPECT_EQ(read.get_future().get(), "v");
}

TEST_F(ClientTest, AClientOutlivesItsCallbacks) {
  bool deleted = false;
  client_->DeleteAsync("k", [&](const auto& existed) { deleted = existed.ok(); });
  client_.reset();
  EXPECT_TRUE(deleted);
}

// Whoever lets go of a channel last joins gRPC's threads; a callback that did would join itself.
TEST_F(ClientTest, ConnectionsComeAndGoWithCallsJustAnswered) {
  for (int i = 0; i < 200; ++i) {
    Client client(client_options_);
    const absl::Status put = client.Put("k", "v");
    ASSERT_TRUE(put.ok()) << put;
  }
}

TEST_F(ClientTest, AServerThatIsGoneIsUnavailable) {
  EXPECT_TRUE(client_->WaitUntilConnected(std::chrono::seconds(10)).ok());
  server_->Shutdown();
  EXPECT_EQ(client_->Put("k", "v").code(), absl::StatusCode::kUnavailable);
  const absl::Status connected = client_->WaitUntilConnected(std::chrono::milliseconds(50));
  EXPECT_EQ(connected.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(connected.ToString(), HasSubstr("cannot connect to 127.0.0.1:"));
}

// A server on a busy machine, or one that has not got round to accepting.
TEST_F(ClientTest, AServerThatGreetsLateIsWaitedFor) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener, name, size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, name, &size), 0);
  std::jthread greeter([&] {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    grpc::AddInsecureChannelFromFd(server_.get(), connection);
  });
  ClientOptions late;
  late.server = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const absl::Status put = Client(late).Put("k", "v");
  EXPECT_TRUE(put.ok()) << put;
  close(listener);
}

TEST_F(ClientTest, AServerWithoutHealthIsNotTakenForServing) {
  EXPECT_EQ(client_->WaitUntilServing(std::chrono::seconds(10)).code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace lumen
