#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/core/version.h"
#include "engine/memtable/memtable.h"

namespace lumen {

// A memtable with the WAL it owns: whole segments, from `first_segment` up to the next memtable's
// first.
struct MemtableSlot {
  std::shared_ptr<Memtable> memtable;
  uint64_t first_segment = 0;
  SequenceNumber first_sequence = 0;  // of that segment's first frame
};

// Everything a read looks at. Immutable but for the active memtable's growth.
struct ReadState {
  MemtableSlot active;
  std::vector<MemtableSlot> immutables;  // oldest first
  VersionPtr version;

  // Everything up to this sequence has left the memtables, and nothing after it has.
  SequenceNumber flushed_sequence() const {
    return (immutables.empty() ? active : immutables.front()).first_sequence - 1;
  }
  // The newest version of `key` with a sequence <= `at` in memory; empty when the memtables hold
  // none.
  std::optional<Entry> GetFromMemory(std::string_view key, SequenceNumber at) const;
};
using ReadStatePtr = std::shared_ptr<const ReadState>;

// What may be read now: memtables, version, the visible sequence, and the snapshots that compaction
// must respect. Thread-safe; its lock is held for the copy of a pointer, or for building a small
// new ReadState.
class DatabaseState {
 public:
  DatabaseState(ReadState initial, SequenceNumber visible);

  struct ReadPoint {
    ReadStatePtr state;
    SequenceNumber sequence = 0;
  };
  // State and sequence are taken together: a later sequence could name writes in a memtable that
  // the state lacks, an earlier one could need versions that a compaction has dropped.
  ReadPoint Acquire() const EXCLUDES(mutex_);
  ReadStatePtr state() const EXCLUDES(mutex_);

  SequenceNumber visible() const { return visible_.load(std::memory_order_acquire); }
  // The commit leader only, after the entries are in the active memtable.
  void Publish(SequenceNumber sequence) { visible_.store(sequence, std::memory_order_release); }

  // The commit leader only: the active memtable becomes the newest immutable one.
  void SwitchMemtable(MemtableSlot fresh) EXCLUDES(mutex_);
  // Installs the version that holds the oldest immutable memtable's entries, and lets go of that
  // memtable.
  void InstallFlush(VersionPtr version) EXCLUDES(mutex_);
  void InstallVersion(VersionPtr version) EXCLUDES(mutex_);

  // Reads at the returned sequence stay possible until it is released.
  SequenceNumber AddSnapshot() EXCLUDES(mutex_);
  void ReleaseSnapshot(SequenceNumber sequence) EXCLUDES(mutex_);
  // Ascending, without repeats, the visible sequence last: all that anyone may still ask for.
  std::vector<SequenceNumber> ReadableSequences() const EXCLUDES(mutex_);

 private:
  template <typename Change>
  void Replace(Change change) REQUIRES(mutex_);

  std::atomic<SequenceNumber> visible_;
  mutable Mutex mutex_;
  ReadStatePtr state_ GUARDED_BY(mutex_);
  std::map<SequenceNumber, int> snapshots_ GUARDED_BY(mutex_);
};

}  // namespace lumen
