#include "proptests/lumen_crash/arguments.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/quantity.h"
#include "engine/base/status.h"
#include "proptests/lumen_crash/run_report.h"
#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

constexpr char kFooter[] = R"(Examples:
  lumen-crash run --suite smoke
  lumen-crash run --profile strict-posix --seed 7 --states 100000 --json run.json
  lumen-crash replay lumen-crash-failures/strict-posix-rule-2-0123456789abcdef.case
  lumen-crash explain FILE --html timeline.html

Exit codes: 0 pass, 1 fail (a rule is broken), 2 usage, 3 inconclusive (stopped early, or something could not be tested
or written), 4 harness error. What is tested: docs/crash_testing.md.)";

constexpr uint64_t kDefaultReplays = 20'000;
constexpr uint64_t kMaxJobs = 256;
constexpr uint32_t kMaxSteps = 1'000'000;

// As it was typed; turned into RunArguments once it is complete.
struct RunText {
  std::string profiles = "all";
  std::string suite;
  std::string seed = "1";
  std::string time;
  std::string steps;
  std::string shard;
  std::string hang_after = "120s";
  uint64_t states = 0;
  uint64_t max_failures = 0;
  uint64_t jobs = 1;
  uint64_t shrink_replays = kDefaultReplays;
  std::optional<ExhaustBounds> exhaust;
  bool until_fail = false;
  bool no_faults = false;
  bool explain_plan = false;
  std::string fault_plan;
  std::string corpus;
  std::string failures_directory = "lumen-crash-failures";
  OutputPaths outputs;
};

absl::Status Refuse(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<std::vector<faultfs::Profile>> ParseProfiles(const std::string& text) {
  if (text == "all") {
    return std::vector<faultfs::Profile>(faultfs::kProfiles.begin(), faultfs::kProfiles.end());
  }
  std::vector<faultfs::Profile> profiles;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::optional<faultfs::Profile> profile = faultfs::ParseProfile(name);
    if (!profile.has_value()) {
      return Refuse(
          absl::StrCat("--profile: there is no '", name,
                       "'; `lumen-crash list profiles` names them, 'all' is all of them"));
    }
    for (const faultfs::Profile other : profiles) {
      if (other == *profile) return Refuse("--profile: '" + name + "' is there twice");
    }
    profiles.push_back(*profile);
  }
  return profiles;
}

absl::StatusOr<uint64_t> ParseWhole(const std::string& option, std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return Refuse(absl::StrCat(option, ": '", std::string(text), "' is no whole number"));
}

absl::StatusOr<uint64_t> ParseSeed(const std::string& text) {
  if (text != "clock") return ParseWhole("--seed", text);
  // Said aloud in the first line; nothing else of a run depends on a clock.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

absl::StatusOr<int64_t> ParseNanoseconds(const std::string& option, const std::string& text) {
  if (text.empty()) return 0;
  const auto duration = ParseDuration(text);
  if (!duration.ok()) return Refuse(option + ": " + std::string(duration.status().message()));
  if (duration->count() == 0) return Refuse(option + ": it has to be longer than nothing");
  return std::chrono::nanoseconds(*duration).count();
}

absl::StatusOr<Suite::Pass> ParseSteps(const std::string& text) {
  const size_t dots = text.find("..");
  const std::string first = text.substr(0, dots);
  ASSIGN_OR_RETURN(const uint64_t least, ParseWhole("--steps", first));
  uint64_t most = least;
  if (dots != std::string::npos) {
    ASSIGN_OR_RETURN(most, ParseWhole("--steps", std::string_view(text).substr(dots + 2)));
  }
  if (least == 0 || least > most || most > kMaxSteps) {
    return Refuse(
        absl::StrCat("--steps: '", text, "': expected A..B with 1 <= A <= B <= ", kMaxSteps));
  }
  return Suite::Pass{.least_steps = static_cast<uint32_t>(least),
                     .most_steps = static_cast<uint32_t>(most)};
}

absl::StatusOr<Shard> ParseShard(const std::string& text, const Environment& environment) {
  if (!text.empty()) {
    absl::StatusOr<Shard> shard = Shard::Parse(text);
    if (!shard.ok()) return Refuse("--shard: " + std::string(shard.status().message()));
    return shard;
  }
  ASSIGN_OR_RETURN(const std::optional<Shard> shard, ShardFromEnvironment(environment));
  return shard.value_or(Shard{});
}

// The budgets of the suite, where the command line has none of its own.
absl::Status SetBudgets(const RunText& text, RunArguments& run) {
  const bool own = text.states > 0 || !text.time.empty() || text.until_fail;
  run.suite = !text.suite.empty() || own ? text.suite : "smoke";
  run.states = text.states;
  ASSIGN_OR_RETURN(run.time_ns, ParseNanoseconds("--time", text.time));
  run.max_failures = text.until_fail ? 1 : 10;
  run.passes = {Suite::Pass{}};
  if (!run.suite.empty()) {
    const Suite* suite = FindSuite(run.suite);
    if (suite == nullptr) {
      return Refuse("--suite: there is no '" + run.suite +
                    "'; `lumen-crash list suites` names them");
    }
    if (!own) run.time_ns = suite->time_ns;
    if (!text.until_fail) run.max_failures = suite->max_failures;
    run.passes = suite->passes;
  }
  if (text.max_failures > 0) run.max_failures = text.max_failures;
  if (text.steps.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Suite::Pass pass, ParseSteps(text.steps));
  run.passes = {pass};
  return absl::OkStatus();
}

// With every choice said, so that it means the same in another place and another CI.
std::string Again(const RunText& text, const RunArguments& run) {
  std::string command = absl::StrCat("lumen-crash ", run.exhaust ? "exhaust" : "run", " --profile ",
                                     text.profiles, " --seed ", run.seed);
  const auto add = [&command](const char* option, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&command, " ", option, " ", QuoteForShell(value));
  };
  if (run.exhaust) {
    absl::StrAppend(&command, " --length ", run.exhaust->length, " --most-pending ",
                    run.exhaust->most_pending, " --most-images ", run.exhaust->most_images);
  } else {
    add("--suite", run.suite);
    add("--steps", text.steps);
    if (run.states > 0) add("--states", absl::StrCat(run.states));
    if (text.until_fail) command += " --until-fail";
    if (text.max_failures > 0) add("--max-failures", absl::StrCat(text.max_failures));
  }
  add("--time", text.time);
  if (text.no_faults) command += " --no-faults";
  add("--fault-plan", text.fault_plan);
  if (run.shard.count > 1) add("--shard", run.shard.ToString());
  if (run.jobs > 1) add("--jobs", absl::StrCat(run.jobs));
  add("--corpus", text.corpus);
  return command;
}

absl::StatusOr<Arguments> ToRun(const RunText& text, const Environment& environment) {
  if (text.explain_plan) {
    if (text.fault_plan.empty()) return Refuse("--explain-plan: which? Say --fault-plan FILE");
    return ExplainPlanArguments{text.fault_plan};
  }
  if (text.no_faults && !text.fault_plan.empty()) {
    return Refuse("--no-faults and --fault-plan exclude each other");
  }
  RunArguments run;
  ASSIGN_OR_RETURN(run.profiles, ParseProfiles(text.profiles));
  ASSIGN_OR_RETURN(run.seed, ParseSeed(text.seed));
  ASSIGN_OR_RETURN(run.shard, ParseShard(text.shard, environment));
  ASSIGN_OR_RETURN(run.hang_ns, ParseNanoseconds("--hang-after", text.hang_after));
  run.exhaust = text.exhaust;
  run.faults = !text.no_faults;
  run.fault_plan_path = text.fault_plan;
  run.jobs = text.jobs;
  run.shrink_replays = text.shrink_replays;
  run.corpus = text.corpus;
  run.failures_directory = text.failures_directory;
  run.outputs = text.outputs;
  if (!text.exhaust) {
    RETURN_IF_ERROR(SetBudgets(text, run));
  } else {
    run.passes = {Suite::Pass{}};
    ASSIGN_OR_RETURN(run.time_ns, ParseNanoseconds("--time", text.time));
  }
  run.again = Again(text, run);
  return run;
}

void AddOutputs(CLI::App& command, OutputPaths& outputs) {
  command.add_option("--json", outputs.json, "Counts and verdict as one JSON object")
      ->group("Reports");
  command.add_option("--junit", outputs.junit, "JUnit XML")->group("Reports");
  command.add_option("--html", outputs.html, "One page: counts, and a timeline of each failure")
      ->group("Reports");
}

void AddCommon(CLI::App& command, RunText& text) {
  command.add_option("--profile", text.profiles, "One, several with commas, or all")
      ->capture_default_str();
  command
      .add_option("--seed", text.seed, "A number; 'clock' takes one from the clock, and says it")
      ->capture_default_str();
  command.add_option("--jobs", text.jobs, "Threads; each case runs on one")
      ->check(CLI::Range(uint64_t{1}, kMaxJobs))
      ->capture_default_str();
  command.add_option("--shard", text.shard,
                     "i/n, from 0/n: every n-th case; default: what the CI's variables say");
  command.add_option("--time", text.time, "At most so long, as in 30s, 5m, 8h");
  command
      .add_option("--hang-after", text.hang_after,
                  "A thread that is silent for so long hangs: inconclusive")
      ->capture_default_str();
  command.add_option("--failures-dir", text.failures_directory, "Where failure files go")
      ->capture_default_str();
  command
      .add_option("--shrink", text.shrink_replays,
                  "Replays that shrinking a failure may take; 0: not at all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  AddOutputs(command, text.outputs);
  command.add_option("--ndjson", text.outputs.ndjson, "Events while it runs, one a line")
      ->group("Reports");
  command.add_option("--hashes", text.outputs.hashes, "What `merge` needs of a shard")
      ->group("Reports");
}

CLI::App* AddRun(CLI::App& app, RunText& text) {
  CLI::App* run = app.add_subcommand("run", "random workloads, crashed everywhere");
  AddCommon(*run, text);
  run->add_option("--suite", text.suite,
                  "smoke, ci, nightly or hunt; default: smoke, or the budgets");
  run->add_option("--states", text.states, "At most so many distinct states, all profiles together")
      ->check(CLI::NonNegativeNumber);
  run->add_flag("--until-fail", text.until_fail,
                "Ends with the first failure only, or another budget");
  run->add_option("--max-failures", text.max_failures, "Ends with so many failures")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--steps", text.steps, "Client steps of a workload, A..B");
  CLI::Option* no_faults =
      run->add_flag("--no-faults", text.no_faults, "Crashes alone, no faults beside them");
  run->add_option("--fault-plan", text.fault_plan, "These faults in every case")
      ->excludes(no_faults);
  run->add_flag("--explain-plan", text.explain_plan, "Says what the plan does, and runs nothing");
  run->add_option("--corpus", text.corpus, "Replays the *.case files of a folder first");
  return run;
}

CLI::App* AddExhaust(CLI::App& app, RunText& text) {
  CLI::App* exhaust =
      app.add_subcommand("exhaust", "every small workload, every crash point, every legal image");
  AddCommon(*exhaust, text);
  ExhaustBounds& bounds = text.exhaust.emplace();
  exhaust->add_option("--length", bounds.length, "Workloads of up to so many steps")
      ->check(CLI::Range(1, 6))
      ->capture_default_str();
  exhaust
      ->add_option("--most-pending", bounds.most_pending,
                   "Every legal image where at most so many operations are pending")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
  exhaust
      ->add_option("--most-images", bounds.most_images,
                   "and at most so many images are legal; elsewhere the first of them, the "
                   "systematic ones (all lost, all kept, prefixes, all but one or two, only one or "
                   "two, torn appends), and random ones")
      ->check(CLI::Range(uint64_t{1}, kLargestMostImages))
      ->capture_default_str();
  return exhaust;
}

struct OtherText {
  ReplayArguments replay;
  ShrinkArguments shrink{.path = {}, .to = {}, .replays = kDefaultReplays};
  ExplainArguments explain;
  ListArguments list;
  MergeArguments merge;
  SelftestSettings selftest;
};

void AddCaseCommands(CLI::App& app, OtherText& other) {
  CLI::App* replay = app.add_subcommand("replay", "runs the case of a failure file again");
  replay->add_option("file", other.replay.path, "A failure file")->required();
  replay->add_option("--times", other.replay.times, "So often; all traces have to be equal")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  CLI::App* shrink = app.add_subcommand("shrink", "makes the case of a failure file smaller");
  shrink->add_option("file", other.shrink.path, "A failure file")->required();
  shrink->add_option("--to", other.shrink.to,
                     "Where the smaller one goes; default: the file itself");
  shrink->add_option("--replays", other.shrink.replays, "At most so many")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  CLI::App* explain = app.add_subcommand("explain", "tells the story of a failure file");
  explain->add_option("file", other.explain.path, "A failure file")->required();
  explain->add_option("--html", other.explain.html, "As a timeline, one self-contained page");
}

void AddOtherCommands(CLI::App& app, OtherText& other) {
  CLI::App* list = app.add_subcommand("list", "names profiles, faults and suites");
  list->add_option("what", other.list.what, "profiles, faults or suites; default: all")
      ->check(CLI::IsMember({"profiles", "faults", "suites"}));
  CLI::App* merge = app.add_subcommand("merge", "makes one report of the shards of a run");
  merge->add_option("files", other.merge.paths, "What --hashes wrote, of every shard")->required();
  AddOutputs(*merge, other.merge.outputs);
  CLI::App* selftest = app.add_subcommand(
      "selftest", "puts known bugs back into copies of the engine; finds them all?");
  selftest->add_option("--only", other.selftest.only, "Ids of mutants");
  selftest->add_option("--states", other.selftest.states, "Of each run; 0: what the mutant says")
      ->check(CLI::NonNegativeNumber);
  selftest->add_option("--jobs", other.selftest.jobs, "Copies built and run at a time")
      ->check(CLI::Range(uint64_t{1}, kMaxJobs))
      ->capture_default_str();
  selftest->add_option("--source", other.selftest.source, "The tree to copy");
  selftest->add_option("--record", other.selftest.record, "Where the score goes");
  selftest->add_option("--keep", other.selftest.keep,
                       "A directory for the failure files and the programs that replay them");
}

absl::StatusOr<Arguments> Chosen(const CLI::App& app, const RunText& run, const RunText& exhaust,
                                 const OtherText& other, const Environment& environment) {
  if (app.got_subcommand("run")) return ToRun(run, environment);
  if (app.got_subcommand("exhaust")) return ToRun(exhaust, environment);
  if (app.got_subcommand("replay")) return Arguments(other.replay);
  if (app.got_subcommand("shrink")) return Arguments(other.shrink);
  if (app.got_subcommand("explain")) return Arguments(other.explain);
  if (app.got_subcommand("list")) return Arguments(other.list);
  if (app.got_subcommand("merge")) return Arguments(other.merge);
  return Arguments(other.selftest);
}

}  // namespace

ParsedArguments ParseArguments(const std::vector<std::string>& words,
                               const Environment& environment) {
  CLI::App app(
      "Crashes LumenKV at every file operation of many small lives, on a simulated disk that keeps "
      "as "
      "little as a real one may, and judges what recovery makes of it.",
      "lumen-crash");
  app.footer(kFooter);
  app.require_subcommand(1, 1);
  RunText run;
  RunText exhaust;
  OtherText other;
  AddRun(app, run);
  AddExhaust(app, exhaust);
  AddCaseCommands(app, other);
  AddOtherCommands(app, other);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const bool helped = app.exit(error, out, out) == 0;
    return {.arguments = {}, .exit_code = helped ? 0 : kExitUsage, .message = out.str()};
  }
  absl::StatusOr<Arguments> chosen = Chosen(app, run, exhaust, other, environment);
  if (chosen.ok()) return {.arguments = *std::move(chosen), .exit_code = 0, .message = {}};
  return {.arguments = {},
          .exit_code = kExitUsage,
          .message = std::string(chosen.status().message()) + "\n"};
}

}  // namespace lumen::crash
