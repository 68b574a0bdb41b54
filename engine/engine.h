#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/batch.h"
#include "engine/environment.h"
#include "engine/iterator.h"
#include "engine/options.h"

// The storage engine: a log-structured merge tree that never loses an acknowledged kSync write.
//
// Errors of all calls: INVALID_ARGUMENT (what the caller gave is wrong) · RESOURCE_EXHAUSTED (a
// limit; or a full disk or too many open files, which heal: engine/errno_status.h tells which) ·
// FAILED_PRECONDITION (the engine is read-only after a failed WAL or manifest sync, or because its
// directory was moved or replaced: only a reopen clears it; or the engine is closed; nothing was
// written) · UNKNOWN (a write whose own append or sync failed: in doubt, it may or may not be there
// after a reopen) · DATA_LOSS (corruption, naming file, offset and rule) · INTERNAL (I/O error).
namespace lumen {

enum class Durability : uint8_t {
  kSync,   // survives power loss once acknowledged
  kAsync,  // survives a process crash; power loss may take a suffix of the commit order, never
           // leave a hole
};

// A condition on the state right before the batch it guards. Decided in commit order: no write
// comes between.
struct Precondition {
  enum class Kind : uint8_t { kAbsent, kPresent, kLastWrittenAt, kValueEquals };
  Kind kind = Kind::kAbsent;
  std::string key = {};
  uint64_t sequence = 0;   // kLastWrittenAt
  std::string value = {};  // kValueEquals
};

struct WriteOptions {
  Durability durability = Durability::kSync;
  std::vector<Precondition> preconditions = {};
  // Ask, for every delete of the batch, whether its key existed right before it.
  bool report_existed = false;
};

// State of a key: absent, or its value and the sequence that wrote it.
struct KeyState {
  bool present = false;
  std::string value;
  uint64_t sequence = 0;
};

// What became of a write that met no error.
struct WriteResult {
  // False: a precondition did not hold and nothing was written.
  bool applied = true;
  // Index into preconditions, and that key's current state; only when !applied.
  size_t unmet = 0;
  KeyState current;

  // Sequence of the batch's first operation; its i-th has sequence + i. When !applied: the newest
  // visible sequence.
  uint64_t sequence = 0;
  // Every write with a sequence up to this one survives power loss.
  uint64_t durable_sequence = 0;
  // With report_existed: one entry for each delete of the batch, in order.
  std::vector<bool> existed;
};

struct GetResult {
  std::string value;
  uint64_t sequence = 0;
};

// A state to read from. Destroying it lets the engine drop what only it could see. Must not outlive
// the engine.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual uint64_t sequence() const = 0;
};

struct LevelStats {
  int files = 0;
  uint64_t bytes = 0;
  uint64_t entries = 0;
};

// Counters since Open unless said otherwise.
struct Stats {
  std::vector<LevelStats> levels;  // [0] is level 0; as of now
  uint64_t visible_sequence = 0;
  uint64_t durable_sequence = 0;
  uint64_t memtable_bytes = 0;  // active and immutable; as of now
  int immutable_memtables = 0;
  uint64_t cache_bytes = 0;
  uint64_t cache_capacity_bytes = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t wal_bytes = 0;  // appended, padding included
  uint64_t wal_syncs = 0;
  uint64_t wal_segments = 0;  // created
  uint64_t commit_groups = 0;
  uint64_t commit_operations = 0;
  uint64_t user_bytes = 0;  // keys and values written
  uint64_t flushes = 0;
  uint64_t flush_bytes = 0;  // written to level 0
  uint64_t compactions = 0;  // that merged
  uint64_t trivial_moves = 0;
  uint64_t compaction_bytes_read = 0;
  uint64_t compaction_bytes_written = 0;
  uint64_t compaction_debt_bytes = 0;  // as of now
  uint64_t manifest_rotations = 0;
  uint64_t stalls = 0;
  uint64_t stall_ns = 0;
  uint64_t background_retries =
      0;  // after a full disk or a failed write of a file that nothing names yet
  // What the last Open found.
  uint64_t recovered_bytes = 0;
  uint64_t recovered_operations = 0;
  uint64_t recovered_segments = 0;
  bool recovered_torn_tail = false;
  uint64_t torn_frames_discarded = 0;
  // Empty, or why writes are refused until a reopen / until the disk has room again.
  std::string sticky_error;
  std::string background_error;
};

// How far Engine::VerifyTables is.
struct VerifyProgress {
  uint64_t tables_total = 0;
  uint64_t tables_done = 0;
  uint64_t bytes_total = 0;
  uint64_t bytes_done = 0;
  // What the table just read was found to be: OK, or DATA_LOSS naming file, offset and rule.
  absl::Status table;
};

// All methods are thread-safe.
class Engine {
 public:
  using WriteCallback = std::function<void(absl::StatusOr<WriteResult>)>;
  // False: stop.
  using VerifyCallback = std::function<bool(const VerifyProgress&)>;

  // Locks `directory`, recovers what it holds and commits that before anything is served
  // (docs/durability.md#open). DATA_LOSS: the message names file, offset and rule, and the command
  // that helps; nothing was changed. FAILED_PRECONDITION: another process holds the lock.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const Options& options,
                                                      const std::string& directory,
                                                      const Environment& environment);

  // Closes without reporting errors; see Close().
  virtual ~Engine() = default;

  // Returns when the batch is visible and as durable as asked. Not to be called from a Step or a
  // callback.
  virtual absl::StatusOr<WriteResult> Write(const WriteBatch& batch,
                                            const WriteOptions& options) = 0;
  // The same without blocking. `callback` runs exactly once, on an executor thread or, when the
  // write is refused at once, on this one; no lock is held; it must not block.
  virtual void WriteAsync(WriteBatch batch, WriteOptions options, WriteCallback callback) = 0;

  // The newest visible version at `snapshot` (null: now), or empty when the key is absent.
  virtual absl::StatusOr<std::optional<GetResult>> Get(std::string_view key,
                                                       const Snapshot* snapshot = nullptr) = 0;
  // All keys from one state.
  virtual absl::StatusOr<std::vector<std::optional<GetResult>>> MultiGet(
      const std::vector<std::string>& keys, const Snapshot* snapshot = nullptr) = 0;
  // Get if memory and the block cache can answer; an empty outer optional when the disk would have
  // to be read.
  virtual absl::StatusOr<std::optional<std::optional<GetResult>>> GetCached(
      std::string_view key) = 0;
  virtual std::unique_ptr<Iterator> NewIterator(const IteratorOptions& options) = 0;
  virtual std::unique_ptr<Snapshot> TakeSnapshot() = 0;

  // Returns when everything written before the call is in tables.
  virtual absl::Status Flush() = 0;
  // Flushes, then merges all tables down to the last level. An error is final: the merge is not
  // tried again unless asked for again.
  virtual absl::Status Compact() = 0;
  // Returns when no flush and no compaction is due.
  virtual absl::Status WaitForQuiescence() = 0;
  // A copy of the state at some moment of the call, with an epoch of its own, made of hard links:
  // same file system. `directory` must not exist; it appears by an atomic rename once everything in
  // it is durable. Directories that are missing above it are made. Its name may not be
  // ".NAME.tmp": that is where NAME is made, and what a crash leaves of it may be removed. Ok means
  // that all of it, their names too, survives a power loss.
  virtual absl::Status Checkpoint(const std::string& directory) = 0;
  // Reads every byte of every table of the moment, past the cache, on the calling thread, and
  // checks all that VerifyTable (engine/table_inspect.h) checks, and that each is the table that
  // the manifest describes. The tables stay until it returns. `progress` is called after each,
  // corrupt or not. CANCELLED: `progress` said to stop. INTERNAL: a table could not be read.
  virtual absl::Status VerifyTables(const VerifyCallback& progress) = 0;
  // Tries work that waits after a full disk at once instead of at the next retry.
  virtual void Resume() = 0;

  virtual Stats GetStats() = 0;

  // Refuses new calls, finishes queued writes, lets those who wait for background work go with
  // FAILED_PRECONDITION, waits for running background steps, leaves a close
  // NOTE in the WAL and syncs it. OK: every write ever acknowledged, asynchronous ones included,
  // survives power loss. Idempotent. Iterators and snapshots must be gone.
  virtual absl::Status Close() = 0;
};

}  // namespace lumen
