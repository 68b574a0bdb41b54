#include "engine/core/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/recovery.h"

namespace lumen {
namespace {

// The copy's WAL stays empty: whoever opens it makes a segment of the configured size.
constexpr uint64_t kEmptyWalBytes = 64 << 10;

std::vector<TableRecord> RecordsOf(const Version& version) {
  std::vector<TableRecord> records;
  for (int level = 0; level < Version::kLevels; ++level) {
    for (const TablePtr& table : version.level(level)) {
      records.push_back({level, table->number(), table->summary()});
    }
  }
  return records;
}

constexpr char kTemporaryEnd[] = ".tmp";

std::string NameOf(const std::string& target) { return target.substr(target.rfind('/') + 1); }

std::string TemporaryBeside(const std::string& target) {
  return absl::StrCat(ParentDirectory(target), "/.", NameOf(target), kTemporaryEnd);
}

absl::Status CheckName(const std::string& target) {
  const std::string name = NameOf(target);
  if (!name.empty() && !(name.starts_with('.') && name.ends_with(kTemporaryEnd))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", target, "' is no name for a checkpoint: .NAME.tmp is that of an unfinished one"));
}

uint64_t NumberAbove(const std::vector<TableRecord>& tables) {
  uint64_t number = 1;
  for (const TableRecord& table : tables) number = std::max(number, table.number + 1);
  return number;
}

}  // namespace

Checkpoint::Checkpoint(EngineContext& context, ReadStatePtr state, std::string target)
    : context_(context),
      state_(std::move(state)),
      target_(std::move(target)),
      temporary_(TemporaryBeside(target_)),
      epoch_(context.env.random.Next64()),
      next_sequence_(state_->flushed_sequence() + 1),
      tables_(RecordsOf(*state_->version)),
      number_(NumberAbove(tables_)),
      wal_(context.files, temporary_, {FramedFileKind::kWal, epoch_, number_}, kEmptyWalBytes),
      manifest_(MakeManifest()),
      current_(context.files, temporary_, number_ + 1) {}

ManifestMaker Checkpoint::MakeManifest() const {
  VersionEdit snapshot;
  snapshot.added = tables_;
  snapshot.wal_floor = number_;
  snapshot.wal_floor_first_sequence = next_sequence_;
  snapshot.next_file_number = number_ + 2;
  snapshot.next_sequence = next_sequence_;
  return ManifestMaker(context_.files, temporary_, epoch_, number_ + 1, snapshot);
}

absl::StatusOr<bool> Checkpoint::Advance() {
  DirectoryWatch& files = context_.files;
  const auto go_on_after = [this](const absl::StatusOr<bool>& finished,
                                  Stage next) -> absl::StatusOr<bool> {
    if (finished.ok() && *finished) stage_ = next;
    if (!finished.ok()) return finished.status();
    return false;
  };
  switch (stage_) {
    case Stage::kCheckTarget: {
      RETURN_IF_ERROR(CheckName(target_));
      ASSIGN_OR_RETURN(const bool exists, files.Exists(target_));
      if (exists)
        return absl::AlreadyExistsError(
            absl::StrCat(target_, ": exists; a checkpoint wants a new name"));
      stage_ = Stage::kMakeParents;
      return false;
    }
    case Stage::kMakeParents:
      RETURN_IF_ERROR(CreateDirectories(files, ParentDirectory(target_)));
      stage_ = Stage::kListLeftover;
      return false;
    case Stage::kListLeftover:
      RETURN_IF_ERROR(ListLeftover());
      return false;
    case Stage::kRemoveLeftover:
      RETURN_IF_ERROR(RemoveLeftover());
      return false;
    case Stage::kCreateDirectory:
      RETURN_IF_ERROR(files.CreateDirectory(temporary_));
      stage_ = Stage::kLink;
      return false;
    case Stage::kLink:
      RETURN_IF_ERROR(LinkNext());
      return false;
    case Stage::kWal:
      return go_on_after(wal_.Advance(), Stage::kManifest);
    case Stage::kManifest:
      return go_on_after(manifest_.Advance(), Stage::kSyncNames);
    case Stage::kSyncNames:
      RETURN_IF_ERROR(files.SyncDirectory(temporary_));
      stage_ = Stage::kCurrent;
      return false;
    case Stage::kCurrent:
      return go_on_after(current_.Advance(), Stage::kSyncCurrent);
    case Stage::kSyncCurrent:
      RETURN_IF_ERROR(files.SyncDirectory(temporary_));
      stage_ = Stage::kRename;
      return false;
    case Stage::kRename:
      // Only where that is the database's own directory do other jobs sync it meanwhile.
      failed_syncs_before_ = files.failed_syncs(ParentDirectory(target_));
      RETURN_IF_ERROR(files.Rename(temporary_, target_));
      stage_ = Stage::kSyncParent;
      return false;
    case Stage::kSyncParent:
      break;
  }
  RETURN_IF_ERROR(files.SyncDirectory(ParentDirectory(target_)));
  if (files.failed_syncs(ParentDirectory(target_)) != failed_syncs_before_) {
    return absl::InternalError(absl::StrCat(
        target_, ": a directory sync failed meanwhile; whether the name is durable is unknown"));
  }
  return true;
}

absl::Status Checkpoint::ListLeftover() {
  ASSIGN_OR_RETURN(const bool exists, context_.files.Exists(temporary_));
  stage_ = Stage::kCreateDirectory;
  if (!exists) return absl::OkStatus();
  ASSIGN_OR_RETURN(leftover_, context_.files.List(temporary_));
  stage_ = Stage::kRemoveLeftover;
  return absl::OkStatus();
}

absl::Status Checkpoint::RemoveLeftover() {
  if (leftover_.empty()) {
    stage_ = Stage::kCreateDirectory;
    return context_.files.RemoveDirectory(temporary_);
  }
  // Only what a checkpoint makes: anything else in there is somebody's.
  const std::string name = leftover_.back();
  leftover_.pop_back();
  if (ParseFileName(name).kind == FileKind::kUnknown) {
    return absl::AlreadyExistsError(
        absl::StrCat(temporary_, "/", name, ": is in the way of the checkpoint"));
  }
  return context_.files.Remove(temporary_ + "/" + name);
}

absl::Status Checkpoint::LinkNext() {
  if (linked_ == tables_.size()) {
    stage_ = Stage::kWal;
    return absl::OkStatus();
  }
  const std::string name = TableFileName(tables_[linked_++].number);
  return context_.files.Link(context_.Path(name), temporary_ + "/" + name);
}

}  // namespace lumen
