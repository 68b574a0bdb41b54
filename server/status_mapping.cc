#include "server/status_mapping.h"

namespace lumen {
namespace {

// gRPC sends the message in a header, and clients refuse headers beyond 8 KiB.
constexpr size_t kMaxMessageBytes = 2048;

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message().substr(0, kMaxMessageBytes)));
}

}  // namespace lumen
