#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core/version.h"
#include "engine/options.h"

namespace lumen {

// Levels are sized from the last one up: it holds most of the data, each level above is meant for
// 1/level_fanout of the one below, and the first level that is small enough (base_level_bytes) is
// the base level, into which level 0 is compacted. Levels between 0 and the base level stay empty.
// (The scheme is RocksDB's "dynamic level bytes".)
struct LevelTargets {
  int base_level = Version::kLevels - 1;
  std::array<uint64_t, Version::kLevels> bytes{};
};
LevelTargets ComputeTargets(const Version& version, const Options& options);

struct Compaction {
  int level = 0;         // of the upper inputs
  int output_level = 0;  // of the lower inputs and the outputs
  Level upper = {};      // for level 0: newest first
  Level lower = {};
  Level grandparents = {};  // tables of output_level + 1 in the outputs' range
  bool move = false;        // no input overlaps another: only the manifest changes
  int base_level = 0;
};

enum class CompactionWish : uint8_t {
  kDue,         // what a level over its target asks for
  kDrain,       // besides, level 0 into the base level: the engine is idle
  kEverything,  // besides, all tables into the last level, once
};

// What to compact next; empty when nothing is to be done.
std::optional<Compaction> PickCompaction(const VersionPtr& version, const Options& options,
                                         CompactionWish wish);

// Bytes that compaction must still read to bring every level to its target.
uint64_t CompactionDebt(const Version& version, const Options& options);

// How far writes are to be slowed: 0 below half of the allowed debt and of the allowed level-0
// runs, 1 at all of it.
double StallFraction(const Version& version, const Options& options);

}  // namespace lumen
