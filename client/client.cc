#include "client/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "kv.grpc.pb.h"

namespace lumen {
namespace {

// The largest value a server can be told to take is 16 MiB.
constexpr int kMaxReplyBytes = 17 << 20;
// A restarted server is found soon; gRPC's default is a second.
constexpr int kFirstReconnectMs = 50;
constexpr int kLastReconnectMs = 1000;
// A busy machine's server takes its time to greet: the timeout of a call is what ends the wait.
constexpr int kConnectTimeoutMs = 20'000;

std::shared_ptr<grpc::Channel> Connect(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  // The name misleads: how long one attempt may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLastReconnectMs);
  // Without this all clients in the process share a connection, and its back-off.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

std::chrono::system_clock::time_point After(std::chrono::milliseconds timeout) {
  return std::chrono::system_clock::now() + timeout;
}

absl::Status ToAbsl(const grpc::Status& status, std::string_view call, const std::string& server) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(absl::string_view(call.data(), call.size()), " at ", server,
                                   ": ", status.error_message()));
}

// What one asynchronous call owns until its callback has run.
template <typename Request, typename Response>
struct AsyncCall {
  grpc::ClientContext context;
  Request request;
  Response response;
};

template <typename Request, typename Response>
std::shared_ptr<AsyncCall<Request, Response>> NewCall(std::string_view key,
                                                      std::chrono::milliseconds timeout) {
  auto call = std::make_shared<AsyncCall<Request, Response>>();
  call->context.set_deadline(After(timeout));
  call->request.set_key(key.data(), key.size());
  return call;
}

}  // namespace

struct Client::Connection {
  explicit Connection(const std::string& server)
      : channel(Connect(server)),
        kv(kv::KeyValueStore::NewStub(channel)),
        health(grpc::health::v1::Health::NewStub(channel)) {}

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<kv::KeyValueStore::Stub> kv;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

// A call's context refers to the channel, and whoever lets go of a channel last joins gRPC's
// callback threads: were that one of those threads, it would join itself. So a callback drops its
// context first, and the client outlives all callbacks.
class Client::OpenCalls {
 public:
  void Begin() {
    MutexLock lock(mutex_);
    ++count_;
  }
  void End() {
    MutexLock lock(mutex_);
    if (--count_ == 0) none_left_.NotifyAll();
  }
  void AwaitNone() {
    MutexLock lock(mutex_);
    while (count_ > 0) none_left_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar none_left_;
  int count_ GUARDED_BY(mutex_) = 0;
};

Client::Client(ClientOptions options)
    : options_(std::move(options)),
      connection_(std::make_unique<Connection>(options_.server)),
      open_calls_(std::make_unique<OpenCalls>()) {}

Client::~Client() { open_calls_->AwaitNone(); }

void Client::PutAsync(std::string_view key, std::string_view value, Done done) {
  auto call = NewCall<kv::PutRequest, kv::PutResponse>(key, options_.timeout);
  call->request.set_value(value.data(), value.size());
  auto& started = *call;
  open_calls_->Begin();
  connection_->kv->async()->Put(
      &started.context, &started.request, &started.response,
      [this, call = std::move(call), done = std::move(done)](const grpc::Status& status) mutable {
        call.reset();
        done(ToAbsl(status, "put", options_.server));
        open_calls_->End();
      });
}

void Client::GetAsync(std::string_view key, GetDone done) {
  auto call = NewCall<kv::GetRequest, kv::GetResponse>(key, options_.timeout);
  auto& started = *call;
  open_calls_->Begin();
  connection_->kv->async()->Get(
      &started.context, &started.request, &started.response,
      [this, call = std::move(call), done = std::move(done)](const grpc::Status& status) mutable {
        std::optional<std::string> value;
        if (call->response.found()) value = std::move(*call->response.mutable_value());
        call.reset();
        if (status.ok()) {
          done(std::move(value));
        } else {
          done(ToAbsl(status, "get", options_.server));
        }
        open_calls_->End();
      });
}

void Client::DeleteAsync(std::string_view key, DeleteDone done) {
  auto call = NewCall<kv::DeleteRequest, kv::DeleteResponse>(key, options_.timeout);
  auto& started = *call;
  open_calls_->Begin();
  connection_->kv->async()->Delete(
      &started.context, &started.request, &started.response,
      [this, call = std::move(call), done = std::move(done)](const grpc::Status& status) mutable {
        const bool existed = call->response.success();
        call.reset();
        if (status.ok()) {
          done(existed);
        } else {
          done(ToAbsl(status, "del", options_.server));
        }
        open_calls_->End();
      });
}

absl::Status Client::Put(std::string_view key, std::string_view value) {
  std::promise<absl::Status> answer;
  PutAsync(key, value, [&](absl::Status status) { answer.set_value(std::move(status)); });
  return answer.get_future().get();
}

absl::StatusOr<std::optional<std::string>> Client::Get(std::string_view key) {
  std::promise<absl::StatusOr<std::optional<std::string>>> answer;
  GetAsync(key, [&](auto result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

absl::StatusOr<bool> Client::Delete(std::string_view key) {
  std::promise<absl::StatusOr<bool>> answer;
  DeleteAsync(key, [&](auto result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

absl::Status Client::WaitUntilConnected(std::chrono::milliseconds timeout) {
  if (connection_->channel->WaitForConnected(After(timeout))) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot connect to ", options_.server));
}

absl::Status Client::WaitUntilServing(std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(After(timeout));
  context.set_wait_for_ready(true);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("kv.KeyValueStore");
  const auto watch = connection_->health->Watch(&context, request);
  grpc::health::v1::HealthCheckResponse response;
  while (watch->Read(&response)) {
    if (response.status() != grpc::health::v1::HealthCheckResponse::SERVING) continue;
    context.TryCancel();
    return absl::OkStatus();
  }
  const grpc::Status status = watch->Finish();
  if (!status.ok()) return ToAbsl(status, "health", options_.server);
  return absl::UnavailableError(absl::StrCat("health at ", options_.server, ": it is draining"));
}

}  // namespace lumen
