#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/check.h"
#include "engine/engine.h"
#include "engine/posix_environment.h"
#include "server/logging.h"
#include "server/server.h"
#include "server/settings.h"

// The order matters. The port opens before recovery, so that clients read how far it is; the
// engine locks the directory before it reads anything; SERVING comes last. On the way out calls are
// finished before the engine closes, because each may still wait for its sync.
namespace lumen {
namespace {

enum ExitCode : int { kDrained = 0, kUsage = 2, kTaken = 3, kIo = 4, kCorruption = 5 };

using Opened = absl::StatusOr<std::unique_ptr<Engine>>;

// A FAILED_PRECONDITION of Open is the lock, whose file it names, or a newer format: the wrong
// program for this directory.
ExitCode ToExitCode(const absl::Status& open_failure) {
  switch (open_failure.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kFailedPrecondition:
      return absl::StrContains(open_failure.message(), "/LOCK: ") ? kTaken : kUsage;
    case absl::StatusCode::kDataLoss:
      return kCorruption;
    default:
      return kIo;
  }
}

// For whoever finds the directory locked.
std::string LockOwner(const Settings& settings) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return absl::StrCat("lumen-server, process ", getpid(), " on ", host.data(), ", listening on ",
                      settings.listen);
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Takes the signal that came; from now on the default action holds: a second one ends the process
// at once, which loses nothing that was acknowledged.
void LetNextSignalKill(int stop_fd) {
  signalfd_siginfo taken;
  CHECK(read(stop_fd, &taken, sizeof taken) == sizeof taken);
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

Options EngineOptions(const Settings& settings, Server& server) {
  Options options;
  options.memory_budget_bytes = settings.memory_budget_bytes;
  options.memtable_bytes = settings.memtable_bytes;
  options.wal_segment_bytes = settings.wal_segment_bytes;
  options.lock_owner = LockOwner(settings);
  options.on_event = LogEngineEvent;
  options.on_recovery_progress = [&server](uint64_t replayed_bytes, uint64_t total_bytes) {
    server.ReportRecovery(replayed_bytes, total_bytes);
  };
  return options;
}

ServerOptions FrontOptions(const Settings& settings, FileSystem& files) {
  ServerOptions options;
  options.listen = settings.listen;
  options.limits.max_value_bytes = settings.max_value_bytes;
  options.slow.warn = [](std::string_view warning) { spdlog::warn("{}", warning); };
  options.admin.version = LUMEN_VERSION;
  options.admin.data_directory = settings.data_dir;
  options.admin.checkpoint_directory = settings.data_dir + "/checkpoints";
  options.admin.files = &files;
  return options;
}

// Readable once SIGTERM or SIGINT has come. Blocks both in this thread and every thread it starts.
int BlockStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Blocks until one of them is readable; true when it is `first`.
bool AwaitEither(int first, int second) {
  std::array<pollfd, 2> fds = {{{.fd = first, .events = POLLIN, .revents = 0},
                                {.fd = second, .events = POLLIN, .revents = 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  return (fds[0].revents & POLLIN) != 0;
}

// Engine::Open on a thread of its own, so that a signal to stop is heard meanwhile.
class Opening {
 public:
  Opening(Options options, const std::string& directory, const Environment& environment)
      : done_fd_(eventfd(0, EFD_CLOEXEC)),
        thread_([this, options = std::move(options), &directory, &environment] {
          result_.emplace(Engine::Open(options, directory, environment));
          eventfd_write(done_fd_, 1);
        }) {}

  int done_fd() const { return done_fd_; }
  Opened Take() {
    thread_.join();
    close(done_fd_);
    return *std::move(result_);
  }

 private:
  const int done_fd_;
  std::optional<Opened> result_;
  std::thread thread_;
};

void LogRecovery(const Stats& stats, std::chrono::steady_clock::duration took) {
  spdlog::info("recovered {} operations, {} bytes of {} WAL segments in {} ms{}",
               stats.recovered_operations, stats.recovered_bytes, stats.recovered_segments,
               std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
               stats.recovered_torn_tail ? ", after a torn tail" : "");
}

ExitCode Drain(int stop_fd, Server& server, Engine& engine) {
  spdlog::info("draining; a second signal stops at once");
  sd_notify(0, "STOPPING=1");
  LetNextSignalKill(stop_fd);
  server.Shutdown();
  const absl::Status closed = engine.Close();
  if (!closed.ok()) {
    spdlog::error("closing: {}", closed.ToString());
    return kIo;
  }
  spdlog::info("drained");
  return kDrained;
}

ExitCode Run(const Settings& settings) {
  const int stop_fd = BlockStopSignals();
  InstallLogging(settings.log);
  spdlog::info("lumen-server {} starts: data {}, listen {}", LUMEN_VERSION, settings.data_dir,
               settings.listen);
  PosixEnvironment posix;
  const Environment environment = posix.environment();
  // Before the server: an admin call's work may wait in the engine until it closes.
  std::unique_ptr<Engine> engine;
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(FrontOptions(settings, environment.file_system));
  if (!server.ok()) {
    spdlog::error("{}", std::string(server.status().message()));
    return kTaken;
  }
  const auto start = std::chrono::steady_clock::now();
  Opening opening(EngineOptions(settings, **server), settings.data_dir, environment);
  if (AwaitEither(stop_fd, opening.done_fd())) {
    // Open cannot be interrupted, but it may be killed at any moment.
    spdlog::info("stopped during recovery");
    spdlog::shutdown();
    std::_Exit(kDrained);
  }
  Opened opened = opening.Take();
  if (!opened.ok()) {
    spdlog::error("cannot open {}: {}", settings.data_dir, opened.status().ToString());
    return ToExitCode(opened.status());
  }
  engine = *std::move(opened);
  LogRecovery(engine->GetStats(), std::chrono::steady_clock::now() - start);
  (*server)->Serve(*engine);
  spdlog::info("serving on {} (port {})", settings.listen, (*server)->port());
  sd_notify(0, "READY=1");
  AwaitEither(stop_fd, stop_fd);
  return Drain(stop_fd, **server, *engine);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  // Debian builds Abseil with its debug checks, and gRPC locks one of its mutexes many times a
  // call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const auto settings =
      lumen::ParseSettings({argv + 1, argv + argc}, [](const char* name) { return getenv(name); });
  if (const auto* farewell = std::get_if<lumen::Farewell>(&settings)) {
    std::fputs(farewell->text.c_str(), farewell->exit_code == 0 ? stdout : stderr);
    return farewell->exit_code;
  }
  return lumen::Run(std::get<lumen::Settings>(settings));
}
