#include "engine/core/manifest_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

constexpr uint64_t kLeastBytesToReplace = 1 << 20;
constexpr uint64_t kSnapshotsToReplace = 4;

}  // namespace

class ManifestLog::ManifestStep : public Step {
 public:
  explicit ManifestStep(ManifestLog& manifest) : manifest_(manifest) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      switch (manifest_.Advance()) {
        case Progress::kMore:
          continue;
        case Progress::kIdle:
          return StepResult::kDone;
        case Progress::kWaiting:
          return StepResult::kError;
      }
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "manifest"; }

 private:
  ManifestLog& manifest_;
};

ManifestLog::ManifestLog(EngineContext& context, ManifestState state,
                         std::unique_ptr<FramedFileWriter> writer, std::function<void()> on_failed)
    : context_(context),
      on_failed_(std::move(on_failed)),
      state_(std::move(state)),
      writer_(std::move(writer)),
      snapshot_bytes_(writer_->offset()) {}

void ManifestLog::Commit(VersionEdit edit, Done done) {
  MutexLock lock(mutex_);
  queue_.push_back({std::move(edit), std::move(done)});
  if (!running_ && !waiting_to_retry_) Post();
}

void ManifestLog::RetryNow() {
  MutexLock lock(mutex_);
  if (!std::exchange(waiting_to_retry_, false) || running_) return;
  Post();
}

void ManifestLog::Post() {
  running_ = true;
  context_.background.Post(Priority::kPrepare, std::make_unique<ManifestStep>(*this));
}

ManifestLog::Progress ManifestLog::Advance() {
  switch (stage_) {
    case Stage::kTake:
      return Take();
    case Stage::kAppend: {
      const std::string payload = current_.edit.Encode();
      const std::string_view piece = payload;
      edit_error_ = writer_->Append(ManifestFrame(state_.edits + 1), {&piece, 1});
      stage_ = Stage::kSync;
      break;
    }
    case Stage::kSync:
      edit_error_ = writer_->Sync();
      stage_ = Stage::kApply;
      break;
    case Stage::kApply:
      CHECK(state_.Apply(current_.edit).ok());
      ++state_.edits;
      stage_ = Stage::kTake;
      Tell(absl::OkStatus());
      if (Oversized()) StartReplacing();
      return Progress::kMore;
    case Stage::kMake:
      return Make();
    case Stage::kSyncDirectory:
      if (absl::Status status = context_.files.SyncDirectory(context_.directory); !status.ok()) {
        return RetryLater(status);
      }
      stage_ = Stage::kInstallCurrent;
      return Progress::kMore;
    case Stage::kInstallCurrent:
      return InstallCurrent();
    case Stage::kSyncCurrent:
      if (absl::Status status = context_.files.SyncDirectory(context_.directory); !status.ok()) {
        return IsSyncNotBegun(status) ? WaitToRetry(status) : TurnSticky(status);
      }
      if (context_.files.failed_syncs(context_.directory) != failed_syncs_before_) {
        return TurnSticky(absl::InternalError(absl::StrCat(
            context_.directory, ": a directory sync failed while CURRENT was replaced")));
      }
      Replaced();
      return Progress::kMore;
    case Stage::kRefuse:
      stage_ = Stage::kTake;
      Tell(context_.health.WriteError());
      return Progress::kMore;
  }
  if (!edit_error_.ok()) {
    context_.Report(EventLevel::kError,
                    absl::StrCat("writing a manifest edit failed; the manifest is being replaced: ",
                                 edit_error_.message()));
    StartReplacing();
  }
  return Progress::kMore;
}

ManifestLog::Progress ManifestLog::Take() {
  MutexLock lock(mutex_);
  if (queue_.empty()) {
    running_ = false;
    return Progress::kIdle;
  }
  current_ = std::move(queue_.front());
  queue_.erase(queue_.begin());
  edit_error_ = context_.health.WriteError();
  // Once read-only, the edit is never written, and its owner keeps everything.
  stage_ = Stage::kAppend;
  if (!edit_error_.ok()) stage_ = Stage::kRefuse;
  return Progress::kMore;
}

bool ManifestLog::Oversized() const {
  return writer_->offset() > kLeastBytesToReplace &&
         writer_->offset() > kSnapshotsToReplace * snapshot_bytes_;
}

void ManifestLog::StartReplacing() {
  maker_.reset();
  installer_.reset();
  stage_ = Stage::kMake;
}

ManifestLog::Progress ManifestLog::Make() {
  if (maker_ == nullptr) {
    failed_syncs_before_ = context_.files.failed_syncs(context_.directory);
    const uint64_t number = context_.NewFileNumber();
    state_.next_file_number = std::max(state_.next_file_number, number + 1);
    maker_ = std::make_unique<ManifestMaker>(context_.files, context_.directory, context_.epoch,
                                             number, state_.Snapshot());
  }
  const absl::StatusOr<bool> finished = maker_->Advance();
  if (!finished.ok()) return RetryLater(finished.status());
  if (*finished) stage_ = Stage::kSyncDirectory;
  return Progress::kMore;
}

ManifestLog::Progress ManifestLog::InstallCurrent() {
  if (installer_ == nullptr) {
    if (context_.files.failed_syncs(context_.directory) != failed_syncs_before_) {
      return RetryLater(absl::InternalError(
          absl::StrCat(context_.directory, ": a directory sync failed while a manifest was made")));
    }
    installer_ =
        std::make_unique<CurrentInstaller>(context_.files, context_.directory, maker_->number());
  }
  const absl::StatusOr<bool> finished = installer_->Advance();
  if (!finished.ok()) {
    return installer_->rename_attempted() ? TurnSticky(finished.status())
                                          : RetryLater(finished.status());
  }
  if (*finished) stage_ = Stage::kSyncCurrent;
  return Progress::kMore;
}

void ManifestLog::Replaced() {
  context_.obsolete_files.Add(context_.Path(ManifestFileName(writer_->identity().number)));
  writer_ = maker_->TakeWriter();
  state_.manifest_number = writer_->identity().number;
  state_.edits = 1;  // the snapshot
  snapshot_bytes_ = writer_->offset();
  maker_.reset();
  installer_.reset();
  Bump(context_.counters.manifest_rotations);
  context_.ReportDone(SoftWork::kManifest, "replacing the manifest");
  stage_ = Stage::kTake;
  if (!edit_error_.ok()) Tell(edit_error_);
}

ManifestLog::Progress ManifestLog::RetryLater(const absl::Status& status) {
  // Nothing names the new manifest yet; a file that was there already is somebody else's.
  if (installer_ != nullptr || !absl::IsAlreadyExists(status)) {
    context_.obsolete_files.Add(context_.Path(ManifestFileName(maker_->number())));
  }
  StartReplacing();
  return WaitToRetry(status);
}

ManifestLog::Progress ManifestLog::WaitToRetry(const absl::Status& status) {
  context_.ReportRetry(SoftWork::kManifest, "replacing the manifest", status);
  on_failed_();
  {
    MutexLock lock(mutex_);
    running_ = false;
    waiting_to_retry_ = true;
  }
  context_.background.After(Priority::kPrepare, context_.options.retry_interval_ns,
                            [this] { RetryNow(); });
  return Progress::kWaiting;
}

ManifestLog::Progress ManifestLog::TurnSticky(const absl::Status& status) {
  context_.TurnReadOnly("replacing the manifest", status);
  stage_ = Stage::kRefuse;
  on_failed_();
  return Progress::kMore;
}

void ManifestLog::Tell(const absl::Status& status) {
  // A replacement that only keeps the manifest short has nobody to tell.
  if (const Done done = std::exchange(current_.done, nullptr)) done(status);
}

}  // namespace lumen
