// lumen-bench: prints numbers, judges nothing by time. See docs/benchmarks.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/experiments.h"
#include "bench/machine.h"

namespace lumen::bench {
namespace {

// Large enough for the smoke run to take seconds, small enough for every stage to do its work.
constexpr uint64_t kSmokeDivisor = 500;

struct Experiment {
  const char* name;
  const char* help;
  absl::Status (*run)(const Settings&, Report&);
};

constexpr Experiment kExperiments[] = {
    {"sync", "raw fdatasync, and synced puts with 1 and 16 threads", RunSync},
    {"in-memory", "unsynced puts, gets and scans in one memtable", RunInMemory},
    {"lsm", "5 M random keys through flush and compaction", RunLsm},
    {"memory", "peak memory against the configured budget", RunMemoryBudget},
    {"reopen", "recovery of 64 MiB of WAL after a SIGKILL", RunReopen},
    {"rpc", "puts, gets and batches over gRPC beside empty calls", RunRpc},
    {"streams", "scans over gRPC, idle and stalled connections, start", RunStreams},
};

struct CommandLine {
  Settings settings;
  bool smoke = false;
  bool json = false;
  LoadSettings load;
  std::string directory;  // of the children
  std::string address;
  bool own_loops = false;
  std::string server_prefix;
};

int Finish(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "lumen-bench: %s\n", status.ToString().c_str());
  return 1;
}

Report MakeReport(const CommandLine& line) {
  return Report(line.json ? OutputFormat::kJson : OutputFormat::kText, line.settings.divisor == 1);
}

int RunLoadCommand(const CommandLine& line) {
  Report report = MakeReport(line);
  const absl::Status status = RunLoad(line.settings, line.load, report);
  if (status.ok()) report.Finish();
  return Finish(status);
}

int RunExperiments(const CommandLine& line, const std::vector<const Experiment*>& chosen) {
  Report report = MakeReport(line);
  AddMachineFacts(line.settings.directory, report);
  report.AddFact("options",
                 absl::StrCat("16 B keys, 100 B values, seed ", line.settings.seed,
                              line.settings.divisor == 1
                                  ? ""
                                  : absl::StrCat(", everything divided by ", line.settings.divisor,
                                                 ": these numbers mean nothing")));
  if (!line.server_prefix.empty()) report.AddFact("servers", "run by " + line.server_prefix);
  for (const Experiment* experiment : chosen) {
    if (const absl::Status status = experiment->run(line.settings, report); !status.ok()) {
      return Finish(
          absl::Status(status.code(), absl::StrCat(experiment->name, ": ", status.message())));
    }
  }
  report.Finish();
  return 0;
}

void AddOptions(CLI::App& app, CommandLine& line) {
  app.add_option("--directory", line.settings.directory,
                 "Where scratch folders are made; choose the disk with it")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--seed", line.settings.seed, "Of keys' order and values")->capture_default_str();
  app.add_option("--divisor", line.settings.divisor, "Divides every count and size")
      ->check(CLI::Range(uint64_t{1}, uint64_t{100'000}))
      ->capture_default_str();
  app.add_option("--server-prefix", line.server_prefix,
                 "Words before the command of every server, ours and the empty one:\n"
                 "\"chrt --batch 0\", \"taskset -c 0\"");
  app.add_flag("--smoke", line.smoke, "A run of seconds that only shows that everything works");
  app.add_flag("--json", line.json, "One JSON object instead of text");
}

void AddLoad(CLI::App& app, LoadSettings& load) {
  CLI::App* command = app.add_subcommand("load", "puts against a server that runs already");
  command->add_option("address", load.address, "host:port of the server")->required();
  command->add_option("--calls", load.calls, "How many puts")->capture_default_str();
  command->add_option("--in-flight", load.in_flight, "Puts open at any time")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--connections", load.connections, "Connections they share")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  command->add_option("--key-prefix", load.key_prefix, "Keys are this and a number")
      ->capture_default_str();
}

// What experiments start as processes of their own; not for people, so in no help (an empty group).
void AddChildren(CLI::App& app, CommandLine& line) {
  for (const char* name : {"memory-child", "reopen-child"}) {
    app.add_subcommand(name)->group("")->add_option("directory", line.directory)->required();
  }
  CLI::App* empty = app.add_subcommand("empty-server-child")->group("");
  empty->add_option("address", line.address)->required();
  empty->add_flag("--own-loops", line.own_loops);
}

int Run(int argc, char** argv) {
  CommandLine line;
  CLI::App app(
      "Measures LumenKV on this machine and prints each number beside its floor.\n"
      "Examples: lumen-bench numbers\n"
      "          lumen-bench --directory /mnt/nvme --json numbers\n"
      "          lumen-bench lsm rpc\n",
      "lumen-bench");
  app.fallthrough();
  AddOptions(app, line);
  app.add_subcommand("numbers", "every experiment below, in one run");
  for (const Experiment& experiment : kExperiments) {
    app.add_subcommand(experiment.name, experiment.help);
  }
  AddLoad(app, line.load);
  AddChildren(app, line);
  app.require_subcommand(1, 0);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::error_code ignored;
  line.settings.program_folder =
      std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  line.settings.server_prefix = absl::StrSplit(line.server_prefix, ' ', absl::SkipEmpty());
  if (line.smoke) line.settings.divisor = kSmokeDivisor;

  if (app.got_subcommand("memory-child")) {
    return Finish(MemoryBudgetChild(line.settings, line.directory));
  }
  if (app.got_subcommand("reopen-child")) return Finish(ReopenChild(line.settings, line.directory));
  if (app.got_subcommand("empty-server-child")) {
    return Finish(EmptyServerChild(line.address, line.own_loops));
  }
  if (app.got_subcommand("load")) return RunLoadCommand(line);
  std::vector<const Experiment*> chosen;
  for (const Experiment& experiment : kExperiments) {
    if (app.got_subcommand("numbers") || app.got_subcommand(experiment.name)) {
      chosen.push_back(&experiment);
    }
  }
  return RunExperiments(line, chosen);
}

}  // namespace
}  // namespace lumen::bench

int main(int argc, char** argv) { return lumen::bench::Run(argc, argv); }
