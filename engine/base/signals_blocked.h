#pragma once

#include <pthread.h>
#include <signal.h>

#include "engine/base/check.h"

namespace lumen {

// While it lives, threads that are created block every signal but those a thread raises by its own
// fault, and the profiler's.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (int kept : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
      sigdelset(&blocked, kept);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &blocked, &before_) == 0);
  }
  ~SignalsBlocked() { CHECK(pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace lumen
