// What grpcurl, buf and health probes rely on: both versions of reflection list every service and
// describe each of them, and health follows the server's state.
#include "server/reflection.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "server/test_server.h"

namespace lumen {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;
using ::testing::Contains;
using ::testing::UnorderedElementsAre;

// Asks one question over a fresh stream. The method is generic: there is no generated client.
ServerReflectionResponse Ask(const TestServer& server, const std::string& version,
                             const ServerReflectionRequest& question) {
  grpc::GenericStub stub(server.NewChannel());
  grpc::CompletionQueue queue;
  const auto context = NewContext();
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  auto call = stub.PrepareCall(
      context.get(), "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo",
      &queue);
  call->StartCall(nullptr);
  EXPECT_TRUE(next());
  grpc::ByteBuffer body;
  bool own_buffer = false;
  EXPECT_TRUE(
      grpc::SerializationTraits<ServerReflectionRequest>::Serialize(question, &body, &own_buffer)
          .ok());
  call->WriteLast(body, grpc::WriteOptions(), nullptr);
  EXPECT_TRUE(next());
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  EXPECT_TRUE(next());
  ServerReflectionResponse response;
  EXPECT_TRUE(
      grpc::SerializationTraits<ServerReflectionResponse>::Deserialize(&reply, &response).ok());
  grpc::Status status;
  call->Finish(&status, nullptr);
  EXPECT_TRUE(next());
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

class Reflection : public testing::TestWithParam<std::string> {
 protected:
  ServerReflectionResponse AskSymbol(const std::string& symbol) {
    ServerReflectionRequest question;
    question.set_file_containing_symbol(symbol);
    return Ask(server_, GetParam(), question);
  }
  TestServer server_;
};
INSTANTIATE_TEST_SUITE_P(Versions, Reflection, testing::Values("v1", "v1alpha"));

TEST_P(Reflection, ListsEveryServiceAndDescribesEach) {
  ServerReflectionRequest question;
  question.set_list_services("*");
  const ServerReflectionResponse listed = Ask(server_, GetParam(), question);
  std::vector<std::string> names;
  for (const auto& service : listed.list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_THAT(names,
              UnorderedElementsAre("kv.KeyValueStore", "lumen.v1.KeyValue", "lumen.v1.Admin",
                                   "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                   "grpc.reflection.v1alpha.ServerReflection"));
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const ServerReflectionResponse described = AskSymbol(name);
    ASSERT_EQ(described.file_descriptor_response().file_descriptor_proto_size(), 1);
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(
        file.ParseFromString(described.file_descriptor_response().file_descriptor_proto(0)));
    ASSERT_EQ(file.service_size(), 1);
    EXPECT_EQ(file.package() + "." + file.service(0).name(), name);
    for (const auto& method : file.service(0).method()) {
      EXPECT_TRUE(method.input_type().starts_with("." + file.package() + "."));
    }
  }
}

TEST_P(Reflection, AnswersWithAnErrorAndGoesOn) {
  EXPECT_EQ(AskSymbol("no.such.Symbol").error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  ServerReflectionRequest question;
  EXPECT_EQ(Ask(server_, GetParam(), question).error_response().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  question.set_file_by_filename("kv.proto");
  const ServerReflectionResponse file = Ask(server_, GetParam(), question);
  EXPECT_EQ(file.original_request().file_by_filename(), "kv.proto");
  EXPECT_EQ(file.file_descriptor_response().file_descriptor_proto_size(), 1);
}

TEST_P(Reflection, KnowsThatThereAreNoExtensions) {
  ServerReflectionRequest question;
  question.set_all_extension_numbers_of_type("kv.PutRequest");
  const ServerReflectionResponse response = Ask(server_, GetParam(), question);
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(), "kv.PutRequest");
  EXPECT_EQ(response.all_extension_numbers_response().extension_number_size(), 0);
}

grpc::Status CheckHealth(TestServer& server, const std::string& service,
                         HealthCheckResponse* response) {
  auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  HealthCheckRequest request;
  request.set_service(service);
  return stub->Check(NewContext().get(), request, response);
}

TEST(Health, FollowsTheServerForBothNames) {
  TestServer server({}, TestServer::Start::kRecovering);
  for (const std::string service : {"", "kv.KeyValueStore"}) {
    HealthCheckResponse response;
    EXPECT_TRUE(CheckHealth(server, service, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  }
  server.server().Serve(server.engine());
  for (const std::string service : {"", "kv.KeyValueStore"}) {
    HealthCheckResponse response;
    EXPECT_TRUE(CheckHealth(server, service, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  }
}

TEST(Health, UnknownServiceIsNotFound) {
  TestServer server;
  HealthCheckResponse response;
  EXPECT_EQ(CheckHealth(server, "other", &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(Health, WatchReportsEveryChangeInOrder) {
  TestServer server({}, TestServer::Start::kRecovering);
  auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  const auto context = NewContext();
  HealthCheckRequest request;
  request.set_service("kv.KeyValueStore");
  auto watch = stub->Watch(context.get(), request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  server.server().Serve(server.engine());
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  context->TryCancel();
  EXPECT_FALSE(watch->Read(&response));
}

TEST(Health, WatchOfAnUnknownServiceStaysOpen) {
  TestServer server;
  auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  const auto context = NewContext();
  HealthCheckRequest request;
  request.set_service("other");
  auto watch = stub->Watch(context.get(), request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  context->TryCancel();
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace lumen
