#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen {

// kDebug: what background work does when all is well, a line or two for each memtable.
enum class EventLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// Everything there is to set. Sizes in bytes. Open refuses a combination that cannot work and says
// why.
struct Options {
  // One budget for the block cache and all memtables together. The cache gets what the memtables
  // leave: memory_budget_bytes - memtable_bytes * (1 + immutable_memtables), at least 1/8 of the
  // budget.
  uint64_t memory_budget_bytes = uint64_t{512} << 20;
  // A memtable that reaches this is switched: it becomes immutable and is flushed to level 0.
  uint64_t memtable_bytes = uint64_t{64} << 20;
  // Memtables that may wait for their flush before writes stall.
  int immutable_memtables = 2;

  // Size of a WAL segment, 64 KiB to 1 GiB. A batch that does not fit gets a larger segment of its
  // own.
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  // Compresses WAL payloads of at least 1 KiB where that saves an eighth.
  bool wal_lz4 = false;

  // Uncompressed size of a data block, 1 KiB to 64 KiB.
  uint32_t block_bytes = 4096;
  uint32_t bloom_bits_per_key = 10;  // 0: no filter
  // The first level (counted from the base level, 0 = all below level 0) whose blocks are
  // LZ4-compressed where that saves an eighth; kNoCompression: none.
  int lz4_from_level = kNoCompression;
  // Compaction outputs are cut at about this size.
  uint64_t table_bytes = uint64_t{32} << 20;

  // Level 0 is compacted at this many runs, or at level0_bytes.
  int level0_runs = 4;
  uint64_t level0_bytes = uint64_t{256} << 20;
  // Levels are made while the base level's target exceeds this; see
  // docs/architecture.md#compaction.
  uint64_t base_level_bytes = uint64_t{256} << 20;
  int level_fanout = 10;
  // Compaction debt at which writes are slowed as much as they ever are; the delay starts at half
  // of it.
  uint64_t stall_debt_bytes = uint64_t{4} << 30;

  // Writes larger than these are refused with RESOURCE_EXHAUSTED (batch) or INVALID_ARGUMENT (key,
  // value).
  size_t max_key_bytes = size_t{64} << 10;
  size_t max_value_bytes = size_t{16} << 20;
  size_t max_batch_bytes = size_t{32} << 20;
  uint32_t max_batch_operations = 100'000;

  // Written into the lock file for whoever finds the database locked, such as "lumen-server, pid 17
  // on db1".
  std::string lock_owner;

  // Whether Open may create a database where there is none.
  bool create_if_missing = true;
  // How long after a full disk or a failed background write the work is tried again.
  int64_t retry_interval_ns = 1'000'000'000;

  // Told about what an operator should know: recovery, torn tails, errors, stalls. May be called
  // from any thread; must not call the engine. Empty: nobody is told.
  std::function<void(EventLevel, std::string_view)> on_event;

  // Told once, after on_event, when an error that no retry can mend, or a directory that was moved
  // or replaced, makes the engine read-only until a reopen; Stats::sticky_error is its message. As
  // on_event: any thread, must not call the engine.
  std::function<void(const absl::Status& error)> on_read_only;

  // Told during Open how much of the WAL has been replayed. Called on the thread that opens.
  std::function<void(uint64_t replayed_bytes, uint64_t total_bytes)> on_recovery_progress;

  static constexpr int kNoCompression = 1000;
};

}  // namespace lumen
