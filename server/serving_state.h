#pragma once

#include <atomic>
#include <cstdint>

#include "engine/engine.h"
#include "server/errors.h"

namespace lumen {

// Whether calls may reach the engine, and what they are told when they may not: recovering →
// serving → draining, never back; draining may follow recovering directly. Thread-safe.
class ServingState {
 public:
  // Null: answer with WhyNot(). A call that got the engine may finish with it: Server::Shutdown
  // waits for every call before the engine may go. A call that counts itself before it asks is
  // seen by whoever counts calls after Drain, or refused.
  Engine* engine() const { return engine_.load(); }
  // "recovering: replayed 41 %" or "draining: ...".
  Refusal WhyNot() const;
  bool draining() const { return draining_.load(); }

  // These two on one thread.
  void Serve(Engine& engine);
  void Drain();

  void ReportRecovery(uint64_t replayed_bytes, uint64_t total_bytes);

 private:
  std::atomic<Engine*> engine_{nullptr};
  std::atomic<bool> draining_{false};
  std::atomic<int> recovered_percent_{0};
};

}  // namespace lumen
