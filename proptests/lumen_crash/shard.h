#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lumen::crash {

// One of `count` runs that share the cases: it has those whose number modulo `count` is `index`.
struct Shard {
  uint64_t index = 0;
  uint64_t count = 1;
  std::string source = {};  // the variable that said so; empty: the command line, or nobody

  static constexpr uint64_t kMaxCount = 100'000;
  // "0/4" to "3/4". INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<Shard> Parse(std::string_view text);
  std::string ToString() const;  // "1/4"
};

// Null where the variable is not set.
using Environment = std::function<const char*(const char* name)>;

// What the CI says, in this order: gtest and Bazel (TEST_SHARD_INDEX, TEST_TOTAL_SHARDS; or
// GTEST_), GitLab (CI_NODE_INDEX from 1, CI_NODE_TOTAL), CircleCI (CIRCLE_NODE_), Buildkite
// (BUILDKITE_PARALLEL_JOB, _COUNT), Slurm arrays (SLURM_ARRAY_TASK_ID, _MIN, _STEP, _COUNT), a
// Kubernetes Indexed Job (JOB_COMPLETION_INDEX; how many there are it does not tell its pods, so
// JOB_COMPLETIONS has to). Nothing: no such variable. An index without a usable total is an error,
// because every shard would otherwise run everything and look like all of them.
absl::StatusOr<std::optional<Shard>> ShardFromEnvironment(const Environment& environment);

// Part `part` of `parts` of a shard: the parts of all shards are again a partition of the cases.
Shard PartOf(const Shard& shard, uint64_t part, uint64_t parts);

}  // namespace lumen::crash
