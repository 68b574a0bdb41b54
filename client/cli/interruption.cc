#include "client/cli/interruption.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "engine/base/check.h"

namespace lumen::cli {
namespace {

constexpr int kGraceMs = 2'000;

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // Its terminal is gone. Under nohup it is ignored; blocked, it would be taken all the same.
  struct sigaction hangup = {};
  CHECK(sigaction(SIGHUP, nullptr, &hangup) == 0);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  return signals;
}

int BlockStopSignals() {
  const sigset_t signals = StopSignals();
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Whether `first` is readable, once one of them is or the time is over.
bool PollEither(int first, int second, int timeout_ms) {
  std::array<pollfd, 2> fds = {{{.fd = first, .events = POLLIN, .revents = 0},
                                {.fd = second, .events = POLLIN, .revents = 0}}};
  while (poll(fds.data(), fds.size(), timeout_ms) < 0 && errno == EINTR) {
  }
  return fds[0].revents != 0;
}

}  // namespace

Interruption::Interruption()
    : signal_fd_(BlockStopSignals()),
      interrupted_fd_(eventfd(0, EFD_CLOEXEC)),
      finished_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Watch(); }) {}

Interruption::~Interruption() {
  eventfd_write(finished_fd_, 1);
  thread_.join();
  for (const int fd : {signal_fd_, interrupted_fd_, finished_fd_}) close(fd);
}

void Interruption::SetLastWords(std::string words) {
  MutexLock lock(mutex_);
  last_words_ = std::move(words);
}

bool Interruption::AwaitInput(int fd) const { return !PollEither(interrupted_fd_, fd, -1); }

void Interruption::Watch() {
  if (PollEither(finished_fd_, signal_fd_, -1)) return;
  signalfd_siginfo taken;
  CHECK(read(signal_fd_, &taken, sizeof taken) == sizeof taken);
  const int exit_code = 128 + static_cast<int>(taken.ssi_signo);
  exit_code_ = exit_code;
  eventfd_write(interrupted_fd_, 1);
  cancellation_.Cancel();
  if (!PollEither(finished_fd_, signal_fd_, kGraceMs)) EndProcess();
}

// Other threads run on, so nothing of theirs may be touched, stderr's lock neither.
void Interruption::EndProcess() {
  std::string words;
  {
    MutexLock lock(mutex_);
    words = last_words_;
  }
  if (!words.empty()) words = "lumen: " + words + "\n";
  // Nobody is left who could be told that it cannot be written.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, words.data(), words.size());
  _exit(exit_code_);
}

}  // namespace lumen::cli
