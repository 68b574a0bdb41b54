#include "server/long_calls.h"

#include <utility>

namespace lumen {
namespace {

constexpr int kThreads = 2;
constexpr size_t kMaxQueued = 64;

}  // namespace

LongCalls::LongCalls(const ServingState& state)
    : state_(state), threads_({.threads = kThreads, .max_queued = kMaxQueued}) {}

void LongCalls::Start(UnaryCall& call, std::function<absl::Status()> work,
                      std::function<void()> answer) {
  call.HandOn({});
  Ticket ticket = 0;
  {
    MutexLock lock(mutex_);
    if (!draining_) {
      ticket = ++last_ticket_;
      waiting_.emplace(ticket, &call);
    }
  }
  if (ticket == 0) return call.Fail(state_.WhyNot());
  const bool queued =
      threads_.TryPost([this, ticket, work = std::move(work), answer = std::move(answer)] {
        {
          MutexLock lock(mutex_);
          if (!waiting_.contains(ticket)) return;
        }
        const absl::Status status = work();
        UnaryCall* const claimed = Claim(ticket);
        if (claimed == nullptr) return;
        if (status.ok()) return answer();
        claimed->Fail(status);
      });
  if (queued) return;
  if (UnaryCall* const claimed = Claim(ticket)) {
    claimed->Fail({Reason::kOverloaded, "too many admin calls wait already; try again later"});
  }
}

UnaryCall* LongCalls::Claim(Ticket ticket) {
  MutexLock lock(mutex_);
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return nullptr;
  UnaryCall* const call = found->second;
  waiting_.erase(found);
  return call;
}

void LongCalls::Drain() {
  std::map<Ticket, UnaryCall*> released;
  {
    MutexLock lock(mutex_);
    draining_ = true;
    released.swap(waiting_);
  }
  for (const auto& [ticket, call] : released) call->Fail(state_.WhyNot());
}

}  // namespace lumen
