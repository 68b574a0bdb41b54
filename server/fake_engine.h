#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/engine.h"

namespace lumen {

// A map with a lock, behind the engine's interface, for tests of what stands in front of it. Only
// what the server calls is there; the rest is UNIMPLEMENTED. Thread-safe.
class FakeEngine final : public Engine {
 public:
  // Write completions are kept until Release().
  void HoldWrites();
  void Release();
  size_t held() const;
  // Every later write fails with this; OK ends it.
  void FailWrites(absl::Status status);
  // Every Compact waits until ReleaseCompactions().
  void HoldCompactions();
  void ReleaseCompactions();
  size_t held_compactions() const;
  // Snapshots that are not destroyed yet.
  int open_snapshots() const { return open_snapshots_; }
  // GetCached answers "not in memory" from now on, and Get runs `before_get` first.
  void PretendOnDisk(std::function<void()> before_get);

  absl::StatusOr<WriteResult> Write(const WriteBatch& batch, const WriteOptions& options) override;
  void WriteAsync(WriteBatch batch, WriteOptions options, WriteCallback callback) override;
  absl::StatusOr<std::optional<GetResult>> Get(std::string_view key,
                                               const Snapshot* snapshot) override;
  absl::StatusOr<std::optional<std::optional<GetResult>>> GetCached(std::string_view key) override;
  absl::StatusOr<std::vector<std::optional<GetResult>>> MultiGet(
      const std::vector<std::string>& keys, const Snapshot* snapshot) override;
  // Over a run of deleted keys that has no end.
  std::unique_ptr<Iterator> NewIterator(const IteratorOptions&) override;
  std::unique_ptr<Snapshot> TakeSnapshot() override;
  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Compact() override;
  absl::Status WaitForQuiescence() override { return absl::OkStatus(); }
  absl::Status Checkpoint(const std::string&) override { return absl::UnimplementedError("fake"); }
  absl::Status VerifyTables(const VerifyCallback&) override { return absl::OkStatus(); }
  void Resume() override {}
  Stats GetStats() override { return {}; }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::optional<GetResult> FindLocked(std::string_view key) const REQUIRES(mutex_);

  std::atomic<int> open_snapshots_{0};
  mutable Mutex mutex_;
  std::map<std::string, GetResult, std::less<>> entries_ GUARDED_BY(mutex_);
  uint64_t sequence_ GUARDED_BY(mutex_) = 0;
  bool holding_ GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> held_ GUARDED_BY(mutex_);
  CondVar compactions_changed_;
  bool holding_compactions_ GUARDED_BY(mutex_) = false;
  size_t held_compactions_ GUARDED_BY(mutex_) = 0;
  absl::Status write_failure_ GUARDED_BY(mutex_);
  bool on_disk_ GUARDED_BY(mutex_) = false;
  std::function<void()> before_get_ GUARDED_BY(mutex_);
};

}  // namespace lumen
