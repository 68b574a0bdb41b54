#include "server/test_server.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <utility>

namespace lumen {

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  return context;
}

TestServer::TestServer(ServerOptions options, Start start) {
  options.listen = "127.0.0.1:0";
  auto server = Server::Start(options);
  if (!server.ok()) {
    ADD_FAILURE() << server.status();
    std::abort();
  }
  server_ = *std::move(server);
  if (start == Start::kServing) server_->Serve(engine_);
  channel_ = NewChannel();
  stub_ = kv::KeyValueStore::NewStub(channel_);
}

TestServer::~TestServer() {
  engine_.Release();
  server_->Shutdown();
}

std::string TestServer::address() const { return "127.0.0.1:" + std::to_string(server_->port()); }

std::shared_ptr<grpc::Channel> TestServer::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(std::numeric_limits<int>::max());
  return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
}

grpc::Status TestServer::Put(const std::string& key, const std::string& value) {
  kv::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  kv::PutResponse response;
  const grpc::Status status = stub_->Put(NewContext().get(), request, &response);
  EXPECT_EQ(response.success(), status.ok());
  return status;
}

grpc::Status TestServer::Get(const std::string& key, kv::GetResponse* response) {
  kv::GetRequest request;
  request.set_key(key);
  return stub_->Get(NewContext().get(), request, response);
}

grpc::Status TestServer::Delete(const std::string& key, kv::DeleteResponse* response) {
  kv::DeleteRequest request;
  request.set_key(key);
  return stub_->Delete(NewContext().get(), request, response);
}

grpc::Status TestServer::CallRaw(const std::string& method, const std::string& body) {
  grpc::GenericStub stub(channel_);
  const grpc::Slice slice(body);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  const auto context = NewContext();
  std::promise<grpc::Status> done;
  stub.UnaryCall(context.get(), method, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace lumen
