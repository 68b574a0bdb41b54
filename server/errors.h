#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

// The errors of every service, in one table (errors.cc): for each reason the gRPC code, the word in
// the google.rpc.ErrorInfo that programs read, and after how long a caller may come back.
namespace lumen {

enum class Reason : uint8_t {
  kMalformedRequest,  // the bytes are no such message, or a string in it is not UTF-8
  kInvalidField,      // a field holds what it must not
  kFieldTooLarge,     // a key or a value above its limit
  kLimitExceeded,     // a batch or an answer above its limit
  kOverloaded,        // too much waits already
  kDiskFull,          // heals by itself
  kTooManyFiles,      // heals by itself
  kReadOnly,          // after a failed sync, until the next start
  kRecovering,
  kDraining,
  kInDoubt,     // this write's own append or sync failed
  kCorruption,  // with file, offset, rule
  kIoError,
  kExists,        // what was to be made is there
  kNotStarted,    // the deadline passed before any work
  kCancelled,     // the caller hung up before any work
  kNotSupported,  // this server was built or started without it
  kUnknownMethod,
};

// Why a call gets no answer.
struct Refusal {
  Reason reason;
  std::string message;
};

// The reason that an engine's error stands for, with its words: they name the file or the write,
// which an operator searches for.
Refusal ToRefusal(const absl::Status& engine_error);

// With ErrorInfo, and RetryInfo where the table has a time.
grpc::Status ToStatus(const Refusal& refusal);

// What "grpc-retry-pushback-ms" is to say; zero: do not send it.
std::chrono::milliseconds RetryAfter(Reason reason);
// The word in ErrorInfo, such as DISK_FULL.
std::string_view ReasonName(Reason reason);

inline constexpr char kErrorDomain[] = "lumen";
inline constexpr char kRetryPushbackKey[] = "grpc-retry-pushback-ms";

}  // namespace lumen
