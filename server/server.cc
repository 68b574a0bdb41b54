#include "server/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/listen_address.h"

namespace lumen {
namespace {

using std::chrono::steady_clock;

constexpr int kMaxStreamsPerConnection = 10'000;
// gRPC's own default of five minutes disconnects ordinary clients with too_many_pings.
constexpr int kMinClientPingIntervalMs = 5'000;
// Finds clients that vanished without closing their connection.
constexpr int kServerPingIntervalMs = 60'000;
// How long gRPC may take for the last bytes of answers, once no call is open that was let in: what
// is left of the drain timeout, within these. It closes a connection once the client has
// acknowledged a ping behind them, so only those wait that have calls open or are slow.
constexpr std::chrono::milliseconds kLeastLinger(200);
constexpr std::chrono::milliseconds kMostLinger(2'000);

void SetChannelArguments(grpc::ServerBuilder& builder) {
  // Without this a second server on the port starts silently and takes half of the connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinClientPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kServerPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
}

}  // namespace

Server::Server(const ServerOptions& options)
    : drain_timeout_(options.drain_timeout),
      admission_(options.admission),
      scans_(options.scans),
      reads_(options.reads),
      slow_(options.slow),
      parts_{.limits = options.limits,
             .state = state_,
             .admission = admission_,
             .drain = drain_,
             .reads = reads_,
             .slow = slow_},
      kv_service_(parts_),
      key_value_service_(parts_, scans_),
      admin_service_(options.admin, parts_, scans_),
      health_service_({kv_service_.name(), key_value_service_.name(), admin_service_.name()}),
      loops_(options.commits) {}

Server::~Server() { Shutdown(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server(options));
  RETURN_IF_ERROR(server->Listen(options));
  return server;
}

absl::Status Server::Listen(const ServerOptions& options) {
  RETURN_IF_ERROR(TryListenAddress(options.listen));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port_);
  std::vector<RpcService*> services = {&kv_service_, &key_value_service_, &admin_service_,
                                       &health_service_};
  for (RpcService* service : reflection_.services()) services.push_back(service);
  reflection_.Describe(services);
  for (RpcService* service : services) builder.RegisterService(service);
  unknown_methods_.Register(builder);
  loops_.AddQueues(builder);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.limits.max_message_bytes()));
  builder.SetMaxSendMessageSize(-1);
  builder.SetResourceQuota(grpc::ResourceQuota("lumen").Resize(options.transport_bytes));
  SetChannelArguments(builder);
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ != nullptr) {
    std::vector<CallSource*> sources(services.begin(), services.end());
    sources.push_back(&unknown_methods_);
    loops_.Start(sources);
    return absl::OkStatus();
  }
  // Tried a moment ago: somebody was faster.
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", options.listen, ": another process listens there"));
}

void Server::ReportRecovery(uint64_t replayed_bytes, uint64_t total_bytes) {
  state_.ReportRecovery(replayed_bytes, total_bytes);
}

void Server::Serve(Engine& engine) {
  state_.Serve(engine);
  health_service_.SetServing(true);
}

void Server::Shutdown() {
  if (grpc_server_ == nullptr) return;
  const auto deadline = steady_clock::now() + drain_timeout_;
  state_.Drain();
  health_service_.Drain();
  admin_service_.Drain();
  // gRPC's own shutdown waits for every call it knows of, and strands one that arrives while it
  // begins (it lets go of the queues of a method's calls before it refuses further ones). So it
  // begins only when nothing can be lost any more by cancelling what is left, soon.
  AwaitCalls(deadline);
  // Not before: a client that watches opens the next watch as soon as one ends.
  health_service_.EndWatches();
  loops_.StopTaking();
  const auto linger =
      std::clamp<steady_clock::duration>(deadline - steady_clock::now(), kLeastLinger, kMostLinger);
  grpc_server_->Shutdown(std::chrono::system_clock::now() + linger);
  loops_.Stop();
  grpc_server_.reset();
}

void Server::AwaitCalls(steady_clock::time_point deadline) const {
  while (admission_.calls() + scans_.calls() + drain_.verifications > 0) {
    if (steady_clock::now() >= deadline && drain_.writes == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace lumen
