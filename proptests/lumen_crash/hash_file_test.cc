#include "proptests/lumen_crash/hash_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/run_report_testing.h"

namespace lumen::crash {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(HashFile, IsReadBackAsItWasWritten) {
  RunReport report = ExampleReport();
  report.harness_errors = {"two runs of case 5 differ"};
  const absl::StatusOr<RunReport> read = ReadHashFile(WriteHashFile(report));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(WriteHashFile(*read), WriteHashFile(report));
  EXPECT_EQ(read->verdict(), report.verdict());
  EXPECT_EQ(read->cost.processor_seconds, report.cost.processor_seconds);
  EXPECT_EQ(read->cost.peak_memory_bytes, report.cost.peak_memory_bytes);
  EXPECT_EQ(read->sum.distinct, 4) << "state 5 was met under both profiles";
  EXPECT_THAT(read->profiles[1].hashes, ElementsAre(5, 7));
  EXPECT_EQ(read->profiles[1].totals.faults.at("eio-before").observed, 1);
}

TEST(HashFile, CutShortOrDamagedAnywhereIsRefused) {
  const std::string whole = WriteHashFile(ExampleReport());
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(ReadHashFile(whole.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(ReadHashFile(whole + "more\n").ok());
  // The order of the hashes is what tells their bytes from others.
  std::string swapped = whole;
  const size_t at = swapped.find("hashes\t3\n") + 9;
  std::swap(swapped[at], swapped[at + 8]);
  EXPECT_THAT(std::string(ReadHashFile(swapped).status().message()), HasSubstr("damaged"));
}

TEST(HashFile, ThatIsSomethingElseSaysSo) {
  EXPECT_THAT(std::string(ReadHashFile("{\"profile\": 1}\n").status().message()),
              HasSubstr("expected 'lumen-crash hashes 1'"));
  const std::string other =
      absl::StrReplaceAll(WriteHashFile(ExampleReport()), {{"hashes 1\n", "hashes 2\n"}});
  EXPECT_EQ(ReadHashFile(other).status().code(), absl::StatusCode::kUnimplemented);
  const std::string huge = absl::StrReplaceAll(WriteHashFile(ExampleReport()),
                                               {{"hashes\t3\n", "hashes\t99999999999\n"}});
  EXPECT_FALSE(ReadHashFile(huge).ok()) << "no memory is taken on a file's word";
}

RunReport ShardOf(uint64_t index, uint64_t count, std::vector<uint64_t> hashes) {
  RunReport report;
  report.configuration = {.seed = 7, .build = "b", .text = "c"};
  report.shard = {.index = index, .count = count};
  ProfileReport profile{.profile = "xfs", .totals = {}, .hashes = {}};
  profile.totals.generated = 10;
  AddHashes(std::move(hashes), profile);
  report.profiles = {profile};
  report.seconds = 1;
  report.cost = {.processor_seconds = 0.5, .peak_memory_bytes = 100 + index};
  return report;
}

TEST(Merge, CountsAStateOnceThatSeveralShardsMet) {
  const absl::StatusOr<RunReport> whole = MergeShards(
      {ShardOf(1, 3, {1, 2, 3}), ShardOf(0, 3, {2, 3, 4}), ShardOf(2, 3, {4, 9})}, {"b", "a", "c"});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->sum.distinct, 5);
  EXPECT_EQ(whole->sum.generated, 30);
  EXPECT_EQ(whole->cost.processor_seconds, 1.5);
  EXPECT_EQ(whole->cost.peak_memory_bytes, 102) << "shards run apart";
  EXPECT_EQ(whole->verdict(), Verdict::kPass);
}

TEST(Merge, KeepsWhatOneShardSawWrong) {
  RunReport bad = ShardOf(1, 2, {1});
  bad.problems = {"stopped by signal 15"};
  const auto stopped = MergeShards({ShardOf(0, 2, {1}), bad}, {"a", "b"});
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->verdict(), Verdict::kInconclusive);
  EXPECT_THAT(stopped->problems, ElementsAre("shard 1/2: stopped by signal 15"));
  bad.failures = ExampleReport().failures;
  EXPECT_EQ(MergeShards({ShardOf(0, 2, {1}), bad}, {"a", "b"})->verdict(), Verdict::kFail);
}

TEST(Merge, RefusesWhatAreNotTheShardsOfOneRun) {
  const auto complaint = [](std::vector<RunReport> parts) {
    const std::vector<std::string> names(parts.size(), "some.hashes");
    return std::string(MergeShards(std::move(parts), names).status().message());
  };
  const RunReport first = ShardOf(0, 3, {1});
  EXPECT_THAT(complaint({first, ShardOf(2, 3, {2})}), HasSubstr("missing: shard 1/3"));
  EXPECT_THAT(complaint({first, first, ShardOf(1, 3, {2})}), HasSubstr("0/3 is there twice"));
  EXPECT_THAT(complaint({first, ShardOf(1, 2, {2})}),
              HasSubstr("number of shards is '2', not '3'"));
  RunReport other = ShardOf(1, 3, {2});
  other.configuration.seed = 8;
  EXPECT_THAT(complaint({first, other}), HasSubstr("seed is '8', not '7'"));
  other = ShardOf(1, 3, {2});
  other.configuration.build = "x";
  EXPECT_THAT(complaint({first, other}), HasSubstr("build is 'x', not 'b'"));
  other = ShardOf(1, 3, {2});
  other.configuration.text = "x";
  EXPECT_THAT(complaint({first, other}), HasSubstr("configuration is 'x', not 'c'"));
}

TEST(Merge, WithoutAllHashesAddsUp) {
  RunReport uncounted = ShardOf(1, 2, {1, 2});
  uncounted.profiles[0].hashes.clear();
  const auto whole = MergeShards({ShardOf(0, 2, {1, 2}), uncounted}, {"a", "b"});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->sum.distinct, 4);
}

}  // namespace
}  // namespace lumen::crash
