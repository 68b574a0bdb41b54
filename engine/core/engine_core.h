#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/core/commit_pipeline.h"
#include "engine/core/compactor.h"
#include "engine/core/database_state.h"
#include "engine/core/engine_context.h"
#include "engine/core/flusher.h"
#include "engine/core/manifest_log.h"
#include "engine/core/reading_queue.h"
#include "engine/core/recovery.h"
#include "engine/core/wal_log.h"
#include "engine/engine.h"

namespace lumen {

// The engine of engine/engine.h: owns the parts, connects them, and checks what callers hand in.
class EngineCore : public Engine {
 public:
  EngineCore(std::unique_ptr<EngineContext> context, RecoveredDatabase recovered);
  ~EngineCore() override;

  absl::StatusOr<WriteResult> Write(const WriteBatch& batch, const WriteOptions& options) override;
  void WriteAsync(WriteBatch batch, WriteOptions options, WriteCallback callback) override;
  absl::StatusOr<std::optional<GetResult>> Get(std::string_view key,
                                               const Snapshot* snapshot) override;
  absl::StatusOr<std::vector<std::optional<GetResult>>> MultiGet(
      const std::vector<std::string>& keys, const Snapshot* snapshot) override;
  absl::StatusOr<std::optional<std::optional<GetResult>>> GetCached(std::string_view key) override;
  std::unique_ptr<Iterator> NewIterator(const IteratorOptions& options) override;
  std::unique_ptr<Snapshot> TakeSnapshot() override;
  absl::Status Flush() override;
  absl::Status Compact() override;
  absl::Status WaitForQuiescence() override;
  absl::Status Checkpoint(const std::string& directory) override;
  absl::Status VerifyTables(const VerifyCallback& progress) override;
  void Resume() override;
  Stats GetStats() override;
  absl::Status Close() override;

 private:
  class CallGuard;
  class CheckpointStep;
  struct Waiter {
    std::function<bool()> ready;
    Completion done;
  };

  absl::Status CheckWrite(const WriteBatch& batch, const WriteOptions& options) const;
  absl::Status Stage(const WriteBatch& batch, const WriteOptions& options,
                     WriteRequest& request) const;
  absl::StatusOr<std::optional<GetResult>> GetAt(const DatabaseState::ReadPoint& at,
                                                 std::string_view key, bool cached_only) const;
  void Enqueue(std::unique_ptr<WriteRequest> request, const absl::Status& readings);

  // What background work tells.
  void WorkChanged() EXCLUDES(waiters_mutex_);
  void WaitUntil(std::function<bool()> ready) EXCLUDES(waiters_mutex_);
  // Why a flush that somebody waits for is not going to end soon; OK when it is.
  absl::Status FlushObstacle() const;
  // Everything written before the call is in tables.
  absl::Status FlushAll();

  bool EnterCall();
  void LeaveCall();

  // Declared so that whatever refers to another part is destroyed before it.
  const std::unique_ptr<EngineContext> context_;
  const RecoveryReport recovery_;
  DatabaseState state_;
  WalLog wal_;
  ManifestLog manifest_;
  Compactor compactor_;
  Flusher flusher_;
  CommitPipeline commit_;
  ReadingQueue readings_;

  // Calls under way, and a bit that refuses new ones.
  std::atomic<uint64_t> calls_{0};
  Completion calls_gone_;

  Mutex waiters_mutex_;
  std::list<Waiter*> waiters_ GUARDED_BY(waiters_mutex_);

  std::atomic<bool> closing_{false};
  absl::Status close_status_;  // once closed_ has fired
  Completion closed_;
};

}  // namespace lumen
