#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/mutex.h"
#include "engine/core/engine_context.h"
#include "engine/manifest/manifest_file.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/framed_file_writer.h"

namespace lumen {

// The manifest of an open engine. Edits are appended and synced one after another by a kPrepare
// step, one file operation at a time; an edit is acted on only once it is durable.
//
// A manifest that grew too long, or whose append or sync failed, is replaced by a new one that
// starts with a snapshot without the failed edit: new manifest -> sync -> directory sync ->
// CURRENT.tmp -> sync -> rename -> directory sync, and only then are edits appended to it and the
// old one removed. Until then the failed edit may or may not be durable, so nobody acts on it
// either way: its inputs and outputs stay. A failure before the rename is retried under new numbers
// (a full disk heals); one at the rename or after it is sticky, because which manifest is current
// is then unknown, unless the last sync was not even begun.
class ManifestLog {
 public:
  // OK: the edit is durable. Error: it is not, and never will be, unless the engine has become
  // read-only, in which case neither is known and nothing may be deleted.
  using Done = std::function<void(const absl::Status&)>;

  // `state` is what `writer`'s file describes, CURRENT names it, and all of that is durable.
  // `on_failed` runs, without locks, after each failed try to replace the manifest, whether it will
  // be repeated or has made the engine read-only: whoever waits for an edit may wait for long.
  ManifestLog(EngineContext& context, ManifestState state, std::unique_ptr<FramedFileWriter> writer,
              std::function<void()> on_failed);

  // `done` runs on a kPrepare step, without locks, in the order of the commits.
  void Commit(VersionEdit edit, Done done) EXCLUDES(mutex_);
  // After a failure: try at once.
  void RetryNow() EXCLUDES(mutex_);

 private:
  class ManifestStep;
  enum class Stage : uint8_t {
    kTake,
    kAppend,
    kSync,
    kApply,
    kMake,            // a new manifest with a snapshot
    kSyncDirectory,   // its name
    kInstallCurrent,  // up to and including the rename
    kSyncCurrent,     // directory sync after the rename
    kRefuse,          // the engine is read-only
  };
  enum class Progress : uint8_t { kMore, kIdle, kWaiting };
  struct Pending {
    VersionEdit edit;
    Done done;
  };

  Progress Advance();
  Progress Take();
  void StartReplacing();
  Progress Make();
  Progress InstallCurrent();
  void Replaced();
  // With another new manifest, and with the same stage.
  Progress RetryLater(const absl::Status& status);
  Progress WaitToRetry(const absl::Status& status);
  Progress TurnSticky(const absl::Status& status);
  void Tell(const absl::Status& status);
  bool Oversized() const;
  void Post() REQUIRES(mutex_);

  EngineContext& context_;
  const std::function<void()> on_failed_;

  // The running step's.
  ManifestState state_;
  std::unique_ptr<FramedFileWriter> writer_;
  Stage stage_ = Stage::kTake;
  Pending current_;
  absl::Status edit_error_;  // of current_, to be told once a manifest without it is current
  uint64_t snapshot_bytes_ = 0;
  uint64_t failed_syncs_before_ = 0;
  std::unique_ptr<ManifestMaker> maker_;
  std::unique_ptr<CurrentInstaller> installer_;

  Mutex mutex_;
  std::vector<Pending> queue_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;
  bool waiting_to_retry_ GUARDED_BY(mutex_) = false;
};

}  // namespace lumen
