#include "faultfs/volume/open_files.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/errno_status.h"

namespace lumen::faultfs {
namespace {

class VolumeLogFile final : public LogFile {
 public:
  VolumeLogFile(std::string path, std::shared_ptr<ProcessLife> life, InodeNumber inode)
      : path_(std::move(path)), life_(std::move(life)), inode_(inode) {}
  ~VolumeLogFile() override {
    if (!life_->alive()) return;
    life_->volume().TellAside("close", path_);
    life_->Close(inode_);
  }

  absl::Status Allocate(uint64_t size_bytes) override;
  absl::Status Append(std::string_view data) override;
  absl::Status Sync() override;
  uint64_t offset() const override { return offset_; }
  uint64_t durable_offset() const override { return durable_offset_; }

 private:
  template <typename Act>
  absl::Status Run(Request request, Act act);

  const std::string path_;
  const std::shared_ptr<ProcessLife> life_;
  const InodeNumber inode_;
  absl::Status error_;  // the first failure but of a sync, which every later call repeats
  uint64_t offset_ = 0;
  uint64_t durable_offset_ = 0;
};

template <typename Act>
absl::Status VolumeLogFile::Run(Request request, Act act) {
  RETURN_IF_ERROR(error_);
  if (!life_->alive()) return ProcessLife::Killed(path_);
  request.call.path = path_;
  request.inode = inode_;
  error_ = life_->volume().Run(request, act);
  return error_;
}

absl::Status VolumeLogFile::Allocate(uint64_t size_bytes) {
  return Run({.call = {.kind = CallKind::kAllocate, .length = size_bytes}, .verb = "allocate"},
             [&](const CallEffect&) { return life_->volume().tree.Allocate(inode_, size_bytes); });
}

absl::Status VolumeLogFile::Append(std::string_view data) {
  RETURN_IF_ERROR(Run(
      {.call = {.kind = CallKind::kAppend, .offset = offset_, .length = data.size()},
       .verb = "append",
       .data = data},
      [&](const CallEffect& effect) {
        return life_->volume().tree.Append(inode_, offset_, data.substr(0, effect.append_bytes));
      }));
  offset_ += data.size();
  return absl::OkStatus();
}

absl::Status VolumeLogFile::Sync() {
  RETURN_IF_ERROR(error_);
  const absl::Status synced =
      Run({.call = {.kind = CallKind::kSync, .offset = offset_}, .verb = "sync"},
          [&](const CallEffect& effect) {
            life_->volume().tree.Sync(inode_, effect.sync, effect.seed);
            return 0;
          });
  // PosixLogFile is dead after a failed sync. Here a program that tries again gets what the kernel
  // would tell it, an OK, so that a tester sees what comes of it: docs/fault_model.md, section 2.
  error_ = absl::OkStatus();
  RETURN_IF_ERROR(synced);
  durable_offset_ = offset_;
  return absl::OkStatus();
}

class VolumeReadFile final : public ReadFile {
 public:
  VolumeReadFile(std::string path, std::shared_ptr<ProcessLife> life, InodeNumber inode)
      : path_(std::move(path)),
        life_(std::move(life)),
        inode_(inode),
        size_bytes_(life_->volume().tree.Bytes(inode).size()) {}
  ~VolumeReadFile() override {
    if (life_->alive()) life_->Close(inode_);
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override;
  std::optional<std::string_view> View(uint64_t offset, size_t length) const override;
  uint64_t size() const override { return size_bytes_; }
  uint64_t data_end() const override;

 private:
  const FileBytes& Hold() const;

  const std::string path_;
  const std::shared_ptr<ProcessLife> life_;
  const InodeNumber inode_;
  const uint64_t size_bytes_;
  // What Views look at: the file as it was when they were given.
  mutable std::vector<std::shared_ptr<const FileBytes>> held_;
};

absl::StatusOr<size_t> VolumeReadFile::ReadAt(uint64_t offset, std::span<char> out) const {
  if (!life_->alive()) return ProcessLife::Killed(path_);
  Request request = {
      .call = {.kind = CallKind::kRead, .path = path_, .offset = offset, .length = out.size()},
      .verb = "read",
      .inode = inode_,
      .out = out};
  RETURN_IF_ERROR(life_->volume().Run(request, [&](const CallEffect&) {
    request.answer = life_->volume().tree.Bytes(inode_).Read(offset, out.data(), out.size());
    return 0;
  }));
  return static_cast<size_t>(request.answer);
}

const FileBytes& VolumeReadFile::Hold() const {
  const VolumeTree& tree = life_->volume().tree;
  // What is held does not change in place, so the same address means the same bytes.
  if (held_.empty() || held_.back().get() != &tree.Bytes(inode_)) {
    held_.push_back(tree.ShareBytes(inode_));
  }
  return *held_.back();
}

// Has no error to give, so that with faults every read has to be a ReadAt.
std::optional<std::string_view> VolumeReadFile::View(uint64_t offset, size_t length) const {
  if (!life_->alive() || !life_->volume().may_view()) return std::nullopt;
  const std::optional<std::string_view> view = Hold().View(offset, length);
  if (view) life_->volume().CountView(path_, offset, length);
  return view;
}

// With faults the whole file is read, so that they can be where nothing was written, too.
uint64_t VolumeReadFile::data_end() const {
  if (!life_->alive() || !life_->volume().may_view()) return size_bytes_;
  return std::min(size_bytes_, life_->volume().tree.Bytes(inode_).data_end());
}

class VolumeFileLock final : public FileLock {
 public:
  VolumeFileLock(std::string path, std::shared_ptr<ProcessLife> life, InodeNumber directory,
                 InodeNumber inode)
      : path_(std::move(path)), life_(std::move(life)), directory_(directory), inode_(inode) {}
  ~VolumeFileLock() override {
    if (!life_->alive()) return;
    life_->volume().TellAside("unlock", path_);
    life_->Release(directory_, inode_);
  }

  // No call of its own: it changes nothing, and no device takes part in it.
  absl::Status StillHeld() const override {
    if (!life_->alive()) return ProcessLife::Killed(path_);
    InodeNumber directory = 0;
    InodeNumber there = 0;
    if (life_->volume().tree.FindEntry(path_, &directory, &there) != 0 || directory != directory_) {
      return DirectoryLostStatus(path_);
    }
    return there == 0 || there == inode_ ? absl::OkStatus() : LockReplacedStatus(path_);
  }

 private:
  const std::string path_;
  const std::shared_ptr<ProcessLife> life_;
  const InodeNumber directory_;
  const InodeNumber inode_;
};

}  // namespace

std::unique_ptr<LogFile> NewLogFile(std::string path, std::shared_ptr<ProcessLife> life,
                                    InodeNumber inode) {
  life->Open(inode);
  return std::make_unique<VolumeLogFile>(std::move(path), std::move(life), inode);
}

std::unique_ptr<ReadFile> NewReadFile(std::string path, std::shared_ptr<ProcessLife> life,
                                      InodeNumber inode) {
  life->Open(inode);
  return std::make_unique<VolumeReadFile>(std::move(path), std::move(life), inode);
}

std::unique_ptr<FileLock> NewFileLock(std::string path, std::shared_ptr<ProcessLife> life,
                                      InodeNumber directory, InodeNumber inode) {
  life->Hold(directory, inode);
  return std::make_unique<VolumeFileLock>(std::move(path), std::move(life), directory, inode);
}

}  // namespace lumen::faultfs
