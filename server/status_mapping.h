#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace lumen {

// What a client reads, and who decides it. absl and gRPC number the same codes alike, so an engine
// error keeps its code and its words: they name the file or the write, which an operator searches
// for.
//   INVALID_ARGUMENT     server  body, empty key, key or value above its limit, not UTF-8
//   CANCELLED, DEADLINE_EXCEEDED  server  before the call was queued; gRPC afterwards (outcome
//   unknown) UNAVAILABLE          server  recovering, draining RESOURCE_EXHAUSTED   server
//   overload, with kRetryPushbackKey; engine: full disk; gRPC: a message
//                                beyond every limit
//   FAILED_PRECONDITION  engine  read-only after a failed sync
//   UNKNOWN              engine  this write's own append or sync failed: in doubt
//   DATA_LOSS            engine  corruption: file, offset, rule
//   INTERNAL             engine  I/O error
grpc::Status ToGrpcStatus(const absl::Status& status);

// A caller who is told to come back: RESOURCE_EXHAUSTED for overload.
inline constexpr char kRetryPushbackKey[] = "grpc-retry-pushback-ms";
inline constexpr char kRetryPushbackMs[] = "100";

}  // namespace lumen
