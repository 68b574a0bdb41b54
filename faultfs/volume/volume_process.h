#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/volume.h"
#include "faultfs/volume/volume_state.h"

namespace lumen::faultfs {

// What a program has open; shared with its open files, which may outlive it.
class ProcessLife {
 public:
  explicit ProcessLife(std::shared_ptr<VolumeState> volume) : volume_(std::move(volume)) {}

  VolumeState& volume() { return *volume_; }
  bool alive() const { return alive_; }
  // ABORTED: what a dead process is told.
  static absl::Status Killed(std::string_view path);

  void Open(InodeNumber inode);
  void Close(InodeNumber inode);
  // A lock that was taken, of a directory and a file in it.
  void Hold(InodeNumber directory, InodeNumber inode);
  void Release(InodeNumber directory, InodeNumber inode);
  void Kill();

 private:
  const std::shared_ptr<VolumeState> volume_;
  bool alive_ = true;
  std::vector<InodeNumber> open_;
  std::vector<std::pair<InodeNumber, InodeNumber>> held_;
};

class VolumeProcess final : public Volume::Process {
 public:
  explicit VolumeProcess(std::shared_ptr<VolumeState> volume)
      : life_(std::make_shared<ProcessLife>(std::move(volume))) {}

  void Kill() override { life_->Kill(); }

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& existing, const std::string& added) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override;

 private:
  template <typename Act>
  absl::Status Run(Request request, Act act);

  const std::shared_ptr<ProcessLife> life_;
};

}  // namespace lumen::faultfs
