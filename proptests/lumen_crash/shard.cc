#include "proptests/lumen_crash/shard.h"

#include <array>
#include <charconv>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen::crash {
namespace {

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Variables {
  const char* index;
  const char* count;
  uint64_t first;      // the index of the first shard
  const char* lowest;  // a variable that says it instead; null: none does
  const char* step;    // between indices; null: 1
};
constexpr auto kVariables = std::to_array<Variables>({
    {"TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0, nullptr, nullptr},
    {"GTEST_SHARD_INDEX", "GTEST_TOTAL_SHARDS", 0, nullptr, nullptr},
    {"CI_NODE_INDEX", "CI_NODE_TOTAL", 1, nullptr, nullptr},
    {"CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0, nullptr, nullptr},
    {"BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0, nullptr, nullptr},
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", 0, "SLURM_ARRAY_TASK_MIN",
     "SLURM_ARRAY_TASK_STEP"},
    {"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0, nullptr, nullptr},
});

absl::StatusOr<uint64_t> Read(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (text == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, " is not set"));
  const std::optional<uint64_t> number = ParseNumber(text);
  if (number.has_value()) return *number;
  return absl::InvalidArgumentError(absl::StrCat(name, " is '", text, "', expected a number"));
}

absl::StatusOr<uint64_t> ReadOr(const Environment& environment, const char* name,
                                uint64_t otherwise) {
  if (name == nullptr || environment(name) == nullptr) return otherwise;
  return Read(environment, name);
}

absl::StatusOr<Shard> ReadShard(const Environment& environment, const Variables& variables) {
  ASSIGN_OR_RETURN(const uint64_t index, Read(environment, variables.index));
  const absl::StatusOr<uint64_t> count = Read(environment, variables.count);
  if (!count.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        variables.index, " is set, but ", std::string(count.status().message()),
        ": set it to the number of shards, or say which shard this is with --shard i/n"));
  }
  ASSIGN_OR_RETURN(const uint64_t first, ReadOr(environment, variables.lowest, variables.first));
  ASSIGN_OR_RETURN(const uint64_t step, ReadOr(environment, variables.step, 1));
  if (step == 0 || index < first || (index - first) / step >= *count || *count > Shard::kMaxCount) {
    return absl::InvalidArgumentError(absl::StrCat(variables.index, " is ", index, " of ", *count,
                                                   " from ", first, ": there is no such shard"));
  }
  return Shard{.index = (index - first) / step, .count = *count, .source = variables.index};
}

}  // namespace

absl::StatusOr<Shard> Shard::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto index = ParseNumber(text.substr(0, slash));
    const auto count = ParseNumber(text.substr(slash + 1));
    if (index.has_value() && count.has_value() && *index < *count && *count <= kMaxCount) {
      return Shard{.index = *index, .count = *count};
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(text), "' is no shard: expected i/n with i from 0 to n-1, as ",
                   "in 0/4, and n at most ", kMaxCount));
}

std::string Shard::ToString() const { return absl::StrCat(index, "/", count); }

absl::StatusOr<std::optional<Shard>> ShardFromEnvironment(const Environment& environment) {
  for (const Variables& variables : kVariables) {
    if (environment(variables.index) == nullptr) continue;
    ASSIGN_OR_RETURN(Shard shard, ReadShard(environment, variables));
    return std::optional<Shard>(std::move(shard));
  }
  return std::nullopt;
}

Shard PartOf(const Shard& shard, uint64_t part, uint64_t parts) {
  return {.index = shard.index + shard.count * part,
          .count = shard.count * parts,
          .source = shard.source};
}

}  // namespace lumen::crash
