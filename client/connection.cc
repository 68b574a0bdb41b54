#include "client/connection.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/call_error.h"
#include "engine/base/quantity.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace lumen {
namespace {

using SystemClock = std::chrono::system_clock;
using Health = grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// The largest value a server can be told to take is 16 MiB.
constexpr int kMaxReplyBytes = 17 << 20;
// What a stream may hold that was not read yet. gRPC would find a window by itself, and let it grow
// to a gigabyte under a reader that is slower than the network.
constexpr int kStreamWindowBytes = 4 << 20;
// A server that vanished is noticed within twice this, however long its call may take. The server
// permits a ping every 5 s.
constexpr int kPingIntervalMs = 10'000;
// How often a wait looks whether it was cancelled.
constexpr std::chrono::milliseconds kCancelCheckInterval{50};
// Of asking a connection that is known to have failed why it has.
constexpr std::chrono::seconds kReasonTimeout{1};

std::shared_ptr<grpc::Channel> NewChannel(const ConnectionOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingIntervalMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Also how long one attempt may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::min<int64_t>(options.timeout.count(), 3'600'000)));
  return grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
}

// gRPC's words without its own story in front: which attempt it was, and a code that says nothing.
std::string Reason(const std::string& message) {
  constexpr std::string_view kIntroduction = "last error: ";
  std::string reason = message;
  if (const size_t at = reason.rfind(kIntroduction); at != std::string::npos) {
    reason.erase(0, at + kIntroduction.size());
    const size_t code = reason.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (code != std::string::npos && reason.compare(code, 2, ": ") == 0) reason.erase(0, code + 2);
  }
  for (const char* foreign : {"HTTP/2", "http1", "SETTINGS frame"}) {
    if (absl::StrContains(reason, foreign)) {
      return absl::StrCat("no gRPC server answers there (", reason, ")");
    }
  }
  return reason;
}

}  // namespace

Connection::Connection(ConnectionOptions options)
    : options_(std::move(options)), channel_(NewChannel(options_)) {}

Connection::~Connection() = default;

absl::Status Connection::Connect() {
  const auto deadline = SystemClock::now() + options_.timeout;
  grpc_connectivity_state state = channel_->GetState(true);
  while (state != GRPC_CHANNEL_READY) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return WhyNotConnected();
    if (options_.cancellation != nullptr && options_.cancellation->cancelled()) {
      return absl::CancelledError(absl::StrCat("connecting to ", options_.server, ": cancelled"));
    }
    if (SystemClock::now() >= deadline) {
      return absl::UnavailableError(absl::StrCat("cannot connect to ", options_.server,
                                                 ": no gRPC server answers there within ",
                                                 FormatDuration(options_.timeout)));
    }
    channel_->WaitForStateChange(state,
                                 std::min(deadline, SystemClock::now() + kCancelCheckInterval));
    state = channel_->GetState(true);
  }
  return absl::OkStatus();
}

// A call on a connection that has failed is refused at once, with the reason.
absl::Status Connection::WhyNotConnected() {
  grpc::ClientContext context;
  context.set_deadline(SystemClock::now() + kReasonTimeout);
  HealthCheckResponse response;
  const grpc::Status status =
      Health::NewStub(channel_)->Check(&context, HealthCheckRequest(), &response);
  return absl::UnavailableError(
      absl::StrCat("cannot connect to ", options_.server, ": ", Reason(status.error_message())));
}

absl::Status Connection::CheckServing() {
  grpc::ClientContext context;
  context.set_deadline(SystemClock::now() + options_.timeout);
  const Cancellation::Scope scope(options_.cancellation, context);
  HealthCheckResponse response;
  const grpc::Status status =
      Health::NewStub(channel_)->Check(&context, HealthCheckRequest(), &response);
  if (!status.ok()) return ToCallError(status, "health", options_.server);
  if (response.status() == HealthCheckResponse::SERVING) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the server at ", options_.server,
      " does not serve: ", HealthCheckResponse::ServingStatus_Name(response.status())));
}

}  // namespace lumen
