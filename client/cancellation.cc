#include "client/cancellation.h"

#include <grpcpp/client_context.h>

namespace lumen {

void Cancellation::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* call : calls_) call->TryCancel();
  changed_.NotifyAll();
}

bool Cancellation::cancelled() const {
  MutexLock lock(mutex_);
  return cancelled_;
}

bool Cancellation::SleepFor(std::chrono::milliseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  MutexLock lock(mutex_);
  while (!cancelled_ && std::chrono::steady_clock::now() < end) changed_.WaitUntil(mutex_, end);
  return !cancelled_;
}

Cancellation::Scope::Scope(Cancellation* cancellation, grpc::ClientContext& context)
    : cancellation_(cancellation), context_(context) {
  if (cancellation_ == nullptr) return;
  MutexLock lock(cancellation_->mutex_);
  // A context that is cancelled before its call starts fails the call at once.
  if (cancellation_->cancelled_) context_.TryCancel();
  cancellation_->calls_.insert(&context_);
}

Cancellation::Scope::~Scope() {
  if (cancellation_ == nullptr) return;
  MutexLock lock(cancellation_->mutex_);
  cancellation_->calls_.erase(&context_);
}

}  // namespace lumen
