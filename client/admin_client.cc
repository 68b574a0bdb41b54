#include "client/admin_client.h"

#include "client/call.h"

namespace lumen {
namespace {

using v1::Admin;

}  // namespace

AdminClient::AdminClient(Connection& connection)
    : connection_(connection), stub_(Admin::NewStub(connection.channel())) {}

AdminClient::~AdminClient() = default;

absl::StatusOr<v1::StatusResponse> AdminClient::Status() {
  v1::StatusResponse response;
  absl::Status status = CallOnce(connection_, "status", *stub_, &Admin::Stub::Status,
                                 v1::StatusRequest(), response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::Status AdminClient::Flush() {
  v1::FlushResponse response;
  return CallOnce(connection_, "flush", *stub_, &Admin::Stub::Flush, v1::FlushRequest(), response,
                  connection_.options().long_call_timeout);
}

absl::Status AdminClient::Compact() {
  v1::CompactResponse response;
  return CallOnce(connection_, "compact", *stub_, &Admin::Stub::Compact, v1::CompactRequest(),
                  response, connection_.options().long_call_timeout);
}

absl::StatusOr<v1::CheckpointResponse> AdminClient::Checkpoint(
    const v1::CheckpointRequest& request) {
  v1::CheckpointResponse response;
  absl::Status status = CallOnce(connection_, "checkpoint", *stub_, &Admin::Stub::Checkpoint,
                                 request, response, connection_.options().long_call_timeout);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::SetLogLevelResponse> AdminClient::SetLogLevel(
    const v1::SetLogLevelRequest& request) {
  v1::SetLogLevelResponse response;
  absl::Status status = CallOnce(connection_, "log-level", *stub_, &Admin::Stub::SetLogLevel,
                                 request, response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::GetConfigResponse> AdminClient::GetConfig() {
  v1::GetConfigResponse response;
  absl::Status status = CallOnce(connection_, "config", *stub_, &Admin::Stub::GetConfig,
                                 v1::GetConfigRequest(), response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::Status AdminClient::Verify(const OnProgress& on_progress) {
  return ReadStream<v1::VerifyResponse>(
      connection_, "verify",
      [&](auto* context, auto* queue, void* tag) {
        return stub_->AsyncVerify(context, v1::VerifyRequest(), queue, tag);
      },
      connection_.options().timeout, on_progress);
}

}  // namespace lumen
