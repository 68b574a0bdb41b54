#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_format.h"
#include "client/quickstart/rounds.h"

// lumen-quickstart: shows on this machine that killing the server under load loses no acknowledged
// write. Exit code 0: nothing was lost; 1: something was, or the server did not come back; 2:
// usage.
namespace lumen::quickstart {
namespace {

constexpr int kMaxRounds = 1'000'000;

struct Totals {
  int rounds = 0;
  uint64_t acknowledged = 0;
  uint64_t in_doubt = 0;
  uint64_t keys_checked = 0;
  int64_t slowest_recovery_ms = 0;
  int fewest_in_flight = 0;

  void Add(const RoundReport& report) {
    fewest_in_flight = rounds == 0 ? report.in_flight_at_kill
                                   : std::min(fewest_in_flight, report.in_flight_at_kill);
    ++rounds;
    acknowledged += report.acknowledged;
    in_doubt += report.in_doubt;
    keys_checked += report.keys_checked;
    slowest_recovery_ms = std::max(slowest_recovery_ms, report.recovery_ms);
  }
};

// Long runs print one line in so many.
bool IsShown(int round, int rounds) { return rounds <= 50 || round % 50 == 0 || round == rounds; }

void PrintRound(int round, const RoundReport& report) {
  absl::PrintF("%5d  %12u  %8u  %16d  %12u  %12u  %8d ms\n", round, report.acknowledged,
               report.in_doubt, report.in_flight_at_kill, report.keys_checked, report.keys_present,
               report.recovery_ms);
  std::fflush(stdout);
}

int FailRun(const Settings& settings, int round, const std::string& what) {
  absl::PrintF(
      "\nFAILED in round %d: %s\nData and log are kept in %s\n"
      "Again: ./ci/quickstart --rounds %d --seed %u\n",
      round, what, settings.directory, settings.rounds, settings.seed);
  return 1;
}

int FailRun(const Settings& settings, int round, const RoundReport& report) {
  std::string what = "the server broke its promise:";
  for (const std::string& violation : report.violations) what += "\n  " + violation;
  return FailRun(settings, round, what);
}

void PrintTotals(const Totals& totals, double seconds) {
  absl::PrintF(
      "\nOK: %d kills, each with at least %d calls in flight; %u calls acknowledged, %u writes "
      "left "
      "in doubt,\n    %u keys checked: every one holds its last acknowledged value or a later one "
      "in "
      "doubt.\n    Slowest restart %d ms. The last server drained on SIGTERM. %.1f s in all.\n",
      totals.rounds, totals.fewest_in_flight, totals.acknowledged, totals.in_doubt,
      totals.keys_checked, totals.slowest_recovery_ms, seconds);
}

void PrintHowToGoOn(const std::string& bin, const std::string& address, pid_t pid,
                    const std::string& data) {
  absl::PrintF("\nA server is left running (process %d) on %s, data in %s\n", pid, address, data);
  absl::PrintF("  %s/lumen put --server %s greeting hello\n", bin, address);
  absl::PrintF("  %s/lumen get --server %s greeting\n", bin, address);
  absl::PrintF("  kill %d        # drains and ends; then, offline:\n", pid);
  absl::PrintF("  %s/lumen wal verify %s\n", bin, data);
}

void PrintHowToStart(const std::string& bin) {
  absl::PrintF("\nStart a server, and talk to it from another terminal:\n");
  absl::PrintF("  %s/lumen-server --data-dir ./data\n", bin);
  absl::PrintF("  %s/lumen put greeting hello\n", bin);
  absl::PrintF("  %s/lumen get greeting\n", bin);
  absl::PrintF("  %s/lumen del greeting\n", bin);
}

int RunAll(const Settings& settings, bool serve) {
  const std::string bin = std::filesystem::path(settings.server_binary).parent_path().string();
  const auto start = std::chrono::steady_clock::now();
  absl::PrintF(
      "LumenKV: %d rounds, seed %u; %d clients with %d calls in flight each write to lumen-server, "
      "which is\nkilled (SIGKILL) and started again. Scratch directory %s\n\n",
      settings.rounds, settings.seed, Rounds::kClients, Rounds::kLanesPerClient,
      settings.directory);
  absl::PrintF(
      "round  acknowledged  in doubt  in flight (kill)  keys checked  keys present  "
      "recovered\n");
  Rounds rounds(settings);
  Totals totals;
  absl::Status status = rounds.Begin();
  if (!status.ok()) return FailRun(settings, 0, std::string(status.message()));
  for (int round = 1; round <= settings.rounds; ++round) {
    RoundReport report;
    status = rounds.RunRound(report);
    if (!status.ok()) return FailRun(settings, round, std::string(status.message()));
    if (IsShown(round, settings.rounds) || !report.violations.empty()) PrintRound(round, report);
    if (!report.violations.empty()) return FailRun(settings, round, report);
    totals.Add(report);
  }
  status = rounds.End();
  if (!status.ok()) return FailRun(settings, settings.rounds, std::string(status.message()));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  PrintTotals(totals, took.count());
  if (!serve) {
    PrintHowToStart(bin);
    std::error_code ignored;  // a scratch directory that stays behind is no failure
    std::filesystem::remove_all(settings.directory, ignored);
    return 0;
  }
  std::string address;
  pid_t pid = 0;
  status = rounds.LeaveServing(address, pid);
  if (!status.ok()) return FailRun(settings, settings.rounds, std::string(status.message()));
  PrintHowToGoOn(bin, address, pid, rounds.data_directory());
  return 0;
}

std::string MakeScratchDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "lumen-quickstart-XXXXXX").string();
  return mkdtemp(path.data()) == nullptr ? "" : path;
}

int Main(int argc, char** argv) {
  Settings settings;
  bool serve = false;
  CLI::App app("Kills lumen-server under load, again and again, and checks every key.",
               "lumen-quickstart");
  app.add_option("--rounds", settings.rounds, "Kills, 1 to 1000000 [default 5]")
      ->check(CLI::Range(1, kMaxRounds))
      ->type_name("");
  app.add_option("--seed", settings.seed,
                 "Of operations, sizes and kill moments [default 1]; timing still differs")
      ->type_name("");
  app.add_flag("--serve", serve, "Leave a server running on the data afterwards");
  app.add_option("--server-binary", settings.server_binary,
                 "[default lumen-server beside this program]")
      ->type_name("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (settings.server_binary.empty()) {
    settings.server_binary =
        (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lumen-server").string();
  }
  settings.directory = MakeScratchDirectory();
  if (settings.directory.empty()) {
    std::perror("lumen-quickstart: cannot make a scratch directory");
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  return RunAll(settings, serve);
}

}  // namespace
}  // namespace lumen::quickstart

int main(int argc, char** argv) { return lumen::quickstart::Main(argc, argv); }
