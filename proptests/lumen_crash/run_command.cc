#include "proptests/lumen_crash/run_command.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/trial.h"
#include "proptests/lumen_crash/campaign.h"
#include "proptests/lumen_crash/corpus.h"
#include "proptests/lumen_crash/failure_keeper.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/report_files.h"
#include "proptests/lumen_crash/summary.h"
#include "proptests/lumen_crash/text_hash.h"

namespace lumen::crash {
namespace {

constexpr size_t kMaxPlanBytes = 1 << 20;
// Each takes seconds; the rest are most often the same bug.
constexpr size_t kMaxExamined = 3;

// What the files that a command line names hold.
struct Inputs {
  std::string fault_plan;
  std::vector<std::string> corpus_files;
};

absl::StatusOr<Inputs> ReadInputs(const RunArguments& arguments) {
  Inputs inputs;
  if (!arguments.fault_plan_path.empty()) {
    ASSIGN_OR_RETURN(inputs.fault_plan, ReadFile(arguments.fault_plan_path, kMaxPlanBytes));
    const absl::Status status = faultfs::FaultPlan::Parse(inputs.fault_plan).status();
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(arguments.fault_plan_path, ": ", std::string(status.message())));
    }
  }
  if (!arguments.corpus.empty()) {
    ASSIGN_OR_RETURN(inputs.corpus_files, CorpusFiles(arguments.corpus));
  }
  return inputs;
}

// Everything that decides which states can be met, and nothing that only says how many of them.
std::string ConfigurationText(const RunArguments& arguments, const Inputs& inputs) {
  std::vector<std::string> profiles;
  for (const faultfs::Profile profile : arguments.profiles) {
    profiles.emplace_back(ProfileName(profile));
  }
  std::vector<std::string> passes;
  for (const Suite::Pass& pass : arguments.passes) {
    passes.push_back(absl::StrCat(pass.least_steps, "..", pass.most_steps, "x", pass.weight));
  }
  std::string text = absl::StrCat("profiles ", absl::StrJoin(profiles, ","), "; ");
  if (arguments.exhaust) {
    absl::StrAppend(&text, "exhaust length ", arguments.exhaust->length, " most pending ",
                    arguments.exhaust->most_pending, " most images ",
                    arguments.exhaust->most_images);
  } else {
    absl::StrAppend(&text, "steps ", absl::StrJoin(passes, ","));
  }
  absl::StrAppend(&text, "; faults ", arguments.faults ? "generated" : "none");
  if (!inputs.fault_plan.empty()) {
    absl::StrAppend(&text, ", plan of hash ", TextHash(inputs.fault_plan));
  }
  return text;
}

// One run, from the first line to the last.
class Run {
 public:
  Run(const RunArguments& arguments, const CommandContext& context, Inputs inputs)
      : arguments_(arguments),
        context_(context),
        inputs_(std::move(inputs)),
        began_ns_(context.console.now_ns()),
        keeper_(arguments.failures_directory),
        progress_(context.console) {
    if (!arguments.outputs.ndjson.empty()) events_.emplace(arguments.outputs.ndjson);
    report_.configuration = {.seed = arguments.seed,
                             .build = context.build,
                             .text = ConfigurationText(arguments, inputs_)};
    report_.shard = arguments.shard;
    report_.suite = arguments.suite;
    report_.exhaust = arguments.exhaust;
    report_.mutants = context.mutants;
    report_.again = arguments.again;
    for (const faultfs::Profile profile : arguments.profiles) {
      report_.profiles.push_back(
          {.profile = std::string(ProfileName(profile)), .totals = {}, .hashes = {}});
    }
  }

  RunOutcome Execute() {
    context_.console.out(FirstLine(report_) + "\n");
    Event(StartEvent(report_));
    TouchShardStatus();
    Corpus();
    const bool abandoned = Explore();
    progress_.Clear();
    if (!Interrupted() && !abandoned) ExamineFailures();
    Finish();
    return {.exit_code = static_cast<int>(report_.verdict()), .abandoned = abandoned};
  }

 private:
  bool Interrupted() const { return context_.signal != nullptr && *context_.signal != 0; }
  double Seconds() const {
    return static_cast<double>(context_.console.now_ns() - began_ns_) / 1e9;
  }
  int64_t AtMs() const { return (context_.console.now_ns() - began_ns_) / 1'000'000; }
  void Event(const std::string& line) {
    if (events_.has_value()) events_->Append(line);
  }

  // Bazel wants to see that a test knows of shards.
  void TouchShardStatus() {
    const char* path = context_.console.environment("TEST_SHARD_STATUS_FILE");
    if (path == nullptr || *path == '\0') return;
    if (const absl::Status status = WriteFile(path, ""); !status.ok()) {
      report_.problems.emplace_back(status.message());
    }
  }

  void Corpus() {
    CorpusEvents events;
    events.result = [this](const CorpusResult& result) { Event(CorpusEvent(result, AtMs())); };
    events.failure = [this](const Failure& failure) { TakeFailure(failure); };
    report_.corpus = ReplayCorpus(inputs_.corpus_files, context_.harness, context_.signal, events);
  }

  CampaignSettings Settings() const {
    CampaignSettings settings;
    settings.profiles = arguments_.profiles;
    settings.passes = arguments_.passes;
    settings.seed = arguments_.seed;
    settings.faults = arguments_.faults;
    settings.fault_plan = inputs_.fault_plan;
    settings.shard = arguments_.shard;
    settings.jobs = arguments_.jobs;
    settings.states = arguments_.states;
    settings.time_ns = arguments_.time_ns;
    settings.max_failures = arguments_.max_failures;
    settings.hang_ns = arguments_.hang_ns;
    settings.signal = context_.signal;
    return settings;
  }

  bool Explore() {
    CampaignEvents events;
    events.progress = [this](const std::string& profile, const Totals& totals) {
      progress_.Show(profile, totals);
      Event(ProgressEvent(profile, totals, AtMs()));
    };
    events.profile_done = [this](const ProfileReport& profile) {
      Event(ProfileEvent(profile, AtMs()));
    };
    events.failure = [this](const Failure& failure) { TakeFailure(failure); };
    CampaignResult result = arguments_.exhaust
                                ? Exhaust(events)
                                : RunCampaign(Settings(), context_.harness.explore, events);
    report_.profiles = std::move(result.profiles);
    report_.problems.insert(report_.problems.end(), result.problems.begin(), result.problems.end());
    return result.abandoned;
  }

  CampaignResult Exhaust(const CampaignEvents& events) {
    // Shared with the threads, one of which may outlive this.
    struct Stopped {
      std::mutex mutex;
      std::set<faultfs::Profile> profiles;
    };
    const auto stopped = std::make_shared<Stopped>();
    CampaignResult result = RunCampaign(
        Settings(),
        [stopped, exhaust = context_.harness.exhaust, bounds = *arguments_.exhaust](
            const ExploreSettings& settings, const ExploreEvents& explore_events) {
          const Exhausted part = exhaust(settings, bounds, explore_events);
          const std::lock_guard lock(stopped->mutex);
          if (!part.complete) stopped->profiles.insert(settings.profile);
          return part.totals;
        },
        events);
    const std::lock_guard lock(stopped->mutex);
    for (ProfileReport& profile : result.profiles) {
      // A part that never began stops nothing, so workloads are counted.
      profile.complete = profile.totals.cases == WorkloadsToExhaust() &&
                         stopped->profiles.count(*faultfs::ParseProfile(profile.profile)) == 0;
      if (!profile.complete) result.problems.push_back(profile.profile + ": not exhausted");
    }
    return result;
  }

  // Of this shard.
  uint64_t WorkloadsToExhaust() const {
    const Shard& shard = arguments_.shard;
    const uint64_t all = SmallWorkloads(arguments_.exhaust->length);
    return all / shard.count + (shard.index < all % shard.count ? 1 : 0);
  }

  void TakeFailure(Failure failure) {
    failure.build = context_.build;
    if (failure.violation.rule == kBrokenHarness) {
      report_.harness_errors.push_back(failure.violation.what);
    } else if (failure.violation.rule == kHung) {
      report_.problems.push_back(failure.violation.what);
    }
    FoundFailure found{.failure = std::move(failure), .file = {}};
    Keep(found);
    progress_.Clear();
    const int rule = found.failure.violation.rule;
    context_.console.out(absl::StrCat(
        rule > 0 ? absl::StrCat("violation of rule ", rule) : "trouble", " under ",
        std::string(ProfileName(found.failure.failing.profile)), ": ", found.file, "\n"));
    Event(FailureEvent(found, AtMs()));
    report_.failures.push_back(std::move(found));
  }

  void Keep(FoundFailure& found) {
    absl::StatusOr<std::string> path = keeper_.Keep(found.failure);
    if (path.ok()) {
      found.file = *std::move(path);
    } else {
      report_.problems.push_back("a failure file could not be written: " +
                                 std::string(path.status().message()));
    }
  }

  // The first ones: shrinks them, and asks which other profiles they fail under.
  void ExamineFailures() {
    size_t examined = 0;
    for (FoundFailure& found : report_.failures) {
      // What hangs takes as long each time, and what is wrong with the harness has no rule.
      if (found.failure.violation.rule <= 0) continue;
      if (examined++ == kMaxExamined || Interrupted()) return;
      if (arguments_.shrink_replays > 0) {
        const double began = Seconds();
        found.failure = context_.harness.shrink(found.failure, arguments_.shrink_replays);
        found.shrink_seconds = Seconds() - began;
      }
      found.failure.elsewhere = context_.harness.look_elsewhere(found.failure);
      Keep(found);
      Event(ExaminedEvent(found, AtMs()));
    }
  }

  void Finish() {
    report_.seconds = Seconds();
    report_.cost = context_.console.cost();
    report_.sum = SumOf(report_.profiles, report_.seconds);
    if (events_.has_value() && !events_->status().ok()) {
      report_.problems.push_back("a report could not be written: " +
                                 std::string(events_->status().message()));
    }
    WriteReports(arguments_.outputs, context_.harness, context_.console, report_);
    Event(EndEvent(report_));
    context_.console.out(TextSummary(report_));
  }

  const RunArguments& arguments_;
  const CommandContext& context_;
  const Inputs inputs_;
  const int64_t began_ns_;
  const FailureKeeper keeper_;
  std::optional<LineFile> events_;
  ProgressLine progress_;
  RunReport report_;
};

}  // namespace

RunOutcome RunCommand(const RunArguments& arguments, const CommandContext& context) {
  absl::StatusOr<Inputs> inputs = ReadInputs(arguments);
  if (!inputs.ok()) {
    context.console.error("lumen-crash: " + std::string(inputs.status().message()) + "\n");
    return {.exit_code = kExitUsage, .abandoned = false};
  }
  return Run(arguments, context, *std::move(inputs)).Execute();
}

}  // namespace lumen::crash
