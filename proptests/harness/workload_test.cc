// Goal: a workload survives its text form, is a function of its seed, and the small ones are all
// different. Method: generated workloads to text and back; a table of bad texts.
#include "proptests/harness/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lumen::crash {
namespace {

using ::testing::HasSubstr;

TEST(WorkloadTest, TextFormParsesToTheSameWorkload) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::string text = GenerateWorkload(seed, 40).ToString();
    const absl::StatusOr<Workload> parsed = Workload::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->ToString(), text);
    EXPECT_EQ(parsed->steps.size(), 40U);
  }
}

TEST(WorkloadTest, ASeedGivesOneWorkloadAndAnotherSeedAnother) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(GenerateWorkload(seed, 20).ToString(), GenerateWorkload(seed, 20).ToString());
    EXPECT_TRUE(seen.insert(GenerateWorkload(seed, 20).ToString()).second);
  }
}

TEST(WorkloadTest, GeneratedWorkloadsHoldEveryKindOfStep) {
  std::set<ClientStep::Kind> kinds;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    for (const ClientStep& step : GenerateWorkload(seed, 64).steps) kinds.insert(step.kind);
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(ClientStep::Kind::kResume) + 1);
}

TEST(WorkloadTest, SmallWorkloadsAreAllDifferentAndComplete) {
  EXPECT_EQ(SmallWorkloads(0), 1U);
  const uint64_t letters = SmallWorkloads(1) - 1;
  EXPECT_EQ(SmallWorkloads(3), 1 + letters + letters * letters + letters * letters * letters);
  std::set<std::string> seen;
  for (uint64_t index = 0; index < SmallWorkloads(2); ++index) {
    const Workload workload = SmallWorkload(2, index);
    EXPECT_LE(workload.steps.size(), 2U);
    EXPECT_TRUE(seen.insert(workload.ToString()).second) << workload.ToString();
  }
}

TEST(WorkloadTest, ValuesHaveTheirSizeAndSayWhichTheyAre) {
  for (const uint32_t bytes : {0U, 1U, 7U, 64U, 5000U}) {
    EXPECT_EQ(ValueOf(17, bytes).size(), bytes);
    EXPECT_EQ(ValueOf(17, bytes), std::string(ValueOf(17, 6000), 0, bytes));
  }
  EXPECT_THAT(ValueOf(17, 64), ::testing::StartsWith("v17."));
}

TEST(WorkloadTest, BadTextIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"seed 1\nwrite durable k1=2\n", "line 2: expected a key such as k03"},
      {"write k03=2", "line 1: expected 'durable' or 'relaxed'"},
      {"write durable", "expected a change"},
      {"write durable if-maybe k03=2", "'if-absent' or 'if-present'"},
      {"write durable k03=many", "'delete' or a value's bytes"},
      {"write durable k03=99999999999", "'delete' or a value's bytes"},
      {"\n\nflush now", "line 3: expected nothing more"},
      {"get", "expected one operand"},
      {"run -1", "how many pieces"},
      {"seed x", "expected a number"},
      {"wal_lz4 maybe", "'yes' or 'no'"},
      {"jump", "expected a step"},
  };
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<Workload> parsed = Workload::Parse(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(expected)) << text;
  }
}

}  // namespace
}  // namespace lumen::crash
