// The commands from their arguments to their exit codes, with a harness that finds, hangs and
// refuses when it is told to.
#include "proptests/lumen_crash/run_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/env/temporary_directory.h"
#include "proptests/harness/trial.h"
#include "proptests/lumen_crash/case_commands.h"
#include "proptests/lumen_crash/failure_keeper.h"
#include "proptests/lumen_crash/merge_command.h"
#include "proptests/lumen_crash/output_file.h"
#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr size_t kMaxBytes = 1 << 20;

Failure FailureOf(int rule) {
  Failure failure;
  failure.failing.profile = faultfs::Profile::kXfs;
  failure.failing.workload = GenerateWorkload(3, 9);
  failure.violation = {.rule = rule, .what = "k03 is missing"};
  return failure;
}

class Commands : public ::testing::Test {
 protected:
  Commands() {
    harness_.explore = [this](const ExploreSettings& settings, const ExploreEvents& events) {
      Totals totals;
      totals.cases = 1;
      totals.generated = 10;
      for (totals.distinct = 0; totals.distinct < 4; ++totals.distinct) {
        if (events.distinct) events.distinct(settings.shard * 2 + totals.distinct);
      }
      for (const Failure& failure : found_) events.failure(failure);
      totals.violations = found_.size();
      return totals;
    };
    harness_.explore_case = [this](const Case&, const ExploreSettings& settings,
                                   const ExploreEvents& events) {
      return harness_.explore(settings, events);
    };
    harness_.exhaust = [this](const ExploreSettings& settings, const ExhaustBounds& bounds,
                              const ExploreEvents& events) {
      Exhausted exhausted{.totals = harness_.explore(settings, events), .complete = complete_};
      Totals& totals = exhausted.totals;
      totals.cases = 0;
      for (uint64_t i = settings.shard; i < SmallWorkloads(bounds.length); i += settings.shards) {
        ++totals.cases;
      }
      totals.crash_points = 1234;
      totals.many_images_points = many_images_points_;
      totals.exhaustive_points = 1234 - many_images_points_;
      return exhausted;
    };
    harness_.replay = [this](const Case&) -> absl::StatusOr<Replayed> {
      Replayed replayed = replayed_;
      replayed.trace_hash += deterministic_ ? 0 : replays_++;
      return replay_status_.ok() ? absl::StatusOr<Replayed>(replayed) : replay_status_;
    };
    harness_.shrink = [](Failure failure, uint64_t) {
      failure.steps_before = failure.failing.workload.steps.size();
      failure.failing.workload.steps.resize(2);
      failure.steps_after = 2;
      return failure;
    };
    harness_.look_elsewhere = [](const Failure& failure) {
      const uint64_t states = failure.failing.workload.steps.size();
      return std::vector<UnderProfile>{
          {.profile = faultfs::Profile::kBtrfs, .fails = true, .states = 3},
          {.profile = faultfs::Profile::kKill, .fails = false, .states = states}};
    };
    harness_.timeline = [](const Case&) -> absl::StatusOr<Timeline> { return Timeline{}; };
    console_.out = [this](std::string_view text) { out_ += text; };
    console_.error = [this](std::string_view text) { error_ += text; };
    console_.environment = [this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    };
    console_.now_ns = [this] { return now_ns_ += 1'000'000; };
    console_.cost = [] { return Cost{.processor_seconds = 2, .peak_memory_bytes = 5 << 20}; };
  }

  std::string At(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string Content(const std::string& name) const {
    const absl::StatusOr<std::string> content = ReadFile(At(name), kMaxBytes);
    return content.ok() ? *content : content.status().ToString();
  }
  CommandContext Context() {
    return {.harness = harness_,
            .console = console_,
            .signal = &signal_,
            .build = "8a0a3dd GNU",
            .mutants = "16 of 16 mutants caught"};
  }
  Verdict Run(const std::string& line) {
    out_.clear();
    const ParsedArguments parsed =
        ParseArguments(absl::StrSplit(line, ' ', absl::SkipEmpty()), console_.environment);
    EXPECT_TRUE(parsed.arguments.has_value()) << parsed.message;
    RunArguments arguments = std::get<RunArguments>(*parsed.arguments);
    if (arguments.failures_directory == "lumen-crash-failures") {
      arguments.failures_directory = At("failures");
    }
    return static_cast<Verdict>(RunCommand(arguments, Context()).exit_code);
  }
  std::string Keep(const Failure& failure, const std::string& name) {
    EXPECT_TRUE(WriteFile(At(name), failure.ToString()).ok());
    return At(name);
  }

  TemporaryDirectory directory_;
  HarnessFunctions harness_;
  Console console_;
  std::map<std::string, std::string, std::less<>> variables_;
  std::atomic<int> signal_ = 0;
  int64_t now_ns_ = 0;
  std::string out_;
  std::string error_;
  // What the harness does.
  std::vector<Failure> found_;
  bool complete_ = true;
  uint64_t many_images_points_ = 0;
  bool deterministic_ = true;
  uint64_t replays_ = 0;
  Replayed replayed_;
  absl::Status replay_status_;
};

TEST_F(Commands, ARunThatFindsNothingPassesAndSaysHowToRepeatIt) {
  EXPECT_EQ(Run("run --profile xfs --states 4 --json " + At("run.json")), Verdict::kPass);
  EXPECT_THAT(out_,
              StartsWith("lumen-crash: seed 1, commit 8a0a3dd GNU, profile xfs, configuration "));
  EXPECT_THAT(out_, EndsWith("\nlumen-crash run --profile xfs --seed 1 --states 4\n"));
  EXPECT_THAT(out_, HasSubstr("4 distinct states tested of 10 generated"));
  EXPECT_THAT(Content("run.json"), StartsWith("{\"profile\":\"xfs\",\"seed\":1,"));
  EXPECT_FALSE(std::filesystem::exists(At("failures")));
}

TEST_F(Commands, AFailureLeavesAShrunkFileAndAReplayCommand) {
  found_ = {FailureOf(2)};
  EXPECT_EQ(Run("run --profile xfs --states 4"), Verdict::kFail);
  const std::string last = out_.substr(out_.rfind("lumen-crash replay "));
  const std::string path = last.substr(19, last.size() - 20);
  const absl::StatusOr<Failure> kept = ReadFailureFile(path);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->steps_before, 9);
  EXPECT_EQ(kept->failing.workload.steps.size(), 2);
  EXPECT_EQ(kept->build, "8a0a3dd GNU");
  EXPECT_THAT(out_, HasSubstr("shrunk 9 -> 2 client steps in 0.0 s"));
}

TEST_F(Commands, AFailureIsLookedForUnderTheOtherProfilesWhenItIsShrunk) {
  found_ = {FailureOf(2)};
  const std::string ndjson = At("events.ndjson");
  EXPECT_EQ(Run("run --profile xfs --states 4 --ndjson " + ndjson), Verdict::kFail);
  const std::string path = out_.substr(out_.rfind("lumen-crash replay ") + 19);
  const absl::StatusOr<Failure> kept = ReadFailureFile(path.substr(0, path.size() - 1));
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_EQ(kept->elsewhere.size(), 2U);
  constexpr char kText[] = "also fails under: btrfs; not found under: kill (2 states tested)\n";
  EXPECT_THAT(out_, HasSubstr(kText));
  const std::string events = Content("events.ndjson");
  EXPECT_THAT(events.substr(events.find("\"event\":\"examined\"")),
              HasSubstr("\"profile\":\"kill\",\"fails\":false,\"states\":2}"));
  EXPECT_EQ(Run("run --profile xfs --states 4 --shrink 0"), Verdict::kFail);
  EXPECT_THAT(out_, HasSubstr("not found under: kill (9 states tested)"));
}

TEST_F(Commands, TheHarnessesOwnTroubleIsNeitherPassNorFail) {
  found_ = {FailureOf(kBrokenHarness)};
  EXPECT_EQ(Run("run --profile xfs --states 4"), Verdict::kHarnessFault);
  found_ = {FailureOf(kHung)};
  EXPECT_EQ(Run("run --profile xfs --states 4"), Verdict::kInconclusive);
}

TEST_F(Commands, ASignalLeavesPartialReportsAndNoGreenOne) {
  const auto explore = harness_.explore;
  harness_.explore = [this, explore](const ExploreSettings& settings, const ExploreEvents& events) {
    signal_ = 15;
    while (!*settings.stop) events.progress(Totals{});
    return explore(settings, events);
  };
  EXPECT_EQ(
      Run(absl::StrCat("run --profile xfs,kill --time 1h --json ", At("a.json"), " --junit ",
                       At("a.xml"), " --ndjson ", At("a.ndjson"), " --hashes ", At("a.hashes"))),
      Verdict::kInconclusive);
  EXPECT_THAT(Content("a.json"), HasSubstr("\"verdict\":\"inconclusive\""));
  EXPECT_THAT(Content("a.json"), HasSubstr("\"distinct\":4"));
  EXPECT_THAT(Content("a.xml"), HasSubstr("errors=\"1\""));
  EXPECT_THAT(Content("a.ndjson"), HasSubstr("\"event\":\"end\""));
  EXPECT_THAT(Content("a.hashes"), EndsWith("\nend\n"));
  EXPECT_THAT(out_, HasSubstr("stopped by signal 15"));
}

TEST_F(Commands, AReportThatCannotBeWrittenMakesEveryReportInconclusive) {
  // /dev/full takes nothing: a full disk.
  EXPECT_EQ(
      Run(absl::StrCat("run --profile xfs --states 4 --json ", At("a.json"), " --junit /dev/full")),
      Verdict::kInconclusive);
  EXPECT_THAT(out_, HasSubstr("a report could not be written: /dev/full: cannot write"));
  EXPECT_THAT(Content("a.json"), HasSubstr("\"verdict\":\"inconclusive\""));
  EXPECT_EQ(Run("run --profile xfs --states 4 --ndjson /dev/full"), Verdict::kInconclusive);
}

TEST_F(Commands, AFailureThatCannotBeKeptIsStillAFailure) {
  found_ = {FailureOf(2)};
  EXPECT_EQ(Run("run --profile xfs --states 4 --failures-dir /dev/null/here"), Verdict::kFail);
  EXPECT_THAT(out_, HasSubstr("a failure file could not be written"));
  EXPECT_THAT(out_, EndsWith("\nlumen-crash run --profile xfs --seed 1 --states 4\n"));
}

TEST_F(Commands, ExhaustingSaysHowFarItWentAndIsGreenOnlyAtTheEnd) {
  EXPECT_EQ(Run("exhaust --profile xfs --length 2"), Verdict::kPass);
  EXPECT_THAT(out_,
              HasSubstr("\nexhausted xfs: 157 workloads of up to 2 steps, 1,234 crash points, "
                        "every legal image of each\n"));
  complete_ = false;
  EXPECT_EQ(Run("exhaust --profile xfs --length 2"), Verdict::kInconclusive);
  EXPECT_THAT(out_, HasSubstr("\nnot exhausted xfs: stopped early, after 157 workloads"));
}

TEST_F(Commands, ExhaustingNamesTheCrashPointsWithTooManyImages) {
  many_images_points_ = 34;
  EXPECT_EQ(Run("exhaust --profile xfs --length 2 --most-images 5000 --json " + At("a.json")),
            Verdict::kPass)
      << "everything within the bounds that were asked for";
  EXPECT_THAT(
      out_,
      HasSubstr(
          "\nnot exhausted xfs: 157 workloads of up to 2 steps, 1,234 crash "
          "points, every legal image of 1,200; of 34 with more than 5,000 "
          "images and 0 with more than 12 operations pending: the first of so many, all lost, "));
  EXPECT_THAT(out_, EndsWith(" --most-pending 12 --most-images 5000\n"));
  const std::string json = Content("a.json");
  EXPECT_THAT(json, HasSubstr(R"("exhaust":{"length":2,"most_pending":12,"most_images":5000})"));
  EXPECT_THAT(json, HasSubstr(R"("exhaustive_points":1200,"many_pending_points":0,)"
                              R"("many_images_points":34)"));
  EXPECT_THAT(json, HasSubstr(R"("exhausted":false)"));
}

TEST_F(Commands, ShardsOfAnExhaustiveRunMergeToWhatTheWholeSays) {
  const std::string run = "exhaust --profile xfs --length 1 --shard ";
  EXPECT_EQ(Run(run + "0/2 --hashes " + At("0.hashes")), Verdict::kPass);
  EXPECT_EQ(Run(run + "1/2 --hashes " + At("1.hashes")), Verdict::kPass);
  EXPECT_EQ(Run(run + "1/2 --most-images 7 --hashes " + At("other.hashes")), Verdict::kPass);
  const auto merge = [this](const char* first, const char* second) {
    out_.clear();
    return static_cast<Verdict>(
        MergeCommand({.paths = {At(first), At(second)}, .outputs = {}}, Context()));
  };
  EXPECT_EQ(merge("0.hashes", "1.hashes"), Verdict::kPass);
  EXPECT_THAT(out_, HasSubstr("\nexhausted xfs: 13 workloads of up to 1 steps, 2,468 crash points, "
                              "every legal image of each\n"));
  EXPECT_EQ(merge("0.hashes", "other.hashes"), Verdict::kHarnessFault);
  EXPECT_THAT(error_, HasSubstr("most images"));
}

TEST_F(Commands, TheCorpusIsReplayedFirstAndFailsTheRun) {
  Keep(FailureOf(2), "corpus/a.case");
  const std::string run = "run --profile xfs --states 4 --corpus " + At("corpus");
  EXPECT_EQ(Run(run), Verdict::kPass);
  EXPECT_THAT(out_, HasSubstr("corpus: 1 cases replayed"));
  replayed_.violation = Violation{.rule = 2, .what = "k03 is missing"};
  EXPECT_EQ(Run(run), Verdict::kFail);
  EXPECT_THAT(out_, EndsWith("lumen-crash replay " + At("corpus/a.case") + "\n"));
}

TEST_F(Commands, ACorpusCaseThatHasMovedIsSearchedAnew) {
  Keep(FailureOf(2), "corpus/a.case");
  const std::string run = "run --profile kill --states 4 --corpus " + At("corpus");
  replay_status_ = absl::InvalidArgumentError("crash point 7 is beyond the history");
  EXPECT_EQ(Run(run), Verdict::kPass);
  EXPECT_THAT(out_, HasSubstr("1 of them searched anew"));
  harness_.explore_case = [](const Case&, const ExploreSettings&, const ExploreEvents&) {
    return Totals{};
  };
  EXPECT_EQ(Run(run), Verdict::kInconclusive) << "nothing of it could be tested";
  harness_.explore_case = [](const Case&, const ExploreSettings&, const ExploreEvents& events) {
    events.failure(FailureOf(3));
    return Totals{};
  };
  EXPECT_EQ(Run(run), Verdict::kFail);
}

TEST_F(Commands, ACorpusThatCannotBeReadIsNotAGreenOne) {
  EXPECT_EQ(Run("run --profile xfs --states 4 --corpus " + At("none")),
            static_cast<Verdict>(kExitUsage));
  ASSERT_TRUE(WriteFile(At("corpus/a.case"), "lumen-crash failure 1\n").ok());
  EXPECT_EQ(Run("run --profile xfs --states 4 --corpus " + At("corpus")), Verdict::kInconclusive);
}

TEST_F(Commands, AFaultPlanWithAnErrorIsRefusedWithItsPlace) {
  ASSERT_TRUE(WriteFile(At("plan"), "eio-before on append\neio-after on\n").ok());
  EXPECT_EQ(Run("run --profile xfs --states 4 --fault-plan " + At("plan")),
            static_cast<Verdict>(kExitUsage));
  EXPECT_THAT(error_, HasSubstr("plan: line 2, column"));
}

TEST_F(Commands, GitHubAndBazelGetWhatTheyAskFor) {
  variables_["GITHUB_STEP_SUMMARY"] = At("summary.md");
  variables_["TEST_SHARD_STATUS_FILE"] = At("knows-shards");
  variables_["TEST_SHARD_INDEX"] = "1";
  variables_["TEST_TOTAL_SHARDS"] = "2";
  found_ = {FailureOf(2)};
  EXPECT_EQ(Run("run --profile xfs --states 4"), Verdict::kFail);
  EXPECT_THAT(out_, HasSubstr("shard 1/2 from TEST_SHARD_INDEX"));
  EXPECT_THAT(out_, HasSubstr("\n::error title=lumen-crash, rule 2 under xfs::k03 is missing"));
  EXPECT_THAT(Content("summary.md"), StartsWith("### lumen-crash: fail"));
  EXPECT_TRUE(std::filesystem::exists(At("knows-shards")));
}

TEST_F(Commands, ShardsMergeIntoOneRunAndAreCountedByTheirHashes) {
  const std::string run = "run --profile xfs --states 4 --hashes ";
  EXPECT_EQ(Run(run + At("0") + " --shard 0/2"), Verdict::kPass);
  EXPECT_EQ(Run(run + At("1") + " --shard 1/2"), Verdict::kPass);
  out_.clear();
  EXPECT_EQ(
      MergeCommand({.paths = {At("0"), At("1")}, .outputs = {.json = At("all.json")}}, Context()),
      static_cast<int>(Verdict::kPass));
  EXPECT_THAT(Content("all.json"), HasSubstr("\"generated\":20,\"distinct\":6,"));
  EXPECT_EQ(MergeCommand({.paths = {At("0")}, .outputs = {}}, Context()),
            static_cast<int>(Verdict::kHarnessFault));
  EXPECT_THAT(error_, HasSubstr("missing: shard 1/2"));
  EXPECT_EQ(MergeCommand({.paths = {At("0"), At("all.json")}, .outputs = {}}, Context()),
            static_cast<int>(Verdict::kHarnessFault));
}

TEST_F(Commands, ReplayTellsFourThingsApart) {
  const std::string path = Keep(FailureOf(2), "a.case");
  const auto replay = [&](uint64_t times) {
    return static_cast<Verdict>(ReplayCommand({.path = path, .times = times}, Context()));
  };
  EXPECT_EQ(replay(3), Verdict::kPass);
  EXPECT_THAT(error_, HasSubstr("was recorded by build , this is 8a0a3dd GNU"));
  EXPECT_THAT(out_, HasSubstr("\nreplayed: 3 of 3 identical, trace "));
  replayed_.violation = Violation{.rule = 2, .what = "k03 is missing"};
  EXPECT_EQ(replay(3), Verdict::kFail);
  EXPECT_THAT(out_, HasSubstr("\nalso fails under: btrfs; not found under: kill (9 states "));
  EXPECT_THAT(out_, EndsWith("\nlumen-crash explain " + path + "\n"));
  deterministic_ = false;
  EXPECT_EQ(replay(3), Verdict::kHarnessFault);
  EXPECT_THAT(error_, HasSubstr("replay 2 of 3 took another way than the first"));
  replay_status_ = absl::InvalidArgumentError("crash point 7 is beyond the history");
  EXPECT_EQ(replay(1), Verdict::kInconclusive);
  EXPECT_THAT(error_, HasSubstr("cannot be run here: crash point 7 is beyond the history"));
}

TEST_F(Commands, AFileOfAnotherBuildSaysHowToBuildThatOne) {
  const auto told = [&](const std::string& build) {
    Failure failure = FailureOf(2);
    failure.build = build;
    error_.clear();
    ReplayCommand({.path = Keep(failure, "a.case"), .times = 1}, Context());
    return error_;
  };
  EXPECT_EQ(told("8a0a3dd GNU"), "");
  EXPECT_THAT(told("1234567 GNU"),
              EndsWith(absl::StrCat(
                  "\nTo build it: git checkout 1234567 && cmake --preset release && cmake --build "
                  "--preset release --target lumen-crash && build/release/bin/lumen-crash replay ",
                  At("a.case"), "\n")));
  EXPECT_THAT(told("1234567 GNU"), Not(HasSubstr("not that commit alone")));
  EXPECT_THAT(told("1234567-dirty-copy GNU"), HasSubstr("\nTo build it: git checkout 1234567 && "));
  EXPECT_THAT(told("1234567-dirty-copy GNU"), HasSubstr("was not that commit alone"));
  EXPECT_THAT(told("unknown GNU"), EndsWith("\nWhich commit that was, the file does not say\n"));
}

TEST_F(Commands, ShrinkReplacesTheFileAndRefusesWhatDoesNotFail) {
  const std::string path = Keep(FailureOf(2), "a.case");
  const auto shrink = [&] {
    return static_cast<Verdict>(ShrinkCommand({.path = path, .to = {}, .replays = 10}, Context()));
  };
  EXPECT_EQ(shrink(), Verdict::kInconclusive);
  EXPECT_THAT(error_, HasSubstr("breaks no rule with this build"));
  replayed_.violation = Violation{.rule = 2, .what = "k03 is missing"};
  EXPECT_EQ(shrink(), Verdict::kPass);
  EXPECT_EQ(ReadFailureFile(path)->steps_after, 2);
  EXPECT_EQ(ReadFailureFile(path)->elsewhere.size(), 2U);
  EXPECT_THAT(out_, HasSubstr("shrunk 9 -> 2 client steps in 0.0 s"));
}

TEST_F(Commands, ExplainWritesThePage) {
  const std::string path = Keep(FailureOf(2), "a.case");
  EXPECT_EQ(ExplainCommand({.path = path, .html = At("a.html")}, Context()), 0);
  EXPECT_THAT(Content("a.html"), StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(out_, EndsWith("\nlumen-crash replay " + path + "\n"));
  EXPECT_EQ(ExplainCommand({.path = path, .html = "/dev/full"}, Context()),
            static_cast<int>(Verdict::kInconclusive));
}

}  // namespace
}  // namespace lumen::crash
