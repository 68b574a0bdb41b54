#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iosfwd>

#include "engine/engine.h"
#include "proptests/program.h"

namespace lumen {

// What the programs of a run did, all in all: a test that stops reaching the interesting places
// must turn red.
struct Tally {
  std::array<uint64_t, kCommandKinds> commands{};
  uint64_t flushes = 0;
  uint64_t compactions = 0;
  uint64_t trivial_moves = 0;
  uint64_t stalls = 0;
  uint64_t most_levels = 0;  // in use at once
  uint64_t reopens = 0;      // of all kinds

  uint64_t kills = 0;
  uint64_t power_losses = 0;
  uint64_t inside_calls = 0;   // crashes before a file operation of a call that was under way
  uint64_t inside_opens = 0;   // crashes of an engine that was being opened
  uint64_t lost_suffixes = 0;  // crashes that took writes
  uint64_t torn_tails = 0;
  uint64_t recovered_operations = 0;
  uint64_t lost_sequences = 0;  // acknowledged, lost, and therefore jumped over

  uint64_t applied = 0;
  uint64_t unmet = 0;
  uint64_t existed_answers = 0;
  uint64_t outsized_batches = 0;  // larger than a WAL segment
  uint64_t cached_answers = 0;
  uint64_t uncached_answers = 0;
  uint64_t iterator_steps = 0;
  uint64_t checkpoints_opened = 0;

  uint64_t all_commands() const {
    uint64_t sum = 0;
    for (const uint64_t count : commands) sum += count;
    return sum;
  }
  void SawLevels(const Stats& stats) {
    const auto in_use = std::count_if(stats.levels.begin(), stats.levels.end(),
                                      [](const LevelStats& level) { return level.files > 0; });
    most_levels = std::max(most_levels, static_cast<uint64_t>(in_use));
  }
  // Of an engine at its end.
  void AddCountersOf(const Stats& stats) {
    flushes += stats.flushes;
    compactions += stats.compactions;
    trivial_moves += stats.trivial_moves;
    stalls += stats.stalls;
  }
};

std::ostream& operator<<(std::ostream& out, const Tally& tally);

}  // namespace lumen
