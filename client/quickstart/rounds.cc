#include "client/quickstart/rounds.h"

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/status_text.h"

namespace lumen::quickstart {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMinInFlightAtKill = 20;
constexpr int kDefaultPort = 50051;
constexpr milliseconds kStartTimeout{30'000};
constexpr milliseconds kCallTimeout{10'000};
constexpr milliseconds kPhaseTimeout{60'000};
constexpr milliseconds kDrainTimeout{30'000};
constexpr size_t kShownLogLines = 15;

// Small enough that memtables are switched, tables written and merged, and segments rotated all the
// time: a kill meets each of them.
struct Sizes {
  const char* memtable;
  const char* wal_segment;
};
constexpr std::array<Sizes, 3> kSizes = {
    {{"256KiB", "256KiB"}, {"1MiB", "512KiB"}, {"8MiB", "4MiB"}}};

}  // namespace

Rounds::Rounds(Settings settings) : settings_(std::move(settings)), random_(settings_.seed) {
  for (int client = 0; client < kClients; ++client) {
    for (int lane = 0; lane < kLanesPerClient; ++lane) {
      lanes_.push_back(std::make_unique<Lane>(client, lane, kKeysPerLane, random_.Next()));
    }
  }
}

absl::Status Rounds::Explain(const std::string& what) {
  return absl::InternalError(
      absl::StrCat(what, "\nLast lines of ", log_file(), ":\n", Tail(log_file(), kShownLogLines)));
}

absl::Status Rounds::StartServer(const std::vector<std::string>& arguments, int port,
                                 bool detached) {
  std::vector<std::string> all = {"--data-dir", data_directory(), "--listen",
                                  absl::StrCat("127.0.0.1:", port)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  RETURN_IF_ERROR(server_.Start({.binary = settings_.server_binary,
                                 .arguments = std::move(all),
                                 .log_file = log_file(),
                                 .detached = detached}));
  const auto end = steady_clock::now() + kStartTimeout;
  while (!CanConnect(port)) {
    if (const auto ended = server_.Ended()) {
      return Explain("the server refused to start: " + *ended);
    }
    if (steady_clock::now() >= end) return Explain("the server opens no port");
    std::this_thread::sleep_for(milliseconds(2));
  }
  clients_.clear();
  for (int i = 0; i < kClients; ++i) {
    clients_.push_back(std::make_unique<Client>(
        ClientOptions{.server = absl::StrCat("127.0.0.1:", port), .timeout = kCallTimeout}));
  }
  const absl::Status serving = clients_[0]->WaitUntilServing(kStartTimeout);
  if (serving.ok()) return serving;
  const auto ended = server_.Ended();
  return Explain(absl::StrCat("the server does not serve: ",
                              ended.has_value() ? *ended : StatusText(serving)));
}

absl::Status Rounds::StartTinyServer() {
  const Sizes& sizes = kSizes[random_.Below(kSizes.size())];
  return StartServer({"--memory-budget", "64MiB", "--memtable-size", sizes.memtable,
                      "--wal-segment-size", sizes.wal_segment},
                     port_, /*detached=*/false);
}

absl::Status Rounds::Begin() {
  port_ = FindFreePort(random_.Next());
  if (port_ == 0) return absl::UnavailableError("no free port between 20000 and 29999");
  return StartTinyServer();
}

void Rounds::StartLanes(const std::shared_ptr<Phase>& phase,
                        void (Lane::*start)(Client&, std::shared_ptr<Phase>)) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    (*lanes_[i].*start)(*clients_[i / kLanesPerClient], phase);
  }
}

// A moment between 40 and 120 ms after the start, by the seed, and not before enough calls are
// under way.
absl::Status Rounds::AwaitKillMoment(Phase& phase) {
  const auto moment = std::chrono::microseconds(40'000 + random_.Below(80'000));
  std::this_thread::sleep_for(moment);
  const auto end = steady_clock::now() + kCallTimeout;
  while (phase.in_flight < kMinInFlightAtKill) {
    if (!phase.Violations().empty()) return absl::OkStatus();
    if (steady_clock::now() >= end) return Explain("the server stopped answering");
    std::this_thread::yield();
  }
  return absl::OkStatus();
}

absl::Status Rounds::LoadAndKill(RoundReport& report) {
  auto phase = std::make_shared<Phase>(static_cast<int>(lanes_.size()));
  StartLanes(phase, &Lane::StartLoad);
  RETURN_IF_ERROR(AwaitKillMoment(*phase));
  if (const auto ended = server_.Ended()) {
    return Explain("the server ended by itself: " + *ended);
  }
  phase->killed = true;
  report.in_flight_at_kill = phase->in_flight;
  server_.Kill();
  phase->stopping = true;
  if (!phase->WaitForLanes(kPhaseTimeout)) {
    return absl::DeadlineExceededError("calls to the killed server do not end");
  }
  report.acknowledged = phase->acknowledged;
  report.in_doubt = phase->in_doubt;
  report.violations = phase->Violations();
  return absl::OkStatus();
}

absl::Status Rounds::CheckKeys(RoundReport& report) {
  auto phase = std::make_shared<Phase>(static_cast<int>(lanes_.size()));
  StartLanes(phase, &Lane::StartCheck);
  if (!phase->WaitForLanes(kPhaseTimeout)) return Explain("the keys cannot all be read in time");
  report.keys_checked = phase->keys_checked;
  report.keys_present = phase->keys_present;
  for (std::string& violation : phase->Violations()) {
    report.violations.push_back(std::move(violation));
  }
  return absl::OkStatus();
}

absl::Status Rounds::RunRound(RoundReport& report) {
  RETURN_IF_ERROR(LoadAndKill(report));
  const auto start = steady_clock::now();
  RETURN_IF_ERROR(StartTinyServer());
  report.recovery_ms =
      std::chrono::duration_cast<milliseconds>(steady_clock::now() - start).count();
  return CheckKeys(report);
}

absl::Status Rounds::End() {
  int exit_code = 0;
  RETURN_IF_ERROR(server_.Terminate(kDrainTimeout, exit_code));
  if (exit_code == 0) return absl::OkStatus();
  return Explain(absl::StrCat("the server ended with code ", exit_code, " after SIGTERM"));
}

absl::Status Rounds::LeaveServing(std::string& address, pid_t& pid) {
  const int port = CanConnect(kDefaultPort) ? port_ : kDefaultPort;
  RETURN_IF_ERROR(StartServer({}, port, /*detached=*/true));
  address = absl::StrCat("127.0.0.1:", port);
  pid = server_.pid();
  return absl::OkStatus();
}

}  // namespace lumen::quickstart
