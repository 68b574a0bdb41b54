#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/file_system.h"

namespace lumen {

// Passes every call on and counts failed directory syncs. After one, entries that were pending may
// never become durable although a later sync of the same directory returns OK; so whoever makes a
// file compares the count from before its creation with the count after its own directory sync, and
// starts over under a new name where they differ.
class DirectoryWatch : public FileSystem {
 public:
  explicit DirectoryWatch(FileSystem& inner) : inner_(inner) {}

  uint64_t failed_syncs() const { return failed_syncs_.load(std::memory_order_acquire); }

  absl::Status SyncDirectory(const std::string& directory) override EXCLUDES(mutex_) {
    // Held across the I/O: a failure must be counted before another sync, which then has nothing
    // left to write, can return OK.
    MutexLock lock(mutex_);
    absl::Status status = inner_.SyncDirectory(directory);
    if (!status.ok()) failed_syncs_.fetch_add(1, std::memory_order_acq_rel);
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
  FileSystem& inner_;
  Mutex mutex_;
  std::atomic<uint64_t> failed_syncs_{0};
};

}  // namespace lumen
