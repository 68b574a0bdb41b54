#include "client/call.h"

#include <algorithm>

namespace lumen {

absl::Status RetryOverload(const Connection& connection,
                           const std::function<absl::Status(std::chrono::milliseconds)>& call) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::milliseconds;
  Cancellation never;
  Cancellation* const cancellation = connection.options().cancellation;
  Cancellation& sleep = cancellation == nullptr ? never : *cancellation;
  const auto end = Clock::now() + connection.options().timeout;
  while (true) {
    // Zero would be no limit.
    const auto left =
        std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(end - Clock::now()));
    absl::Status status = call(left);
    if (status.code() != absl::StatusCode::kResourceExhausted) return status;
    const auto delay = RetryDelay(status);
    if (!delay.has_value() || Clock::now() + *delay >= end) return status;
    if (!sleep.SleepFor(std::max(milliseconds(1), *delay))) return status;
  }
}

}  // namespace lumen
