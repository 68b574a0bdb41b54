#pragma once

#include <chrono>
#include <set>

#include "engine/base/mutex.h"

namespace grpc {
class ClientContext;
}

namespace lumen {

// Ends a client's calls from another thread: those under way, and every later one, with CANCELLED.
// Thread-safe. A cancelled write may have happened.
class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel();
  bool cancelled() const;
  // Sleeps. False: was cancelled before `duration` had passed.
  bool SleepFor(std::chrono::milliseconds duration);

  // Puts one call under a cancellation, or under none.
  class Scope {
   public:
    Scope(Cancellation* cancellation, grpc::ClientContext& context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation* const cancellation_;
    grpc::ClientContext& context_;
  };

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> calls_ GUARDED_BY(mutex_);
};

}  // namespace lumen
