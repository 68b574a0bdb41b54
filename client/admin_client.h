#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/connection.h"
#include "lumen/v1/admin.grpc.pb.h"

namespace lumen {

// Talks lumen.v1.Admin. Thread-safe; the calls block. Flush, Compact and Checkpoint take the
// connection's long_call_timeout. proto/lumen/v1/admin.proto is the reference.
class AdminClient {
 public:
  // `connection` must outlive the client.
  explicit AdminClient(Connection& connection);
  ~AdminClient();
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  absl::StatusOr<v1::StatusResponse> Status();
  absl::Status Flush();
  absl::Status Compact();
  absl::StatusOr<v1::CheckpointResponse> Checkpoint(const v1::CheckpointRequest& request);
  absl::StatusOr<v1::SetLogLevelResponse> SetLogLevel(const v1::SetLogLevelRequest& request);
  absl::StatusOr<v1::GetConfigResponse> GetConfig();

  // Called for each message in order, on the caller's thread. False ends the verification, which is
  // then OK.
  using OnProgress = std::function<bool(const v1::VerifyResponse&)>;
  absl::Status Verify(const OnProgress& on_progress);

 private:
  Connection& connection_;
  const std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace lumen
