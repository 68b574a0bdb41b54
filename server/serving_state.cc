#include "server/serving_state.h"

#include <algorithm>
#include <string>

namespace lumen {

Refusal ServingState::WhyNot() const {
  if (draining()) return {Reason::kDraining, "draining: the server is shutting down"};
  const int percent = recovered_percent_.load(std::memory_order_relaxed);
  return {Reason::kRecovering, "recovering: replayed " + std::to_string(percent) + " %"};
}

void ServingState::ReportRecovery(uint64_t replayed_bytes, uint64_t total_bytes) {
  const double share = total_bytes == 0
                           ? 1.0
                           : static_cast<double>(replayed_bytes) / static_cast<double>(total_bytes);
  recovered_percent_.store(static_cast<int>(std::min(share, 1.0) * 100), std::memory_order_relaxed);
}

void ServingState::Serve(Engine& engine) { engine_.store(&engine); }

void ServingState::Drain() {
  draining_.store(true);
  engine_.store(nullptr);
}

}  // namespace lumen
