#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace lumen {

// A failed call as absl::Status: the server's code, "CALL at SERVER: " and the server's words, and
// its error details as payloads under their type URLs. OK stays OK.
absl::Status ToCallError(const grpc::Status& status, std::string_view call,
                         const std::string& server);

// The server's word for what went wrong, of those that lumen/v1/kv.proto lists. Empty: it gave
// none.
std::string ErrorReason(const absl::Status& error);

// When the server asks to be tried again.
std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& error);

// Of the error of a write: it may have happened, or may still happen. False: it did not.
bool IsInDoubt(const absl::Status& write_error);

}  // namespace lumen
