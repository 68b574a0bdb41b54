// The table of errors, row by row: what a client reads for each reason, and which reason each of
// the engine's errors has.
#include "server/errors.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "engine/errno_status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lumen {
namespace {

using grpc::StatusCode;

struct Details {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  std::optional<google::rpc::RetryInfo> retry;
};

Details Parse(const grpc::Status& status) {
  Details details;
  EXPECT_TRUE(details.status.ParseFromString(status.error_details()));
  EXPECT_GE(details.status.details_size(), 1);
  EXPECT_TRUE(details.status.details(0).UnpackTo(&details.info));
  if (details.status.details_size() > 1) {
    details.retry.emplace();
    EXPECT_TRUE(details.status.details(1).UnpackTo(&*details.retry));
  }
  return details;
}

struct Row {
  Reason reason;
  StatusCode code;
  std::string name;
  int retry_after_ms = 0;
};

// As docs/api.md has it, which clients rely on.
const std::vector<Row> kRows = {
    {Reason::kMalformedRequest, StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST"},
    {Reason::kInvalidField, StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"},
    {Reason::kFieldTooLarge, StatusCode::INVALID_ARGUMENT, "FIELD_TOO_LARGE"},
    {Reason::kLimitExceeded, StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"},
    {Reason::kOverloaded, StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", 100},
    {Reason::kDiskFull, StatusCode::RESOURCE_EXHAUSTED, "DISK_FULL"},
    {Reason::kTooManyFiles, StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_FILES"},
    {Reason::kReadOnly, StatusCode::FAILED_PRECONDITION, "READ_ONLY"},
    {Reason::kRecovering, StatusCode::UNAVAILABLE, "RECOVERING", 500},
    {Reason::kDraining, StatusCode::UNAVAILABLE, "DRAINING", 500},
    {Reason::kInDoubt, StatusCode::UNKNOWN, "IN_DOUBT"},
    {Reason::kCorruption, StatusCode::DATA_LOSS, "CORRUPTION"},
    {Reason::kIoError, StatusCode::INTERNAL, "IO_ERROR"},
    {Reason::kExists, StatusCode::ALREADY_EXISTS, "EXISTS"},
    {Reason::kNotStarted, StatusCode::DEADLINE_EXCEEDED, "NOT_STARTED"},
    {Reason::kCancelled, StatusCode::CANCELLED, "NOT_STARTED"},
    {Reason::kNotSupported, StatusCode::UNIMPLEMENTED, "NOT_SUPPORTED"},
    {Reason::kUnknownMethod, StatusCode::UNIMPLEMENTED, "UNKNOWN_METHOD"},
};

TEST(Errors, EveryReasonHasItsCodeItsWordAndItsTimeToRetry) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const grpc::Status status = ToStatus({row.reason, "the words"});
    EXPECT_EQ(status.error_code(), row.code);
    EXPECT_EQ(status.error_message(), "the words");
    const Details details = Parse(status);
    EXPECT_EQ(details.status.code(), static_cast<int>(row.code));
    EXPECT_EQ(details.status.message(), "the words");
    EXPECT_EQ(details.info.reason(), row.name);
    EXPECT_EQ(details.info.domain(), "lumen");
    EXPECT_EQ(ReasonName(row.reason), row.name);
    EXPECT_EQ(RetryAfter(row.reason).count(), row.retry_after_ms);
    ASSERT_EQ(details.retry.has_value(), row.retry_after_ms != 0);
    if (!details.retry.has_value()) continue;
    EXPECT_EQ(details.retry->retry_delay().seconds(), 0);
    EXPECT_EQ(details.retry->retry_delay().nanos(), row.retry_after_ms * 1'000'000);
  }
}

TEST(Errors, NoReasonIsWithoutARow) {
  EXPECT_EQ(kRows.size(), static_cast<size_t>(Reason::kUnknownMethod) + 1);
}

TEST(Errors, EachOfTheEnginesErrorsHasAReasonAndKeepsItsWords) {
  const std::vector<std::pair<absl::Status, Reason>> engine_errors = {
      {absl::InvalidArgumentError("w"), Reason::kInvalidField},
      {absl::ResourceExhaustedError("w"), Reason::kDiskFull},
      {absl::FailedPreconditionError("w"), Reason::kReadOnly},
      {absl::UnavailableError("w"), Reason::kDraining},
      {absl::UnknownError("w"), Reason::kInDoubt},
      {absl::DataLossError("w"), Reason::kCorruption},
      {absl::AlreadyExistsError("w"), Reason::kExists},
      {absl::CancelledError("w"), Reason::kCancelled},
      {absl::InternalError("w"), Reason::kIoError},
      {absl::NotFoundError("w"), Reason::kIoError},
      {absl::PermissionDeniedError("w"), Reason::kIoError},
  };
  for (const auto& [error, reason] : engine_errors) {
    const Refusal refusal = ToRefusal(error);
    EXPECT_EQ(refusal.reason, reason) << error;
    EXPECT_EQ(refusal.message, "w");
  }
}

TEST(Errors, TooManyFilesAreNoFullDisk) {
  EXPECT_EQ(ToRefusal(ErrnoStatus("f", "open", ENOSPC)).reason, Reason::kDiskFull);
  for (const int error_number : {EMFILE, ENFILE}) {
    const absl::Status error = WithPrefix("no room: ", ErrnoStatus("f", "open", error_number));
    EXPECT_EQ(ToRefusal(error).reason, Reason::kTooManyFiles);
    EXPECT_EQ(ToRefusal(error).message, error.message());
  }
}

TEST(Errors, AMessageIsCutBetweenCharacters) {
  // gRPC percent-encodes it, protobuf's details hold it as a string: half a character is malformed.
  std::string words = "x";
  while (words.size() < 5000) words += "\xc3\xa4";
  const grpc::Status status = ToStatus({Reason::kIoError, words});
  EXPECT_LE(status.error_message().size(), 2048u);
  EXPECT_TRUE(words.starts_with(status.error_message()));
  EXPECT_EQ(status.error_message().size() % 2, 1u);
  EXPECT_EQ(Parse(status).status.message(), status.error_message());
}

TEST(Errors, BytesThatAreNoTextAreEscaped) {
  const grpc::Status status = ToStatus({Reason::kCorruption, "/data/\xe4/1.sst: rule 2"});
  EXPECT_EQ(status.error_message(), "/data/\\xe4/1.sst: rule 2");
  EXPECT_EQ(Parse(status).status.message(), status.error_message());
}

}  // namespace
}  // namespace lumen
