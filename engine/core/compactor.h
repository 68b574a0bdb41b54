#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
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
  // Merges everything into the last level as soon as the slot is free, once: a merge that fails is
  // not repeated. Returns a ticket, to be withdrawn.
  uint64_t RequestFull() EXCLUDES(mutex_);
  // How the ticket's merge ended; empty until it has.
  std::optional<absl::Status> FullResult(uint64_t ticket) const EXCLUDES(mutex_);
  // Nobody waits for it any more: a merge that has not begun is not begun for it.
  void WithdrawFull(uint64_t ticket) EXCLUDES(mutex_);
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
  void Failed(const Job& job, const absl::Status& status);
  void EndFull(const absl::Status& status) REQUIRES(mutex_);
  void Ended() EXCLUDES(mutex_);
  void RetryLater() EXCLUDES(mutex_);

  EngineContext& context_;
  DatabaseState& state_;
  ManifestLog& manifest_;
  const std::function<void()> on_changed_;

  mutable Mutex mutex_;
  bool running_ GUARDED_BY(mutex_) = false;
  bool waiting_to_retry_ GUARDED_BY(mutex_) = false;
  int failures_ GUARDED_BY(mutex_) = 0;      // of what is due, since it last succeeded
  uint64_t retries_ GUARDED_BY(mutex_) = 0;  // tells a timer that it is the latest
  uint64_t full_requested_ GUARDED_BY(mutex_) = 0;
  uint64_t full_started_ GUARDED_BY(mutex_) = 0;
  // Tickets not withdrawn; one of a call each.
  std::map<uint64_t, std::optional<absl::Status>> full_results_ GUARDED_BY(mutex_);
  // The engine drains level 0 when nothing was written for a while.
  bool drain_armed_ GUARDED_BY(mutex_) = false;
  bool drain_due_ GUARDED_BY(mutex_) = false;
  SequenceNumber visible_when_armed_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lumen
