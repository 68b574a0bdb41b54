#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "engine/env/seeded_random.h"
#include "proptests/harness/workload.h"

namespace lumen::crash {
namespace {

using Kind = ClientStep::Kind;

enum Choice : size_t {
  kWriteDurable,
  kWriteRelaxed,
  kAsyncDurable,
  kAsyncRelaxed,
  kGetOne,
  kScanAll,
  kScanBack,
  kTakeSnapshot,
  kFlushAll,
  kCompactAll,
  kTakeCheckpoint,
  kWaitUntilQuiet,
  kRunSome,
  kReopenCleanly,
  kKillIt,
  kResumeIt,
  kChoices,
};

// What a workload is made of. Weights are out of their sum.
struct Mixture {
  std::array<uint32_t, kChoices> weights;
  uint32_t percent_deletes;
  uint32_t percent_conditions;
  uint32_t most_changes;
  uint32_t most_value_bytes;
  uint32_t keys;
};

// One kind of life each: what a crash can break differs between them, and a workload that does a
// little of everything rarely does two related things in a row.
constexpr std::array<Mixture, 8> kMixtures = {{
    // Small durable puts, one after the other.
    {{80, 0, 0, 0, 5, 1, 1, 0, 2, 1, 0, 0, 6, 2, 2, 0}, 10, 5, 1, 40, 8},
    // Batches of all durabilities, several in flight.
    {{20, 15, 25, 25, 2, 1, 1, 1, 2, 0, 0, 0, 6, 1, 1, 0}, 20, 10, 8, 120, 24},
    // Relaxed writes and little background work, so that long suffixes are not yet durable.
    {{4, 40, 4, 30, 2, 1, 1, 0, 1, 0, 0, 0, 12, 1, 4, 0}, 15, 0, 3, 200, 16},
    // Tables: flushes, compactions and what waits for them.
    {{30, 10, 5, 10, 2, 1, 1, 2, 14, 8, 3, 6, 8, 0, 0, 0}, 25, 5, 4, 300, 20},
    // One process after another.
    {{25, 15, 5, 10, 2, 1, 1, 0, 3, 1, 1, 1, 5, 12, 18, 0}, 20, 5, 3, 100, 12},
    // Values at and beyond the borders of sectors, blocks and segments.
    {{35, 20, 10, 15, 2, 1, 1, 0, 3, 1, 0, 1, 8, 1, 2, 0}, 10, 0, 3, 9000, 10},
    // Overwrites and deletes of few keys under compactions.
    {{35, 10, 5, 10, 2, 2, 2, 3, 10, 10, 1, 4, 6, 2, 2, 0}, 45, 10, 3, 250, 4},
    // A little of everything.
    {{10, 10, 10, 10, 6, 4, 4, 5, 5, 4, 4, 4, 8, 4, 5, 2}, 25, 15, 5, 400, 16},
}};

class Generator {
 public:
  explicit Generator(uint64_t seed)
      : random_(seed), mixture_(kMixtures[random_.Below(kMixtures.size())]) {}

  Workload Make(uint32_t steps) {
    Workload workload;
    workload.seed = random_.Next64();
    workload.memtable_bytes = uint64_t{1} << (10 + Below(5));
    workload.block_bytes = 1024U << Below(3);
    workload.table_bytes = uint64_t{2048} << Below(3);
    workload.wal_lz4 = Below(4) == 0;
    workload.steps.reserve(steps);
    while (workload.steps.size() < steps) workload.steps.push_back(NewStep());
    return workload;
  }

 private:
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_.Below(limit)); }

  size_t Choose() {
    const auto& weights = mixture_.weights;
    uint32_t at = Below(std::accumulate(weights.begin(), weights.end(), 0U));
    size_t choice = 0;
    while (at >= weights[choice]) at -= weights[choice++];
    return choice;
  }

  uint32_t NewValueBytes() {
    // Small ones mostly; those around a sector's border as often as all of the large ones.
    const uint32_t most = mixture_.most_value_bytes;
    switch (Below(8)) {
      case 0:
        return Below(most + 1);
      case 1:
        return most > 600 ? 440 + Below(120) : Below(most + 1);
      default:
        return Below(most < 60 ? most + 1 : 60);
    }
  }

  ClientStep::Change NewChange() {
    ClientStep::Change change;
    change.key = Below(mixture_.keys);
    change.is_delete = Below(100) < mixture_.percent_deletes;
    if (!change.is_delete) change.value_bytes = NewValueBytes();
    return change;
  }

  ClientStep NewWrite(Kind kind, bool durable) {
    ClientStep step{.kind = kind, .durable = durable};
    const uint32_t changes = 1 + (Below(2) == 0 ? 0 : Below(mixture_.most_changes));
    for (uint32_t i = 0; i < changes; ++i) step.changes.push_back(NewChange());
    if (kind == Kind::kWrite && Below(100) < mixture_.percent_conditions) {
      step.precondition = static_cast<uint8_t>(1 + Below(2));
    }
    return step;
  }

  ClientStep NewStep() {
    switch (Choose()) {
      case kWriteDurable:
        return NewWrite(Kind::kWrite, true);
      case kWriteRelaxed:
        return NewWrite(Kind::kWrite, false);
      case kAsyncDurable:
        return NewWrite(Kind::kWriteAsync, true);
      case kAsyncRelaxed:
        return NewWrite(Kind::kWriteAsync, false);
      case kGetOne:
        return {.kind = Kind::kGet, .key = Below(mixture_.keys)};
      case kScanAll:
        return {.kind = Kind::kScan};
      case kScanBack:
        return {.kind = Kind::kReverseScan};
      case kTakeSnapshot:
        return {.kind = Kind::kSnapshot};
      case kFlushAll:
        return {.kind = Kind::kFlush};
      case kCompactAll:
        return {.kind = Kind::kCompact};
      case kTakeCheckpoint:
        return {.kind = Kind::kCheckpoint};
      case kWaitUntilQuiet:
        return {.kind = Kind::kQuiesce};
      case kRunSome:
        return {.kind = Kind::kRunBackground, .count = 1 + Below(1U << Below(6))};
      case kReopenCleanly:
        return {.kind = Kind::kReopen};
      case kKillIt:
        return {.kind = Kind::kKill};
      default:
        return {.kind = Kind::kResume};
    }
  }

  SeededRandom random_;
  const Mixture& mixture_;
};

}  // namespace

Workload GenerateWorkload(uint64_t seed, uint32_t steps) { return Generator(seed).Make(steps); }

std::vector<ClientStep> SmallAlphabet() {
  return {
      {.kind = Kind::kWrite, .changes = {{.key = 0, .value_bytes = 8}}},
      {.kind = Kind::kWriteAsync, .durable = false, .changes = {{.key = 0, .value_bytes = 8}}},
      {.kind = Kind::kWrite, .durable = false, .changes = {{.key = 1, .value_bytes = 600}}},
      {.kind = Kind::kWrite, .changes = {{.key = 0, .is_delete = true}}},
      {.kind = Kind::kWrite,
       .changes = {{.key = 0, .value_bytes = 8}, {.key = 1, .value_bytes = 8}}},
      {.kind = Kind::kWrite, .precondition = 1, .changes = {{.key = 0, .value_bytes = 8}}},
      {.kind = Kind::kFlush},
      {.kind = Kind::kCompact},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kRunBackground, .count = 4},
      {.kind = Kind::kReopen},
      {.kind = Kind::kKill},
  };
}

uint64_t SmallWorkloads(uint32_t length) {
  const uint64_t letters = SmallAlphabet().size();
  uint64_t of_length = 1;
  uint64_t all = 1;
  for (uint32_t i = 0; i < length; ++i) all += of_length *= letters;
  return all;
}

Workload SmallWorkload(uint32_t length, uint64_t index) {
  const std::vector<ClientStep> alphabet = SmallAlphabet();
  Workload workload;
  uint32_t steps = 0;
  while (steps < length && index >= SmallWorkloads(steps)) ++steps;
  if (steps > 0) index -= SmallWorkloads(steps - 1);
  for (uint32_t i = 0; i < steps; ++i) {
    workload.steps.push_back(alphabet[index % alphabet.size()]);
    index /= alphabet.size();
  }
  return workload;
}

}  // namespace lumen::crash
