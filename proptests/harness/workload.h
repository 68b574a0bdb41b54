#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/options.h"

namespace lumen::crash {

// One thing that a client of the engine does. Keys and values are named by numbers, so that a case
// shrinks and prints well: key 3 is "k03", value n has `value_bytes` bytes that say n.
struct ClientStep {
  enum class Kind : uint8_t {
    kWrite,       // a batch of puts and deletes, waited for
    kWriteAsync,  // the same, not waited for
    kGet,
    kScan,
    kReverseScan,
    kSnapshot,  // taken; read and dropped when the next one is, or at the end
    kFlush,
    kCompact,
    kCheckpoint,
    kQuiesce,
    kRunBackground,  // lets `count` pieces of background work happen
    kReopen,         // closes cleanly, opens again
    kKill,           // SIGKILL, then opens again: the page cache survives
    kResume,         // Engine::Resume, after a fault
  };
  struct Change {
    uint32_t key = 0;
    bool is_delete = false;
    uint32_t value_bytes = 0;
  };
  Kind kind = Kind::kWrite;
  bool durable = true;  // writes
  // 0: no precondition; 1: the first key is absent; 2: it is present.
  uint8_t precondition = 0;
  std::vector<Change> changes = {};
  uint32_t key = 0;    // kGet
  uint32_t count = 0;  // kRunBackground
};

// "k03": the key's name in text, and the key itself.
std::string KeyOf(uint32_t key);
// What the `number`th put of a workload writes: `bytes` bytes that begin with "v<number>.".
std::string ValueOf(uint64_t number, uint32_t bytes);

// What a case makes the engine do. The engine's options are part of it, because tiny limits are
// what makes short workloads rotate, flush and compact.
struct Workload {
  uint64_t seed = 0;  // of the simulation: what runs when
  uint64_t wal_segment_bytes = 64 << 10;
  uint64_t memtable_bytes = 4 << 10;
  uint32_t block_bytes = 1024;
  uint64_t table_bytes = 4 << 10;
  bool wal_lz4 = false;
  std::vector<ClientStep> steps = {};

  Options options() const;
  // One step a line, and back.
  std::string ToString() const;
  // INVALID_ARGUMENT: the line and what was expected there.
  static absl::StatusOr<Workload> Parse(std::string_view text);
};

// `steps` steps from a seed, which also decides the mixture: some are all small synced puts, some
// are batches, some are background work, some are kills and reopens.
Workload GenerateWorkload(uint64_t seed, uint32_t steps);

// A small alphabet: each of its steps reaches a different part of the engine.
std::vector<ClientStep> SmallAlphabet();
// All workloads of up to `length` steps over it, the empty one first, by index.
uint64_t SmallWorkloads(uint32_t length);
Workload SmallWorkload(uint32_t length, uint64_t index);

}  // namespace lumen::crash
