#include "proptests/lumen_crash/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "proptests/lumen_crash/verdict.h"

namespace lumen::crash {
namespace {

using ::testing::HasSubstr;

const char* NoVariables(const char*) { return nullptr; }

ParsedArguments Parse(const std::string& line, const Environment& environment = NoVariables) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  return ParseArguments(words, environment);
}

RunArguments RunOf(const std::string& line, const Environment& environment = NoVariables) {
  const ParsedArguments parsed = Parse(line, environment);
  EXPECT_TRUE(parsed.arguments.has_value()) << parsed.message;
  if (!parsed.arguments.has_value()) return {};
  return std::get<RunArguments>(*parsed.arguments);
}

TEST(Arguments, ARunWithoutBudgetsIsTheSmokeSuite) {
  const RunArguments run = RunOf("run");
  EXPECT_EQ(run.suite, "smoke");
  EXPECT_EQ(run.time_ns, 30'000'000'000);
  EXPECT_EQ(run.states, 0);
  EXPECT_EQ(run.profiles.size(), faultfs::kProfiles.size());
  EXPECT_EQ(run.seed, 1);
  EXPECT_EQ(run.shard.ToString(), "0/1");
  EXPECT_GT(run.shrink_replays, 0);
}

TEST(Arguments, BudgetsOfTheCommandLineReplaceThoseOfTheSuite) {
  RunArguments run = RunOf("run --states 1000");
  EXPECT_EQ(run.suite, "");
  EXPECT_EQ(run.time_ns, 0);
  run = RunOf("run --suite ci --time 2m --max-failures 3");
  EXPECT_EQ(run.time_ns, 120'000'000'000);
  EXPECT_EQ(run.max_failures, 3);
  EXPECT_EQ(run.passes.size(), FindSuite("ci")->passes.size());
  run = RunOf("run --suite ci --steps 5..9");
  ASSERT_EQ(run.passes.size(), 1);
  EXPECT_EQ(run.passes[0].least_steps, 5);
  EXPECT_EQ(run.passes[0].most_steps, 9);
  run = RunOf("run --until-fail");
  EXPECT_EQ(run.max_failures, 1);
  EXPECT_EQ(run.time_ns, 0);
}

TEST(Arguments, TheLastLineRepeatsTheRun) {
  const RunArguments run = RunOf(
      "run --profile xfs,kill --seed 9 --states 50 --steps 3..4 --jobs 2 --shard 1/3 --no-faults "
      "--json out.json");
  EXPECT_EQ(run.again,
            "lumen-crash run --profile xfs,kill --seed 9 --steps 3..4 --states 50 --no-faults "
            "--shard 1/3 --jobs 2");
  const RunArguments again = RunOf(run.again.substr(std::string("lumen-crash ").size()));
  EXPECT_EQ(again.again, run.again);
  EXPECT_EQ(again.profiles, run.profiles);
  EXPECT_EQ(again.states, run.states);
}

TEST(Arguments, ASeedOfTheClockIsWrittenOutWhereTheRunIsRepeated) {
  const RunArguments run = RunOf("run --seed clock");
  EXPECT_NE(run.seed, 1);
  EXPECT_THAT(run.again, HasSubstr("--seed " + std::to_string(run.seed)));
}

TEST(Arguments, ShardsComeFromTheCiUnlessTheyAreSaid) {
  const Environment gitlab = [](const char* name) -> const char* {
    if (std::string_view(name) == "CI_NODE_INDEX") return "2";
    return std::string_view(name) == "CI_NODE_TOTAL" ? "4" : nullptr;
  };
  EXPECT_EQ(RunOf("run", gitlab).shard.ToString(), "1/4");
  EXPECT_EQ(RunOf("run --shard 0/2", gitlab).shard.ToString(), "0/2");
  const Environment kubernetes = [](const char* name) -> const char* {
    return std::string_view(name) == "JOB_COMPLETION_INDEX" ? "2" : nullptr;
  };
  EXPECT_EQ(Parse("run", kubernetes).exit_code, kExitUsage);
  EXPECT_TRUE(Parse("list", kubernetes).arguments.has_value()) << "only runs have shards";
}

TEST(Arguments, OfOtherCommandsAreTheirOwn) {
  const RunArguments exhaust =
      RunOf("exhaust --profile kill --length 2 --most-pending 8 --most-images 16777216");
  EXPECT_EQ(exhaust.exhaust->length, 2);
  EXPECT_EQ(exhaust.exhaust->most_pending, 8);
  EXPECT_EQ(exhaust.exhaust->most_images, 16'777'216);
  EXPECT_EQ(exhaust.time_ns, 0);
  EXPECT_EQ(exhaust.again,
            "lumen-crash exhaust --profile kill --seed 1 --length 2 --most-pending 8 --most-images "
            "16777216");
  EXPECT_EQ(RunOf("exhaust").exhaust->most_images, ExhaustBounds{}.most_images);
  EXPECT_FALSE(RunOf("run").exhaust.has_value());
  EXPECT_EQ(std::get<ReplayArguments>(*Parse("replay a.case --times 5").arguments).times, 5);
  EXPECT_EQ(std::get<ShrinkArguments>(*Parse("shrink a.case --to b").arguments).to, "b");
  EXPECT_EQ(std::get<ExplainArguments>(*Parse("explain a.case --html b").arguments).html, "b");
  EXPECT_EQ(std::get<MergeArguments>(*Parse("merge a b --json c").arguments).paths.size(), 2);
  EXPECT_EQ(std::get<ListArguments>(*Parse("list faults").arguments).what, "faults");
  EXPECT_EQ(
      std::get<ExplainPlanArguments>(*Parse("run --fault-plan p --explain-plan").arguments).path,
      "p");
  EXPECT_EQ(std::get<SelftestSettings>(*Parse("selftest --only 17 23").arguments).only.size(), 2);
  EXPECT_EQ(std::get<SelftestSettings>(*Parse("selftest --keep kept").arguments).keep, "kept");
}

TEST(Arguments, HelpIsNoError) {
  for (const char* line : {"--help", "run --help", "-h"}) {
    const ParsedArguments parsed = Parse(line);
    EXPECT_FALSE(parsed.arguments.has_value());
    EXPECT_EQ(parsed.exit_code, 0);
    EXPECT_THAT(parsed.message, HasSubstr("lumen-crash"));
  }
  EXPECT_THAT(Parse("--help").message, HasSubstr("3 inconclusive"));
}

TEST(Arguments, ThatAreWrongAreRefusedWithTheirName) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "subcommand"},
      {"fly", "subcommand"},
      {"run --profile zfs", "there is no 'zfs'"},
      {"run --profile xfs,xfs", "'xfs' is there twice"},
      {"run --profile xfs,", "there is no ''"},
      {"run --seed -1", "--seed: '-1' is no whole number"},
      {"run --seed 18446744073709551616", "--seed"},
      {"run --states many", "--states"},
      {"run --states -5", "--states"},
      {"run --max-failures -1", "--max-failures"},
      {"run --shrink -1", "--shrink"},
      {"run --time 30", "--time: '30' is not a duration"},
      {"run --time 0s", "--time: it has to be longer than nothing"},
      {"run --suite endless", "--suite: there is no 'endless'"},
      {"run --steps 9..5", "--steps: '9..5'"},
      {"run --steps 0..5", "--steps: '0..5'"},
      {"run --steps ..", "--steps"},
      {"run --steps 1..9999999", "--steps"},
      {"run --jobs 0", "--jobs"},
      {"run --shard 4/4", "--shard: '4/4' is no shard"},
      {"run --explain-plan", "--fault-plan FILE"},
      {"run --no-faults --fault-plan p", "--fault-plan"},
      {"exhaust --length 0", "--length"},
      {"exhaust --states 5", "--states"},
      {"exhaust --most-images 0", "--most-images: Value 0 not in range"},
      {"exhaust --most-images 16777217", "not in range 1 to 16777216"},
      {"exhaust --most-images many", "--most-images"},
      {"run --most-images 5", "--most-images"},
      {"replay", "file"},
      {"replay a --times 0", "--times"},
      {"merge", "files"},
      {"list everything", "everything"},
      {"run list", "list"},
  };
  for (const auto& [line, complaint] : cases) {
    const ParsedArguments parsed = Parse(line);
    EXPECT_FALSE(parsed.arguments.has_value()) << line;
    EXPECT_EQ(parsed.exit_code, kExitUsage) << line;
    EXPECT_THAT(parsed.message, HasSubstr(complaint)) << line;
  }
}

}  // namespace
}  // namespace lumen::crash
