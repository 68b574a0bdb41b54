// The wire contract of kv.KeyValueStore, seen by a client over a real connection: meanings, limits
// at their bound and one beyond, and what each kind of bad input is answered.
#include "server/server.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lumen/v1/admin.grpc.pb.h"
#include "lumen/v1/kv.grpc.pb.h"
#include "server/errors.h"
#include "server/test_server.h"

namespace lumen {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Property;

testing::Matcher<grpc::Status> Fails(grpc::StatusCode code, const std::string& words) {
  return AllOf(Property(&grpc::Status::error_code, code),
               Property(&grpc::Status::error_message, HasSubstr(words)));
}
testing::Matcher<grpc::Status> Succeeds() {
  return Property(&grpc::Status::error_code, grpc::StatusCode::OK);
}

TEST(Server, GetReturnsTheLastPut) {
  TestServer server;
  const std::string binary("\x00\xff\x80\n", 4);
  EXPECT_THAT(server.Put("faang", "hired"), Succeeds());
  EXPECT_THAT(server.Put("faang", binary), Succeeds());
  kv::GetResponse response;
  EXPECT_THAT(server.Get("faang", &response), Succeeds());
  EXPECT_TRUE(response.found());
  EXPECT_EQ(response.value(), binary);
}

TEST(Server, AbsentKeyIsNotAnError) {
  TestServer server;
  kv::GetResponse response;
  EXPECT_THAT(server.Get("nobody", &response), Succeeds());
  EXPECT_FALSE(response.found());
  EXPECT_EQ(response.value(), "");
}

TEST(Server, EmptyValueIsFound) {
  TestServer server;
  EXPECT_THAT(server.Put("k", ""), Succeeds());
  kv::GetResponse response;
  EXPECT_THAT(server.Get("k", &response), Succeeds());
  EXPECT_TRUE(response.found());
}

TEST(Server, DeleteSaysWhetherTheKeyExisted) {
  TestServer server;
  EXPECT_THAT(server.Put("k", "v"), Succeeds());
  kv::DeleteResponse response;
  EXPECT_THAT(server.Delete("k", &response), Succeeds());
  EXPECT_TRUE(response.success());
  EXPECT_THAT(server.Delete("k", &response), Succeeds());
  EXPECT_FALSE(response.success());
}

TEST(Server, ReadsThatMissMemoryAreAnsweredFromThePool) {
  TestServer server;
  EXPECT_THAT(server.Put("k", "v"), Succeeds());
  server.engine().PretendOnDisk([] {});
  kv::GetResponse response;
  EXPECT_THAT(server.Get("k", &response), Succeeds());
  EXPECT_EQ(response.value(), "v");
  EXPECT_THAT(server.Get("absent", &response), Succeeds());
  EXPECT_FALSE(response.found());
}

// Tiny limits, so that the sizes around them stay readable.
ServerOptions SmallLimits() {
  ServerOptions options;
  options.limits = {.max_key_bytes = 100,
                    .max_value_bytes = 1000,
                    .max_batch_bytes = 1100,
                    .max_batch_operations = 10};
  return options;
}

TEST(Server, LimitsHoldAtTheirBound) {
  TestServer server(SmallLimits());
  EXPECT_THAT(server.Put(std::string(100, 'k'), std::string(1000, 'v')), Succeeds());
  kv::GetResponse read;
  EXPECT_THAT(server.Get(std::string(100, 'k'), &read), Succeeds());
  EXPECT_EQ(read.value().size(), 1000u);
}

TEST(Server, OneBeyondALimitIsOurInvalidArgument) {
  TestServer server(SmallLimits());
  const std::string long_key(101, 'k');
  kv::GetResponse read;
  kv::DeleteResponse deleted;
  const auto refusal =
      Fails(grpc::StatusCode::INVALID_ARGUMENT, "key has 101 bytes; the limit is 100");
  EXPECT_THAT(server.Put(long_key, "v"), refusal);
  EXPECT_THAT(server.Get(long_key, &read), refusal);
  EXPECT_THAT(server.Delete(long_key, &deleted), refusal);
  EXPECT_THAT(server.Put("k", std::string(1001, 'v')),
              Fails(grpc::StatusCode::INVALID_ARGUMENT, "value has 1001 bytes; the limit is 1000"));
}

TEST(Server, SixtyFourKiBBeyondALimitIsStillOursAndTheRestIsGrpcs) {
  TestServer server(SmallLimits());
  EXPECT_THAT(server.Put("k", std::string(1000 + 65536, 'v')),
              Fails(grpc::StatusCode::INVALID_ARGUMENT, "the limit is 1000"));
  EXPECT_THAT(server.Put(std::string(100 + 65536, 'k'), std::string(1000, 'v')),
              Fails(grpc::StatusCode::INVALID_ARGUMENT, "the limit is 100"));
  EXPECT_THAT(server.Put("k", std::string(200'000, 'v')),
              Fails(grpc::StatusCode::RESOURCE_EXHAUSTED, "larger than max"));
}

TEST(Server, LargestDefaultValueIsReadByAClientWithStockSettings) {
  const ServerOptions options;
  TestServer server;
  EXPECT_THAT(server.Put("k", std::string(options.limits.max_value_bytes, 'v')), Succeeds());
  auto stub = kv::KeyValueStore::NewStub(
      grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()));
  kv::GetRequest request;
  request.set_key("k");
  kv::GetResponse response;
  EXPECT_THAT(stub->Get(NewContext().get(), request, &response), Succeeds());
  EXPECT_EQ(response.value().size(), options.limits.max_value_bytes);
}

const std::vector<std::string> kOriginal = {"kv.KeyValueStore"};
const std::vector<std::string> kOurs = {"kv.KeyValueStore", "lumen.v1.KeyValue", "lumen.v1.Admin"};

// Every method of the services, from their descriptors: a method added later is covered too.
template <typename Check>
void ForEachMethod(const std::vector<std::string>& services, Check check) {
  for (const std::string& name : services) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    ASSERT_NE(service, nullptr);
    ASSERT_GE(service->method_count(), 3);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      SCOPED_TRACE(method.full_name());
      check("/" + service->full_name() + "/" + method.name(), method.input_type()->full_name());
    }
  }
}

TEST(Server, EveryMethodNamesMalformedBytes) {
  TestServer server;
  ForEachMethod(kOurs, [&](const std::string& method, const std::string& type) {
    for (const std::string& body : {std::string("\x0a\x05"
                                                "ab"),  // cut in the key
                                    std::string("\xff\xff\xff"), std::string("\x0b"),
                                    std::string("\x0f\x01"), std::string(1, '\0')}) {
      EXPECT_THAT(server.CallRaw(method, body),
                  Fails(grpc::StatusCode::INVALID_ARGUMENT,
                        "request body is not a " + type + ": malformed protobuf"));
    }
  });
}

TEST(Server, EveryMethodNamesAKeyThatIsNotUtf8) {
  TestServer server;
  ForEachMethod(kOriginal, [&](const std::string& method, const std::string& type) {
    EXPECT_THAT(server.CallRaw(method, std::string("\x0a\x02\xc3\x28")),
                Fails(grpc::StatusCode::INVALID_ARGUMENT,
                      "key is not valid UTF-8, which " + type + ".key has to be"));
  });
}

TEST(Server, EveryMethodRefusesAnEmptyKey) {
  TestServer server;
  ForEachMethod(kOriginal, [&](const std::string& method, const std::string&) {
    EXPECT_THAT(server.CallRaw(method, ""),
                Fails(grpc::StatusCode::INVALID_ARGUMENT, "key must not be empty"));
  });
}

// A request that the method accepts: most take a key or a name as their first field.
std::string SomeRequest(const std::string& method) {
  if (method == "/lumen.v1.KeyValue/Write") return "\x0a\x05\x0a\x03\x0a\x01k";
  if (method == "/lumen.v1.Admin/SetLogLevel") return "\x0a\x04info";
  return "\x0a\x01k";
}

TEST(Server, EveryMethodIsRefusedWithThePercentageDuringRecovery) {
  TestServer server({}, TestServer::Start::kRecovering);
  server.server().ReportRecovery(41, 100);
  ForEachMethod(kOurs, [&](const std::string& method, const std::string&) {
    EXPECT_THAT(server.CallRaw(method, SomeRequest(method)),
                Fails(grpc::StatusCode::UNAVAILABLE, "recovering: replayed 41 %"));
  });
  server.server().Serve(server.engine());
  EXPECT_THAT(server.Put("k", "v"), Succeeds());
}

TEST(Server, UnknownFieldsAreIgnored) {
  TestServer server;
  EXPECT_THAT(server.CallRaw("/kv.KeyValueStore/Put", "\x0a\x01k\x12\x01v\x1a\x03new"), Succeeds());
  kv::GetResponse response;
  EXPECT_THAT(server.Get("k", &response), Succeeds());
  EXPECT_EQ(response.value(), "v");
}

TEST(Server, UnknownMethodIsUnimplemented) {
  TestServer server;
  const grpc::Status status = server.CallRaw("/kv.KeyValueStore/Frobnicate", "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("no method /kv.KeyValueStore/Frobnicate;"));
}

TEST(Server, UnknownMethodIsNamedAsFarAsThereIsRoom) {
  TestServer server;
  const grpc::Status status = server.CallRaw("/a/" + std::string(4000, '%'), "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("%%%...; reflection lists"));
}

TEST(Server, UnknownMethodIsAnsweredBeforeItsBody) {
  TestServer server;
  // More than a client may send unasked.
  EXPECT_EQ(server.CallRaw("/no.Such/Method", std::string(size_t{256} << 10, 'x')).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// One such call after the other, and several at a time, because what gRPC does with them when left
// to it goes wrong only where the next one has come before it asks for it.
TEST(Server, AFloodOfUnknownMethodsIsAnswered) {
  constexpr int kThreads = 4;
  constexpr int kInFlight = 32;
  constexpr int kCalls = 1'000;
  TestServer server;
  std::atomic<int> unimplemented = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kThreads; ++i) {
      clients.emplace_back([&, channel = server.NewChannel()] {
        grpc::GenericStub stub(channel);
        std::counting_semaphore<kInFlight> room(kInFlight);
        const grpc::Slice empty;
        const grpc::ByteBuffer request(&empty, 1);
        struct Call {
          std::unique_ptr<grpc::ClientContext> context = NewContext();
          grpc::ByteBuffer response;
        };
        for (int n = 0; n < kCalls; ++n) {
          room.acquire();
          auto* call = new Call;
          stub.UnaryCall(call->context.get(), "/no.Such/Method", {}, &request, &call->response,
                         [&, call](const grpc::Status& status) {
                           if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
                             ++unimplemented;
                           }
                           delete call;
                           room.release();
                         });
        }
        for (int n = 0; n < kInFlight; ++n) room.acquire();
      });
    }
  }
  EXPECT_EQ(unimplemented, kThreads * kCalls);
}

TEST(Server, EngineErrorsKeepTheirCodeAndWords) {
  TestServer server;
  for (const auto& [from, to] : {
           std::pair(absl::ResourceExhaustedError("disk full"),
                     grpc::StatusCode::RESOURCE_EXHAUSTED),
           std::pair(absl::FailedPreconditionError("read-only"),
                     grpc::StatusCode::FAILED_PRECONDITION),
           std::pair(absl::UnknownError("in doubt"), grpc::StatusCode::UNKNOWN),
           std::pair(absl::DataLossError("rule 2"), grpc::StatusCode::DATA_LOSS),
           std::pair(absl::InternalError("EIO"), grpc::StatusCode::INTERNAL),
       }) {
    server.engine().FailWrites(from);
    EXPECT_THAT(server.Put("k", "v"), Fails(to, std::string(from.message())));
  }
}

TEST(Errors, LongMessagesAreCutToWhatClientsAcceptInAHeader) {
  const grpc::Status status = ToStatus(ToRefusal(absl::DataLossError(std::string(100'000, 'x'))));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_LE(status.error_message().size() + status.error_details().size(), 6000u);
}

TEST(Server, CallsBeyondTheLimitAreToldToComeBack) {
  ServerOptions options;
  options.admission.calls = 1;
  TestServer server(options);
  server.engine().HoldWrites();
  auto stub = kv::KeyValueStore::NewStub(server.NewChannel());
  kv::PutRequest request;
  request.set_key("k");
  const auto first_context = NewContext();
  kv::PutResponse first_response;
  std::promise<grpc::Status> first;
  stub->async()->Put(first_context.get(), &request, &first_response,
                     [&](grpc::Status status) { first.set_value(status); });
  while (server.engine().held() == 0) std::this_thread::yield();

  const auto second_context = NewContext();
  kv::PutResponse second_response;
  EXPECT_THAT(stub->Put(second_context.get(), request, &second_response),
              Fails(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls"));
  EXPECT_EQ(second_context->GetServerTrailingMetadata().count(kRetryPushbackKey), 1u);

  // Which is when an operator wants to look.
  auto admin = v1::Admin::NewStub(server.NewChannel());
  v1::StatusResponse status;
  EXPECT_THAT(admin->Status(NewContext().get(), {}, &status), Succeeds());
  EXPECT_EQ(status.calls(), 2u);
  EXPECT_EQ(status.refused_calls(), 1u);

  server.engine().Release();
  EXPECT_THAT(first.get_future().get(), Succeeds());
  // Its client may have the answer before gRPC has told the server so.
  grpc::Status next;
  do {
    next = server.Put("k", "v");
  } while (next.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(next, Succeeds());
}

TEST(Server, SecondServerOnThePortIsRefused) {
  TestServer first;
  ServerOptions options;
  options.listen = first.address();
  const auto second = Server::Start(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("cannot listen on 127.0.0.1:"));
  EXPECT_THAT(first.Put("k", "v"), Succeeds());
}

}  // namespace
}  // namespace lumen
