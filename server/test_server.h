#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <memory>
#include <string>

#include "kv.grpc.pb.h"
#include "server/fake_engine.h"
#include "server/server.h"

namespace lumen {

inline constexpr auto kCallTimeout = std::chrono::seconds(20);

// A server on a free port of the loopback interface over a fake engine, and one client of it.
class TestServer {
 public:
  enum class Start { kServing, kRecovering };
  explicit TestServer(ServerOptions options = {}, Start start = Start::kServing);
  ~TestServer();

  FakeEngine& engine() { return engine_; }
  Server& server() { return *server_; }
  std::string address() const;
  // A connection of its own.
  std::shared_ptr<grpc::Channel> NewChannel() const;

  grpc::Status Put(const std::string& key, const std::string& value);
  grpc::Status Get(const std::string& key, kv::GetResponse* response);
  grpc::Status Delete(const std::string& key, kv::DeleteResponse* response);
  // Any bytes to any unary method, as "/package.Service/Method".
  grpc::Status CallRaw(const std::string& method, const std::string& body);

 private:
  FakeEngine engine_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<kv::KeyValueStore::Stub> stub_;
};

// A context whose deadline is kCallTimeout from now.
std::unique_ptr<grpc::ClientContext> NewContext();

}  // namespace lumen
