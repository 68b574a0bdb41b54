#include "engine/manifest/manifest_file.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace lumen {

FramedFileWriter::Frame ManifestFrame(uint64_t ordinal) {
  return {.type = FrameType::kData,
          .flags = kFrameSync,
          .operation_count = 1,
          .first_sequence = ordinal};
}

ManifestMaker::ManifestMaker(FileSystem& file_system, std::string directory, uint64_t epoch,
                             uint64_t number, const VersionEdit& snapshot)
    : file_system_(file_system),
      directory_(std::move(directory)),
      identity_{.kind = FramedFileKind::kManifest, .epoch = epoch, .number = number},
      snapshot_(snapshot.Encode()) {
  CHECK(snapshot.wal_floor.has_value());
  CHECK(snapshot.next_file_number.has_value());
  CHECK(snapshot.next_sequence.has_value());
}

absl::StatusOr<bool> ManifestMaker::Advance() {
  switch (stage_) {
    case Stage::kCreate: {
      ASSIGN_OR_RETURN(
          file_, file_system_.CreateLogFile(directory_ + "/" + ManifestFileName(identity_.number)));
      stage_ = Stage::kHeader;
      return false;
    }
    case Stage::kHeader:
      RETURN_IF_ERROR(file_->Append(EncodeFileHeader({.identity = identity_, .file_bytes = 0})));
      writer_ = std::make_unique<FramedFileWriter>(std::move(file_), identity_);
      stage_ = Stage::kSnapshot;
      return false;
    case Stage::kSnapshot: {
      const std::string_view piece = snapshot_;
      RETURN_IF_ERROR(writer_->Append(ManifestFrame(1), {&piece, 1}));
      stage_ = Stage::kSync;
      return false;
    }
    case Stage::kSync:
      // One sync covers header and snapshot: nothing names this file yet, so it need not be
      // readable in between.
      RETURN_IF_ERROR(writer_->Sync());
      stage_ = Stage::kDone;
      return true;
    case Stage::kDone:
      return true;
  }
  return true;
}

std::unique_ptr<FramedFileWriter> ManifestMaker::TakeWriter() {
  CHECK(stage_ == Stage::kDone);
  CHECK(writer_ != nullptr);
  return std::move(writer_);
}

CurrentInstaller::CurrentInstaller(FileSystem& file_system, std::string directory,
                                   uint64_t manifest_number)
    : file_system_(file_system),
      temporary_(directory + "/CURRENT.tmp"),
      current_(directory + "/CURRENT"),
      manifest_number_(manifest_number) {}

absl::StatusOr<bool> CurrentInstaller::Advance() {
  switch (stage_) {
    case Stage::kRemove: {
      const absl::Status removed = file_system_.Remove(temporary_);
      if (!absl::IsNotFound(removed)) RETURN_IF_ERROR(removed);
      stage_ = Stage::kCreate;
      return false;
    }
    case Stage::kCreate: {
      ASSIGN_OR_RETURN(file_, file_system_.CreateLogFile(temporary_));
      stage_ = Stage::kAppend;
      return false;
    }
    case Stage::kAppend:
      RETURN_IF_ERROR(file_->Append(EncodeCurrent(manifest_number_)));
      stage_ = Stage::kSync;
      return false;
    case Stage::kSync:
      // Before the rename: the name must never lead to bytes that are not durable.
      RETURN_IF_ERROR(file_->Sync());
      file_.reset();
      stage_ = Stage::kRename;
      return false;
    case Stage::kRename:
      rename_attempted_ = true;
      RETURN_IF_ERROR(file_system_.Rename(temporary_, current_));
      stage_ = Stage::kDone;
      return true;
    case Stage::kDone:
      return true;
  }
  return true;
}

}  // namespace lumen
