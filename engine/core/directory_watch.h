#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/errno_status.h"
#include "engine/file_system.h"

namespace lumen {

// Passes every call on and counts the failed syncs of each directory. After one, entries that were
// pending may never become durable although a later sync of the same directory returns OK; so
// whoever makes a file compares the count from before its creation with the count after its own
// directory sync, and starts over under a new name where they differ.
//
// Directories are told apart by their paths, not followed through symbolic links. A path that may
// name the same one, because one of the two is relative, counts as it.
class DirectoryWatch : public FileSystem {
 public:
  explicit DirectoryWatch(FileSystem& inner) : inner_(inner) {}

  uint64_t failed_syncs(const std::string& directory) const EXCLUDES(mutex_) {
    const std::string asked = Normal(directory);
    MutexLock lock(mutex_);
    uint64_t count = failed_elsewhere_;
    for (const auto& [path, failed] : failed_syncs_) {
      if (path == asked || IsAbsolute(path) != IsAbsolute(asked)) count += failed;
    }
    return count;
  }

  absl::Status SyncDirectory(const std::string& directory) override EXCLUDES(mutex_) {
    // Held across the I/O: a failure must be counted before another sync, which then has nothing
    // left to write, can return OK.
    MutexLock lock(mutex_);
    absl::Status status = inner_.SyncDirectory(directory);
    if (!status.ok() && !IsSyncNotBegun(status)) Count(Normal(directory));
    return status;
  }

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override {
    return inner_.CreateLogFile(path);
  }
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override {
    return inner_.OpenReadFile(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return inner_.Rename(from, to);
  }
  absl::Status Link(const std::string& existing, const std::string& added) override {
    return inner_.Link(existing, added);
  }
  absl::Status Remove(const std::string& path) override { return inner_.Remove(path); }
  absl::Status CreateDirectory(const std::string& path) override {
    return inner_.CreateDirectory(path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    return inner_.RemoveDirectory(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return inner_.List(directory);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return inner_.Exists(path); }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    return inner_.FileSize(path);
  }
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override {
    return inner_.FreeSpace(directory);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override {
    return inner_.Lock(path, owner);
  }

 private:
  // Directories whose failures are told apart; those of further ones count for every directory.
  static constexpr size_t kMostDirectories = 256;

  static std::string Normal(const std::string& directory);
  static bool IsAbsolute(const std::string& path) { return path.starts_with('/'); }

  void Count(const std::string& directory) REQUIRES(mutex_) {
    if (failed_syncs_.size() < kMostDirectories || failed_syncs_.contains(directory)) {
      ++failed_syncs_[directory];
    } else {
      ++failed_elsewhere_;
    }
  }

  FileSystem& inner_;
  mutable Mutex mutex_;
  std::map<std::string, uint64_t> failed_syncs_ GUARDED_BY(mutex_);  // by normal path
  uint64_t failed_elsewhere_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lumen
