#include "engine/core/compaction_picker.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace lumen {
namespace {

constexpr int kLastLevel = Version::kLevels - 1;
// An output that overlapped more of the next level than this would be expensive to compact later.
constexpr uint64_t kMostGrandparentTables = 10;
// Writes are slowed to the full at this many times the level-0 runs that start a compaction.
constexpr double kStallRuns = 5;

double TombstoneShare(const Table& table) {
  const TableSummary& summary = table.summary();
  return static_cast<double>(summary.tombstones) /
         static_cast<double>(std::max<uint64_t>(summary.entries, 1));
}

// A tombstone promises that its compaction frees more than it moves, so dense tables count for
// more.
double WeightedBytes(const Table& table) {
  return static_cast<double>(table.summary().file_bytes) * (1 + TombstoneShare(table));
}

uint64_t TotalBytes(const Level& tables) {
  uint64_t bytes = 0;
  for (const TablePtr& table : tables) bytes += table->summary().file_bytes;
  return bytes;
}

struct KeyRange {
  std::string_view smallest;
  std::string_view largest;
};
KeyRange RangeOf(const Level& tables) {
  KeyRange range{tables.front()->summary().smallest_key, tables.front()->summary().largest_key};
  for (const TablePtr& table : tables) {
    range.smallest = std::min<std::string_view>(range.smallest, table->summary().smallest_key);
    range.largest = std::max<std::string_view>(range.largest, table->summary().largest_key);
  }
  return range;
}

bool Disjoint(Level tables) {
  std::sort(tables.begin(), tables.end(), [](const TablePtr& a, const TablePtr& b) {
    return a->summary().smallest_key < b->summary().smallest_key;
  });
  for (size_t i = 1; i < tables.size(); ++i) {
    if (tables[i - 1]->summary().largest_key >= tables[i]->summary().smallest_key) return false;
  }
  return true;
}

double Score(const Version& version, const Options& options, const LevelTargets& targets,
             int level) {
  if (level == 0) {
    return std::max(
        static_cast<double>(version.level(0).size()) / options.level0_runs,
        static_cast<double>(version.LevelBytes(0)) / static_cast<double>(options.level0_bytes));
  }
  if (level == kLastLevel || version.level(level).empty()) return 0;
  // The base level has moved down since: what is above it has no place any more.
  if (level < targets.base_level) return 2;
  double bytes = 0;
  for (const TablePtr& table : version.level(level)) bytes += WeightedBytes(*table);
  return bytes / static_cast<double>(targets.bytes[static_cast<size_t>(level)]);
}

Compaction Complete(const Version& version, const Options& options, Compaction compaction) {
  const KeyRange range = RangeOf(compaction.upper);
  compaction.lower = version.Overlapping(compaction.output_level, range.smallest, range.largest);
  if (compaction.output_level < kLastLevel) {
    compaction.grandparents =
        version.Overlapping(compaction.output_level + 1, range.smallest, range.largest);
  }
  compaction.move = compaction.lower.empty() && Disjoint(compaction.upper) &&
                    TotalBytes(compaction.grandparents) <=
                        kMostGrandparentTables * options.table_bytes * compaction.upper.size();
  return compaction;
}

Compaction PickLevel0(const Version& version, const Options& options, const LevelTargets& targets) {
  // Tables left in levels above the base level by an earlier shape are taken along, so that none is
  // jumped over.
  int output = targets.base_level;
  for (int level = 1; level < targets.base_level; ++level) {
    if (!version.level(level).empty()) {
      output = level;
      break;
    }
  }
  return Complete(version, options,
                  {.level = 0,
                   .output_level = output,
                   .upper = version.level(0),
                   .base_level = targets.base_level});
}

// The table whose compaction moves the least of the next level for what it brings.
Compaction PickTable(const Version& version, const Options& options, const LevelTargets& targets,
                     int level) {
  const TablePtr* best = nullptr;
  double best_cost = std::numeric_limits<double>::infinity();
  for (const TablePtr& table : version.level(level)) {
    const Level below =
        version.Overlapping(level + 1, table->summary().smallest_key, table->summary().largest_key);
    const double cost = static_cast<double>(TotalBytes(below)) / WeightedBytes(*table);
    if (cost < best_cost) {
      best_cost = cost;
      best = &table;
    }
  }
  return Complete(version, options,
                  {.level = level,
                   .output_level = level + 1,
                   .upper = {*best},
                   .base_level = targets.base_level});
}

std::optional<Compaction> PickEverything(const Version& version, const LevelTargets& targets) {
  Compaction all{.output_level = kLastLevel, .base_level = targets.base_level};
  for (int level = 0; level < kLastLevel; ++level) {
    const Level& tables = version.level(level);
    all.upper.insert(all.upper.end(), tables.begin(), tables.end());
  }
  all.lower = version.level(kLastLevel);
  if (all.upper.empty() && all.lower.empty()) return std::nullopt;
  return all;
}

}  // namespace

LevelTargets ComputeTargets(const Version& version, const Options& options) {
  LevelTargets targets;
  uint64_t target = std::max(version.LevelBytes(kLastLevel), options.base_level_bytes);
  // What sits above counts for the last level in the end.
  for (int level = 1; level < kLastLevel; ++level)
    target = std::max(target, version.LevelBytes(level));
  targets.bytes[kLastLevel] = target;
  while (target > options.base_level_bytes && targets.base_level > 1) {
    target = std::max<uint64_t>(target / static_cast<uint64_t>(options.level_fanout), 1);
    targets.bytes[static_cast<size_t>(--targets.base_level)] = target;
  }
  return targets;
}

std::optional<Compaction> PickCompaction(const VersionPtr& version, const Options& options,
                                         CompactionWish wish) {
  const LevelTargets targets = ComputeTargets(*version, options);
  if (wish == CompactionWish::kEverything) return PickEverything(*version, targets);
  int most_urgent = -1;
  double highest = 1;
  for (int level = 0; level < kLastLevel; ++level) {
    const double score = Score(*version, options, targets, level);
    if (score >= highest && (most_urgent < 0 || score > highest)) {
      highest = score;
      most_urgent = level;
    }
  }
  if (most_urgent < 0 && wish == CompactionWish::kDrain && !version->level(0).empty())
    most_urgent = 0;
  if (most_urgent < 0) return std::nullopt;
  if (most_urgent == 0) return PickLevel0(*version, options, targets);
  return PickTable(*version, options, targets, most_urgent);
}

uint64_t CompactionDebt(const Version& version, const Options& options) {
  const LevelTargets targets = ComputeTargets(version, options);
  uint64_t debt = 0;
  if (Score(version, options, targets, 0) >= 1) debt += version.LevelBytes(0);
  for (int level = 1; level < kLastLevel; ++level) {
    const uint64_t target =
        level < targets.base_level ? 0 : targets.bytes[static_cast<size_t>(level)];
    debt += version.LevelBytes(level) - std::min(version.LevelBytes(level), target);
  }
  return debt;
}

double StallFraction(const Version& version, const Options& options) {
  const double debt = static_cast<double>(CompactionDebt(version, options)) /
                      static_cast<double>(options.stall_debt_bytes);
  const double runs =
      static_cast<double>(version.level(0).size()) / (kStallRuns * options.level0_runs);
  return std::max(0.0, 2 * std::max(debt, runs) - 1);
}

}  // namespace lumen
