#include "proptests/lumen_crash/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

namespace lumen::crash {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Environment With(const Variables& variables) {
  return [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

TEST(Shard, IsReadAndRefused) {
  for (const char* good : {"0/1", "0/4", "3/4", "99999/100000"}) {
    const absl::StatusOr<Shard> shard = Shard::Parse(good);
    ASSERT_TRUE(shard.ok()) << shard.status();
    EXPECT_EQ(shard->ToString(), good);
  }
  for (const char* bad : {"", "/", "1", "4/4", "5/4", "0/0", "-1/4", "1/-4", "1/4/8", "a/b", " 1/4",
                          "1/4 ", "0/100001", "18446744073709551616/2"}) {
    EXPECT_EQ(Shard::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

struct FromCi {
  Variables variables;
  std::string shard;  // empty: nobody says one
  std::string source;
};

TEST(Shard, ComesFromTheVariablesOfEveryCi) {
  const FromCi cases[] = {
      {{}, "", ""},
      {{{"TEST_TOTAL_SHARDS", "4"}}, "", ""},
      {{{"TEST_SHARD_INDEX", "3"}, {"TEST_TOTAL_SHARDS", "4"}}, "3/4", "TEST_SHARD_INDEX"},
      {{{"GTEST_SHARD_INDEX", "0"}, {"GTEST_TOTAL_SHARDS", "2"}}, "0/2", "GTEST_SHARD_INDEX"},
      {{{"CI_NODE_INDEX", "1"}, {"CI_NODE_TOTAL", "4"}}, "0/4", "CI_NODE_INDEX"},
      {{{"CI_NODE_INDEX", "4"}, {"CI_NODE_TOTAL", "4"}}, "3/4", "CI_NODE_INDEX"},
      {{{"CIRCLE_NODE_INDEX", "1"}, {"CIRCLE_NODE_TOTAL", "2"}}, "1/2", "CIRCLE_NODE_INDEX"},
      {{{"BUILDKITE_PARALLEL_JOB", "1"}, {"BUILDKITE_PARALLEL_JOB_COUNT", "3"}},
       "1/3",
       "BUILDKITE_PARALLEL_JOB"},
      {{{"SLURM_ARRAY_TASK_ID", "7"},
        {"SLURM_ARRAY_TASK_MIN", "1"},
        {"SLURM_ARRAY_TASK_STEP", "2"},
        {"SLURM_ARRAY_TASK_COUNT", "4"}},
       "3/4",
       "SLURM_ARRAY_TASK_ID"},
      {{{"SLURM_ARRAY_TASK_ID", "2"}, {"SLURM_ARRAY_TASK_COUNT", "4"}},
       "2/4",
       "SLURM_ARRAY_TASK_ID"},
      {{{"JOB_COMPLETION_INDEX", "9"}, {"JOB_COMPLETIONS", "10"}}, "9/10", "JOB_COMPLETION_INDEX"},
  };
  for (const FromCi& ci : cases) {
    const auto shard = ShardFromEnvironment(With(ci.variables));
    ASSERT_TRUE(shard.ok()) << shard.status();
    EXPECT_EQ(shard->has_value() ? (*shard)->ToString() : "", ci.shard);
    EXPECT_EQ(shard->has_value() ? (*shard)->source : "", ci.source);
  }
}

TEST(Shard, WhatTheCiLeavesOpenOrGetsWrongIsAnError) {
  const std::pair<Variables, std::string> cases[] = {
      {{{"JOB_COMPLETION_INDEX", "9"}}, "JOB_COMPLETIONS is not set"},
      {{{"CI_NODE_INDEX", "0"}, {"CI_NODE_TOTAL", "4"}}, "no such shard"},
      {{{"CI_NODE_INDEX", "5"}, {"CI_NODE_TOTAL", "4"}}, "no such shard"},
      {{{"TEST_SHARD_INDEX", "4"}, {"TEST_TOTAL_SHARDS", "4"}}, "no such shard"},
      {{{"TEST_SHARD_INDEX", "one"}, {"TEST_TOTAL_SHARDS", "4"}}, "'one', expected a number"},
      {{{"SLURM_ARRAY_TASK_ID", "0"},
        {"SLURM_ARRAY_TASK_MIN", "1"},
        {"SLURM_ARRAY_TASK_COUNT", "4"}},
       "no such shard"},
  };
  for (const auto& [variables, complaint] : cases) {
    const auto shard = ShardFromEnvironment(With(variables));
    EXPECT_THAT(std::string(shard.status().message()), HasSubstr(complaint));
  }
}

TEST(Shard, PartsOfAllShardsPartitionTheCases) {
  for (const uint64_t count : std::vector<uint64_t>{1, 2, 5}) {
    for (const uint64_t parts : std::vector<uint64_t>{1, 3}) {
      std::multiset<uint64_t> covered;
      for (uint64_t index = 0; index < count; ++index) {
        for (uint64_t part = 0; part < parts; ++part) {
          const Shard shard = PartOf({.index = index, .count = count}, part, parts);
          for (uint64_t number = shard.index; number < 100; number += shard.count) {
            EXPECT_EQ(number % count, index) << "no case changes its shard";
            covered.insert(number);
          }
        }
      }
      EXPECT_EQ(covered.size(), 100);
      EXPECT_EQ(std::set<uint64_t>(covered.begin(), covered.end()).size(), 100);
    }
  }
}

}  // namespace
}  // namespace lumen::crash
