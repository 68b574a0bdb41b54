#include "proptests/lumen_crash/stop_signal.h"

#include <csignal>

namespace lumen::crash {
namespace {

// A signal handler is given nothing but its number: the one global of this program.
std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace

const std::atomic<int>& CatchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { received = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  return received;
}

}  // namespace lumen::crash
