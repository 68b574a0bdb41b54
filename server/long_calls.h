#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "absl/status/status.h"
#include "engine/base/mutex.h"
#include "server/read_pool.h"
#include "server/unary_call.h"

namespace lumen {

// Unary calls that block a thread for as long as the engine takes, hours maybe, and are let go when
// the server drains; their work then ends when the engine closes. Thread-safe.
class LongCalls {
 public:
  explicit LongCalls(const ServingState& state);

  // Runs `work` on a thread of its own, then `answer` (which answers `call`) or fails the call with
  // what the work failed with; neither, if the call has been let go by then.
  void Start(UnaryCall& call, std::function<absl::Status()> work, std::function<void()> answer);
  // Lets all calls go, and every later one.
  void Drain();

 private:
  using Ticket = uint64_t;

  // Null: the call has been let go. Whoever gets it answers it.
  UnaryCall* Claim(Ticket ticket);

  const ServingState& state_;
  Mutex mutex_;
  std::map<Ticket, UnaryCall*> waiting_ GUARDED_BY(mutex_);
  Ticket last_ticket_ GUARDED_BY(mutex_) = 0;
  bool draining_ GUARDED_BY(mutex_) = false;
  // Last: its jobs use what is above.
  ReadPool threads_;
};

}  // namespace lumen
