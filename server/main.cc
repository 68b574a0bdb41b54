#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
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
#include "engine/base/status_text.h"
#include "engine/engine.h"
#include "engine/posix_environment.h"
#include "server/logging.h"
#include "server/server.h"
#include "server/service_notice.h"
#include "server/settings.h"

// The order matters. The port opens before recovery, so that clients read how far it is; the
// engine locks the directory before it reads anything; SERVING comes last. On the way out calls are
// finished before the engine closes, because each may still wait for its sync.
namespace lumen {
namespace {

enum ExitCode : int { kDrained = 0, kUsage = 2, kTaken = 3, kIo = 4, kCorruption = 5 };

using Opened = absl::StatusOr<std::unique_ptr<Engine>>;

// A FAILED_PRECONDITION of Open is the lock, whose file it names. UNIMPLEMENTED is a newer format:
// the wrong program for this directory, and no retry makes it the right one.
ExitCode ToExitCode(const absl::Status& open_failure) {
  switch (open_failure.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
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
  // Its terminal is gone. Under nohup it is ignored; blocked, it would be taken all the same.
  struct sigaction hangup = {};
  CHECK(sigaction(SIGHUP, nullptr, &hangup) == 0);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  return signals;
}

void TakeSignal(int stop_fd) {
  signalfd_siginfo taken;
  CHECK(read(stop_fd, &taken, sizeof taken) == sizeof taken);
}

// From now on the default action holds: a signal ends the process at once, which loses nothing that
// was acknowledged.
void LetNextSignalKill() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

Options EngineOptions(const Settings& settings) {
  Options options;
  options.memory_budget_bytes = settings.memory_budget_bytes;
  options.memtable_bytes = settings.memtable_bytes;
  options.wal_segment_bytes = settings.wal_segment_bytes;
  options.wal_lz4 = settings.wal_lz4;
  options.block_bytes = static_cast<uint32_t>(settings.block_bytes);
  options.bloom_bits_per_key = static_cast<uint32_t>(settings.bloom_bits_per_key);
  options.lz4_from_level = static_cast<int>(settings.lz4_from_level);
  options.max_key_bytes = settings.max_key_bytes;
  options.max_value_bytes = settings.max_value_bytes;
  options.max_batch_bytes = settings.max_batch_bytes;
  options.max_batch_operations = static_cast<uint32_t>(settings.max_batch_operations);
  options.lock_owner = LockOwner(settings);
  options.on_event = LogEngineEvent;
  return options;
}

ServerOptions FrontOptions(const Settings& settings, FileSystem& files, LoopExecutor& executor) {
  ServerOptions options;
  options.listen = settings.listen;
  options.limits = {.max_key_bytes = settings.max_key_bytes,
                    .max_value_bytes = settings.max_value_bytes,
                    .max_batch_bytes = settings.max_batch_bytes,
                    .max_batch_operations = static_cast<uint32_t>(settings.max_batch_operations)};
  options.admission = {.calls = settings.max_calls, .bytes = settings.max_call_bytes};
  options.scans = {.calls = settings.max_scans, .bytes = settings.max_scan_bytes};
  options.reads = {.threads = static_cast<int>(settings.read_threads),
                   .max_queued = settings.max_queued_reads};
  options.slow.longer_than = settings.slow_request;
  options.slow.warn = [](std::string_view warning) { spdlog::warn("{}", warning); };
  options.commits = &executor;
  options.drain_timeout = settings.drain_timeout;
  options.admin.version = LUMEN_VERSION;
  options.admin.data_directory = settings.data_dir;
  options.admin.checkpoint_directory = settings.data_dir + "/checkpoints";
  for (const SettingValue& value : settings.values) {
    options.admin.config.push_back(
        {.name = value.name, .value = value.value, .source = value.source});
  }
  options.admin.log_level = LogLevel;
  options.admin.set_log_level = SetLogLevel;
  options.admin.note = [](std::string_view what) { spdlog::info("{}", what); };
  options.admin.files = &files;
  return options;
}

// How far recovery is. Written by the thread that opens the engine, read by others.
class RecoveryProgress {
 public:
  void Set(uint64_t replayed_bytes, uint64_t total_bytes) {
    percent_ = static_cast<int>(replayed_bytes * 100 / std::max(total_bytes, uint64_t{1}));
  }
  std::string Status() const {
    return absl::StrCat("recovering: replayed ", percent_.load(), " %");
  }

 private:
  std::atomic<int> percent_{0};
};

// Every connection and every open table takes a file descriptor. The usual soft limit of 1024 is
// for programs that call select(), which we do not.
void RaiseFileLimit() {
  rlimit files{};
  CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

// Readable once SIGTERM, SIGINT or SIGHUP has come. Blocks both in this thread and every thread it
// starts.
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

// Answers every call that reached the engine, and closes it.
absl::Status Stop(Server& server, Engine& engine) {
  NoticeStopping("draining");
  const LongWorkNotice notice([] { return "draining"; });
  server.Shutdown();
  return engine.Close();
}

ExitCode Drain(int stop_fd, Server& server, Engine& engine) {
  spdlog::info("draining; a second signal stops at once");
  TakeSignal(stop_fd);
  LetNextSignalKill();
  const absl::Status closed = Stop(server, engine);
  if (!closed.ok()) {
    spdlog::error("closing: {}", StatusText(closed));
    return kIo;
  }
  spdlog::info("drained");
  return kDrained;
}

// Serves until a signal comes, or until the engine, after an error that no retry mends, makes
// `read_only_fd` readable.
ExitCode ServeUntilStopped(const Settings& settings, int stop_fd, int read_only_fd, Server& server,
                           Engine& engine) {
  server.Serve(engine);
  const bool is_unix = absl::StartsWith(settings.listen, "unix:");
  spdlog::info("serving on {}{}", settings.listen,
               is_unix ? "" : absl::StrCat(" (port ", server.port(), ")"));
  NoticeReady("serving");
  if (AwaitEither(stop_fd, read_only_fd)) return Drain(stop_fd, server, engine);
  if (settings.on_sync_error == OnSyncError::kExit) {
    spdlog::error(
        "stopping, because on_sync_error is exit; see to the error above before the next start");
    LetNextSignalKill();
    // What comes of it is known: the engine is read-only, and Close says so once more.
    static_cast<void>(Stop(server, engine));
    return kIo;
  }
  NoticeStatus("serving reads only: " + engine.GetStats().sticky_error);
  AwaitEither(stop_fd, stop_fd);
  return Drain(stop_fd, server, engine);
}

ExitCode Run(const Settings& settings) {
  RaiseFileLimit();
  const int stop_fd = BlockStopSignals();
  InstallLogging(settings.log);
  spdlog::info("lumen-server {} starts: data {}, listen {}", LUMEN_VERSION, settings.data_dir,
               settings.listen);
  for (const std::string& warning : settings.warnings) spdlog::warn("{}", warning);
  PosixEnvironment posix;
  const Environment threads = posix.environment();
  LoopExecutor executor(threads.executor);
  const Environment environment = {.file_system = threads.file_system,
                                   .clock = threads.clock,
                                   .executor = executor,
                                   .random = threads.random};
  // Before the server: an admin call's work may wait in the engine until it closes.
  std::unique_ptr<Engine> engine;
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(FrontOptions(settings, environment.file_system, executor));
  if (!server.ok()) {
    spdlog::error("{}", std::string(server.status().message()));
    return absl::IsUnavailable(server.status()) ? kTaken : kUsage;
  }
  RecoveryProgress progress;
  Options options = EngineOptions(settings);
  options.on_recovery_progress = [&](uint64_t replayed_bytes, uint64_t total_bytes) {
    progress.Set(replayed_bytes, total_bytes);
    (*server)->ReportRecovery(replayed_bytes, total_bytes);
  };
  const int read_only_fd = eventfd(0, EFD_CLOEXEC);
  options.on_read_only = [read_only_fd](const absl::Status&) { eventfd_write(read_only_fd, 1); };
  const auto start = std::chrono::steady_clock::now();
  std::optional<LongWorkNotice> notice(std::in_place, [&] { return progress.Status(); });
  Opening opening(std::move(options), settings.data_dir, environment);
  if (AwaitEither(stop_fd, opening.done_fd())) {
    // Open cannot be interrupted, but it may be killed at any moment.
    spdlog::info("stopped during recovery");
    spdlog::shutdown();
    std::_Exit(kDrained);
  }
  notice.reset();
  Opened opened = opening.Take();
  if (!opened.ok()) {
    spdlog::error("cannot open {}: {}", settings.data_dir, StatusText(opened.status()));
    return ToExitCode(opened.status());
  }
  engine = *std::move(opened);
  LogRecovery(engine->GetStats(), std::chrono::steady_clock::now() - start);
  return ServeUntilStopped(settings, stop_fd, read_only_fd, **server, *engine);
}

std::map<std::string, std::string> EnvironmentVariables() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // the write fails instead, with a reason
  // Debian builds Abseil with its debug checks, and gRPC locks one of its mutexes many times a
  // call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const auto settings =
      lumen::ParseSettings({argv + 1, argv + argc}, lumen::EnvironmentVariables());
  if (const auto* farewell = std::get_if<lumen::Farewell>(&settings)) {
    std::fputs(farewell->text.c_str(), farewell->exit_code == 0 ? stdout : stderr);
    return farewell->exit_code;
  }
  return lumen::Run(std::get<lumen::Settings>(settings));
}
