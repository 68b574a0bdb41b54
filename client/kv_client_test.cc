// KvClient, AdminClient and Connection against small servers of their own: what is retried and what
// never is, how streams end, and what is said about servers that are absent, foreign, silent or
// slow.
#include "client/kv_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "client/admin_client.h"
#include "client/call_error.h"
#include "engine/base/check.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lumen {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

grpc::Status Failure(grpc::StatusCode code, const std::string& message, const std::string& reason) {
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_domain("lumen");
  info.set_reason(reason);
  details.add_details()->PackFrom(info);
  if (reason == "OVERLOADED") {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(2'000'000);
    details.add_details()->PackFrom(retry);
  }
  return grpc::Status(code, message, details.SerializeAsString());
}

grpc::Status Overloaded() {
  return Failure(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls wait", "OVERLOADED");
}

constexpr milliseconds kCounting{200};

// Refuses the first `overloads` calls of each kind; a scan sends two messages, and with "hang" as
// prefix then waits for its end. A count comes after kCounting.
class ScriptedService final : public v1::KeyValue::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    if (calls++ < overloads) return Overloaded();
    response->set_found(true);
    response->set_value(request->key());
    response->set_sequence(7);
    return grpc::Status::OK;
  }
  grpc::Status Put(grpc::ServerContext*, const v1::PutRequest* request,
                   v1::PutResponse* response) override {
    if (calls++ < overloads) return Overloaded();
    if (request->key() == "doubt") {
      return Failure(grpc::StatusCode::UNKNOWN, "the sync failed", "IN_DOUBT");
    }
    if (request->key() == "drain") {
      return Failure(grpc::StatusCode::UNAVAILABLE, "the server drains", "DRAINING");
    }
    response->set_sequence(8);
    return grpc::Status::OK;
  }
  grpc::Status Scan(grpc::ServerContext* context, const v1::ScanRequest* request,
                    grpc::ServerWriter<v1::ScanResponse>* writer) override {
    if (calls++ < overloads) return Overloaded();
    if (request->count_only()) {
      std::this_thread::sleep_for(kCounting);
      v1::ScanResponse message;
      message.set_count(2);
      writer->Write(message);
      return grpc::Status::OK;
    }
    for (const char* key : {"a", "b"}) {
      v1::ScanResponse message;
      message.add_entries()->set_key(key);
      writer->Write(message);
    }
    while (request->prefix() == "hang" && !context->IsCancelled()) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    return request->prefix() == "break" ? Overloaded() : grpc::Status::OK;
  }

  std::atomic<int> calls{0};
  std::atomic<int> overloads{0};
};

class KvClientTest : public testing::Test {
 protected:
  KvClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    options_.server = "127.0.0.1:" + std::to_string(port);
    options_.cancellation = &cancellation_;
  }

  KvClient& client() {
    if (client_ == nullptr) {
      connection_ = std::make_unique<Connection>(options_);
      client_ = std::make_unique<KvClient>(*connection_);
    }
    return *client_;
  }
  absl::Status Put(const std::string& key) {
    v1::PutRequest request;
    request.set_key(key);
    return client().Put(request).status();
  }
  absl::Status Scan(const std::string& prefix, size_t stop_after = 100) {
    v1::ScanRequest request;
    request.set_prefix(prefix);
    return client().Scan(request, [&](const v1::ScanResponse& message) {
      for (const auto& entry : message.entries()) scanned_.push_back(entry.key());
      return scanned_.size() < stop_after;
    });
  }

  ScriptedService service_;
  std::unique_ptr<grpc::Server> server_;
  Cancellation cancellation_;
  ConnectionOptions options_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<KvClient> client_;
  std::vector<std::string> scanned_;
};

TEST_F(KvClientTest, KeysAreAnyBytes) {
  v1::GetRequest request;
  request.set_key(std::string("\0\xff", 2));
  const auto response = client().Get(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->value(), request.key());
}

TEST_F(KvClientTest, ReadsAreTriedAgainWhileTheServerIsOverloaded) {
  service_.overloads = 3;
  EXPECT_TRUE(client().Get(v1::GetRequest()).ok());
  EXPECT_EQ(service_.calls, 4);
  service_.calls = 0;
  EXPECT_TRUE(Scan("").ok());
  EXPECT_EQ(service_.calls, 4);
  EXPECT_THAT(scanned_, ElementsAre("a", "b"));
}

TEST_F(KvClientTest, ReadsGiveUpOnAnOverloadThatOutlastsTheTimeout) {
  options_.timeout = milliseconds(200);
  service_.overloads = 1'000'000;
  const absl::Status status = client().Get(v1::GetRequest()).status();
  EXPECT_EQ(ErrorReason(status), "OVERLOADED") << status;
  EXPECT_GT(service_.calls, 1);
}

TEST_F(KvClientTest, WritesAreNeverTriedAgain) {
  service_.overloads = 1;
  const absl::Status status = Put("k");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(status), "OVERLOADED");
  EXPECT_EQ(RetryDelay(status), milliseconds(2));
  EXPECT_FALSE(IsInDoubt(status));
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(KvClientTest, AScanThatHasDeliveredNeverBeginsAgain) {
  EXPECT_EQ(Scan("break").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(service_.calls, 1);
  EXPECT_THAT(scanned_, ElementsAre("a", "b"));
}

TEST_F(KvClientTest, WhetherAWriteIsInDoubtIsKnown) {
  EXPECT_TRUE(IsInDoubt(Put("doubt")));
  EXPECT_FALSE(IsInDoubt(Put("drain")));
  server_->Shutdown();
  const absl::Status broken = Put("k");
  EXPECT_EQ(broken.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(IsInDoubt(broken));
}

TEST_F(KvClientTest, TheCallerEndsAScan) {
  EXPECT_TRUE(Scan("hang", 1).ok());
  EXPECT_THAT(scanned_, ElementsAre("a"));
}

TEST_F(KvClientTest, AScanThatStandsStillTimesOut) {
  options_.timeout = milliseconds(100);
  const absl::Status status = Scan("hang");
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.ToString(), HasSubstr("stopped sending"));
  EXPECT_THAT(scanned_, ElementsAre("a", "b"));
}

TEST_F(KvClientTest, ACountTakesLongerThanTheTimeoutUnlessItHasALimitOfItsOwn) {
  options_.timeout = kCounting / 4;
  v1::ScanRequest request;
  request.set_count_only(true);
  uint64_t count = 0;
  const auto take = [&](const v1::ScanResponse& message) {
    count = message.count();
    return true;
  };
  EXPECT_TRUE(client().Scan(request, take).ok());
  EXPECT_EQ(count, 2u);
  options_.long_call_timeout = kCounting / 4;
  Connection limited(options_);
  EXPECT_EQ(KvClient(limited).Scan(request, take).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(KvClientTest, CancellingEndsTheCallUnderWayAndAllLaterOnes) {
  v1::ScanRequest request;
  request.set_prefix("hang");
  const absl::Status scan = client().Scan(request, [&](const v1::ScanResponse&) {
    cancellation_.Cancel();
    return true;
  });
  EXPECT_EQ(scan.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Put("k").code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(KvClientTest, AServerWithoutTheServiceIsCalledForeign) {
  Connection connection(options_);
  const absl::Status status = AdminClient(connection).Status().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(status.ToString(), HasSubstr("is it a LumenKV server"));
}

// A listening socket on a free port that speaks for no gRPC server.
class PlainSocket {
 public:
  PlainSocket() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(fd_, 8) == 0);
    socklen_t size = sizeof address;
    CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~PlainSocket() {
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  void AnswerWith(const std::string& text) {
    thread_ = std::thread([this, text] {
      for (int peer = accept(fd_, nullptr, nullptr); peer >= 0;
           peer = accept(fd_, nullptr, nullptr)) {
        CHECK(write(peer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        close(peer);
      }
    });
  }
  const std::string& address() const { return address_; }

 private:
  const int fd_;
  std::string address_;
  std::thread thread_;
};

absl::Status ConnectTo(const std::string& server) {
  return Connection({.server = server, .timeout = milliseconds(500)}).Connect();
}

TEST(Connecting, AnAbsentServerIsNoticedAtOnceWithTheReason) {
  const std::string address = PlainSocket().address();  // closed again
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status =
      Connection({.server = address, .timeout = std::chrono::minutes(10)}).Connect();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(), HasSubstr("cannot connect to " + address));
  EXPECT_THAT(status.ToString(), HasSubstr("Connection refused"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
}

TEST(Connecting, AServerThatSpeaksHttpIsNotConnectedTo) {
  PlainSocket http;
  http.AnswerWith("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  const absl::Status status = ConnectTo(http.address());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(),
              HasSubstr("cannot connect to " + http.address() + ": no gRPC server answers there"));
}

TEST(Connecting, AServerThatNeverAnswersIsGivenUp) {
  const PlainSocket silent;
  const absl::Status status = ConnectTo(silent.address());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(), HasSubstr("cannot connect to " + silent.address() +
                                           ": no gRPC server answers there"));
}

TEST(Connecting, AHostWithoutAddressIsNamed) {
  const absl::Status status = ConnectTo("no-such-host.invalid:50051");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(), HasSubstr("no-such-host.invalid"));
}

}  // namespace
}  // namespace lumen
