#include "client/call_error.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lumen {
namespace {

constexpr char kTypePrefix[] = "type.googleapis.com/";
constexpr char kDomain[] = "lumen";

void AttachDetails(const std::string& serialized, absl::Status& to) {
  google::rpc::Status details;
  if (!details.ParseFromString(serialized)) return;
  for (const auto& detail : details.details()) {
    to.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
}

template <typename Message>
std::optional<Message> Detail(const absl::Status& error) {
  const auto payload =
      error.GetPayload(absl::StrCat(kTypePrefix, Message::descriptor()->full_name()));
  Message message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

// A server without the method often says nothing at all.
std::string WordsOf(const grpc::Status& status) {
  const bool is_ours = !status.error_details().empty();
  if (is_ours || status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
    return status.error_message();
  }
  return absl::StrCat("the server does not know this call; is it a LumenKV server of this version?",
                      status.error_message().empty() ? "" : " It says: ", status.error_message());
}

}  // namespace

absl::Status ToCallError(const grpc::Status& status, std::string_view call,
                         const std::string& server) {
  if (status.ok()) return absl::OkStatus();
  absl::Status error(static_cast<absl::StatusCode>(status.error_code()),
                     absl::StrCat(absl::string_view(call.data(), call.size()), " at ", server, ": ",
                                  WordsOf(status)));
  AttachDetails(status.error_details(), error);
  return error;
}

std::string ErrorReason(const absl::Status& error) {
  const auto info = Detail<google::rpc::ErrorInfo>(error);
  return info.has_value() && info->domain() == kDomain ? info->reason() : "";
}

std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& error) {
  const auto info = Detail<google::rpc::RetryInfo>(error);
  if (!info.has_value()) return std::nullopt;
  return std::chrono::milliseconds(info->retry_delay().seconds() * 1000 +
                                   info->retry_delay().nanos() / 1'000'000);
}

bool IsInDoubt(const absl::Status& write_error) {
  switch (write_error.code()) {
    case absl::StatusCode::kUnknown:
      return true;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      // With a reason it is the server's refusal, made before the write was queued.
      return ErrorReason(write_error).empty();
    default:
      return false;
  }
}

}  // namespace lumen
