#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"

namespace lumen {

// Passes every call on: a base for file systems that change some of them. As thread-safe as what
// it passes them on to.
class ForwardingFileSystem : public FileSystem {
 public:
  // Borrows `target`.
  explicit ForwardingFileSystem(FileSystem& target) : target_(target) {}

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override {
    return target_.CreateLogFile(path);
  }
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override {
    return target_.OpenReadFile(path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    return target_.Rename(from, to);
  }
  absl::Status Link(const std::string& existing, const std::string& added) override {
    return target_.Link(existing, added);
  }
  absl::Status Remove(const std::string& path) override { return target_.Remove(path); }

  absl::Status CreateDirectory(const std::string& path) override {
    return target_.CreateDirectory(path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    return target_.RemoveDirectory(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return target_.List(directory);
  }
  absl::Status SyncDirectory(const std::string& directory) override {
    return target_.SyncDirectory(directory);
  }

  absl::StatusOr<bool> Exists(const std::string& path) override { return target_.Exists(path); }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    return target_.FileSize(path);
  }
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override {
    return target_.FreeSpace(directory);
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override {
    return target_.Lock(path, owner);
  }

 protected:
  FileSystem& target() { return target_; }

 private:
  FileSystem& target_;
};

}  // namespace lumen
