#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/core/compaction_picker.h"
#include "engine/core/database_state.h"
#include "engine/core/engine_context.h"
#include "engine/core/manifest_log.h"

namespace lumen {

// Compacts levels, one compaction at a time.
//
// Crash order: outputs, each synced, directory sync, synced edit {outputs in, inputs out}, and only
// then may the inputs' files go. A crash before the edit leaves unnamed outputs, which Open
// deletes; one after it unnamed inputs.
class Compactor {
 public:
  // `on_changed` runs without locks after each compaction, installed or failed.
  Compactor(EngineContext& context, DatabaseState& state, ManifestLog& manifest,
            std::function<void()> on_changed);

  // Starts what is due if nothing runs. Any thread.
  void Schedule() EXCLUDES(mutex_);
  // Merges everything into the last level as soon as the slot is free. Returns a ticket: that merge
  // has ended once full_compactions() has reached it.
  uint64_t RequestFull() EXCLUDES(mutex_);
  uint64_t full_compactions() const EXCLUDES(mutex_);
  void RetryNow() EXCLUDES(mutex_);
  // Nothing runs, and nothing is due but what waits for a retry.
  bool Idle() const EXCLUDES(mutex_);

 private:
  class CompactionStep;
  struct Job {
    VersionPtr version;
    Compaction compaction;
    bool full = false;
  };

  void Start(Job job) REQUIRES(mutex_);
  std::optional<Job> Pick() REQUIRES(mutex_);
  void ArmDrain() REQUIRES(mutex_);
  void Commit(const Job& job, std::vector<TableRecord> outputs);
  void Installed(const Job& job, const VersionEdit& edit, const std::vector<TablePtr>& opened);
  void Failed(const absl::Status& status);
  void Ended(bool retry_later, bool full_done) EXCLUDES(mutex_);

  EngineContext& context_;
  DatabaseState& state_;
  ManifestLog& manifest_;
  const std::function<void()> on_changed_;

  mutable Mutex mutex_;
  bool running_ GUARDED_BY(mutex_) = false;
  bool waiting_to_retry_ GUARDED_BY(mutex_) = false;
  uint64_t full_requested_ GUARDED_BY(mutex_) = 0;
  uint64_t full_started_ GUARDED_BY(mutex_) = 0;
  uint64_t full_done_ GUARDED_BY(mutex_) = 0;
  // The engine drains level 0 when nothing was written for a while.
  bool drain_armed_ GUARDED_BY(mutex_) = false;
  bool drain_due_ GUARDED_BY(mutex_) = false;
  SequenceNumber visible_when_armed_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lumen
