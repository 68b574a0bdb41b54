#include "server/errors.h"

#include <array>

#include "absl/strings/escaping.h"
#include "engine/base/check.h"
#include "engine/base/utf8.h"
#include "engine/errno_status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lumen {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;

struct Row {
  Reason reason;
  StatusCode code;
  std::string_view name;
  milliseconds retry_after;
};

constexpr std::array<Row, 18> kTable = {{
    {Reason::kMalformedRequest, StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", {}},
    {Reason::kInvalidField, StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", {}},
    {Reason::kFieldTooLarge, StatusCode::INVALID_ARGUMENT, "FIELD_TOO_LARGE", {}},
    {Reason::kLimitExceeded, StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", {}},
    {Reason::kOverloaded, StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", milliseconds(100)},
    // No time to retry after: it ends when somebody makes room.
    {Reason::kDiskFull, StatusCode::RESOURCE_EXHAUSTED, "DISK_FULL", {}},
    {Reason::kTooManyFiles, StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_FILES", {}},
    {Reason::kReadOnly, StatusCode::FAILED_PRECONDITION, "READ_ONLY", {}},
    {Reason::kRecovering, StatusCode::UNAVAILABLE, "RECOVERING", milliseconds(500)},
    {Reason::kDraining, StatusCode::UNAVAILABLE, "DRAINING", milliseconds(500)},
    {Reason::kInDoubt, StatusCode::UNKNOWN, "IN_DOUBT", {}},
    {Reason::kCorruption, StatusCode::DATA_LOSS, "CORRUPTION", {}},
    {Reason::kIoError, StatusCode::INTERNAL, "IO_ERROR", {}},
    {Reason::kExists, StatusCode::ALREADY_EXISTS, "EXISTS", {}},
    {Reason::kNotStarted, StatusCode::DEADLINE_EXCEEDED, "NOT_STARTED", {}},
    {Reason::kCancelled, StatusCode::CANCELLED, "NOT_STARTED", {}},
    {Reason::kNotSupported, StatusCode::UNIMPLEMENTED, "NOT_SUPPORTED", {}},
    {Reason::kUnknownMethod, StatusCode::UNIMPLEMENTED, "UNKNOWN_METHOD", {}},
}};

// gRPC sends the message, and the details once more, in headers; clients refuse headers beyond 8
// KiB.
constexpr size_t kMaxMessageBytes = 2048;

const Row& RowOf(Reason reason) {
  const Row& row = kTable.at(static_cast<size_t>(reason));
  CHECK(row.reason == reason);
  return row;
}

Reason ReasonOf(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Reason::kInvalidField;
    // The limits of a batch are checked before the engine sees it.
    case absl::StatusCode::kResourceExhausted:
      return IsTooManyFiles(error) ? Reason::kTooManyFiles : Reason::kDiskFull;
    case absl::StatusCode::kFailedPrecondition:
      return Reason::kReadOnly;
    case absl::StatusCode::kUnavailable:
      return Reason::kDraining;
    case absl::StatusCode::kUnknown:
      return Reason::kInDoubt;
    case absl::StatusCode::kDataLoss:
      return Reason::kCorruption;
    case absl::StatusCode::kAlreadyExists:
      return Reason::kExists;
    case absl::StatusCode::kCancelled:
      return Reason::kCancelled;
    default:
      return Reason::kIoError;
  }
}

// What a protobuf string holds: UTF-8, which a file's name need not be, cut between characters.
std::string Presentable(const std::string& message) {
  std::string words = IsUtf8(message) ? message : absl::CHexEscape(message);
  if (words.size() <= kMaxMessageBytes) return words;
  size_t end = kMaxMessageBytes;
  while ((static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) --end;
  words.resize(end);
  return words;
}

std::string Details(const Row& row, const std::string& message) {
  google::rpc::Status status;
  status.set_code(row.code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(row.name));
  info.set_domain(kErrorDomain);
  status.add_details()->PackFrom(info);
  if (row.retry_after != milliseconds::zero()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(std::chrono::nanoseconds(row.retry_after).count()));
    status.add_details()->PackFrom(retry);
  }
  return status.SerializeAsString();
}

}  // namespace

Refusal ToRefusal(const absl::Status& engine_error) {
  return {ReasonOf(engine_error), std::string(engine_error.message())};
}

grpc::Status ToStatus(const Refusal& refusal) {
  const Row& row = RowOf(refusal.reason);
  const std::string message = Presentable(refusal.message);
  return grpc::Status(row.code, message, Details(row, message));
}

milliseconds RetryAfter(Reason reason) { return RowOf(reason).retry_after; }

std::string_view ReasonName(Reason reason) { return RowOf(reason).name; }

}  // namespace lumen
