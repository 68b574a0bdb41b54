#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/base/mutex.h"
#include "engine/core/database_state.h"
#include "engine/core/engine_context.h"
#include "engine/core/manifest_log.h"
#include "engine/core/wal_log.h"

namespace lumen {

// Writes immutable memtables to level 0, oldest first, one at a time.
//
// Crash order: table, its sync, directory sync, synced edit {table in, WAL floor up}, and only then
// the memtable's WAL segments are removed. A crash before the edit leaves an unnamed table, which
// Open deletes, and the WAL, which it replays; a crash after it leaves segments below the floor,
// which Open deletes.
class Flusher {
 public:
  // `on_installed` runs after each installed flush, `on_failed` after each failed try; without
  // locks.
  Flusher(EngineContext& context, DatabaseState& state, WalLog& wal, ManifestLog& manifest,
          std::function<void()> on_installed, std::function<void()> on_failed);

  // Starts a flush if one is due and none runs. Any thread.
  void Schedule() EXCLUDES(mutex_);
  // After a failure: try at once.
  void RetryNow() EXCLUDES(mutex_);

 private:
  class FlushStep;

  void Written(const MemtableSlot& next, const TableRecord& record);
  void Installed(const VersionEdit& edit, TablePtr table);
  void Failed(const absl::Status& status);
  void Ended(bool retry_later) EXCLUDES(mutex_);

  EngineContext& context_;
  DatabaseState& state_;
  WalLog& wal_;
  ManifestLog& manifest_;
  const std::function<void()> on_installed_;
  const std::function<void()> on_failed_;

  Mutex mutex_;
  bool running_ GUARDED_BY(mutex_) = false;
  bool waiting_to_retry_ GUARDED_BY(mutex_) = false;
};

}  // namespace lumen
