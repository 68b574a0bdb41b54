#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "client/cancellation.h"
#include "engine/base/mutex.h"

namespace lumen::cli {

// Turns SIGINT, SIGTERM and, unless it is ignored, SIGHUP into the end of the command: calls are
// cancelled, reads from input wake up, and the command says how far it came and exits with 128 plus
// the signal's number. A second signal, or two seconds in which the command has not ended (it may
// be stuck in a write), ends the process at once, with the last words that the command has left.
//
// Made before any other thread is, because those inherit the blocked signals. One at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  Cancellation& cancellation() { return cancellation_; }
  // What is said if the process is ended so: what it has done, what it leaves behind.
  void SetLastWords(std::string words);
  // 0: none came.
  int exit_code() const { return exit_code_; }
  // Waits until `fd` can be read, or is at its end. False: interrupted.
  bool AwaitInput(int fd) const;

 private:
  void Watch();
  [[noreturn]] void EndProcess();

  Cancellation cancellation_;
  std::atomic<int> exit_code_{0};
  Mutex mutex_;
  std::string last_words_ GUARDED_BY(mutex_);
  const int signal_fd_;
  const int interrupted_fd_;  // readable, and stays so, once a signal has come
  const int finished_fd_;     // tells the thread to end
  std::thread thread_;
};

}  // namespace lumen::cli
