#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/errno_status.h"
#include "engine/forwarding_file_system.h"

namespace lumen {

// Passes every call on, holds the database's lock, and counts the failed syncs of each directory.
//
// Failed syncs: after one, entries that were pending may never become durable although a later sync
// of the same directory returns OK; so whoever makes a file compares the count from before its
// creation with the count after its own directory sync, and starts over under a new name where they
// differ. Directories are told apart by their paths, not followed through symbolic links. A path
// that may name the same one, because one of the two is relative, counts as it.
//
// The lock: names lead to whatever is in the directory's place now, so no name is made, changed or
// removed once the lock says that this is another directory. And a name counts only once its
// directory was synced, after which the lock is asked again: what was made meanwhile was made in
// the locked directory, or the sync is refused. Between a question and the call behind it a file
// may still get into the wrong directory; nothing ever names it.
class DirectoryWatch : public ForwardingFileSystem {
 public:
  explicit DirectoryWatch(FileSystem& inner) : ForwardingFileSystem(inner) {}

  // Locks `path`. `on_lost` runs, on any thread and any number of times, with what StillHeld says
  // once that is FAILED_PRECONDITION. Before any other thread knows of this object.
  absl::Status TakeLock(const std::string& path, std::string_view owner,
                        std::function<void(const absl::Status&)> on_lost) {
    ASSIGN_OR_RETURN(lock_, ForwardingFileSystem::Lock(path, owner));
    on_lost_ = std::move(on_lost);
    return absl::OkStatus();
  }
  // Once no call is under way, nor will be.
  void ReleaseLock() { lock_.reset(); }

  uint64_t failed_syncs(const std::string& directory) const EXCLUDES(counts_mutex_) {
    MutexLock lock(counts_mutex_);
    uint64_t count = failed_elsewhere_;
    if (failed_syncs_.empty()) return count;  // asked before each file that is made
    const std::string asked = Normal(directory);
    for (const auto& [path, failed] : failed_syncs_) {
      if (path == asked || IsAbsolute(path) != IsAbsolute(asked)) count += failed;
    }
    return count;
  }

  absl::Status SyncDirectory(const std::string& directory) override EXCLUDES(mutex_) {
    RETURN_IF_ERROR(CountedSync(directory));
    return CheckLock();
  }

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::CreateLogFile(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::Rename(from, to);
  }
  absl::Status Link(const std::string& existing, const std::string& added) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::Link(existing, added);
  }
  absl::Status Remove(const std::string& path) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::Remove(path);
  }
  absl::Status CreateDirectory(const std::string& path) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::CreateDirectory(path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    RETURN_IF_ERROR(CheckLock());
    return ForwardingFileSystem::RemoveDirectory(path);
  }

 private:
  // Directories whose failures are told apart; those of further ones count for every directory.
  static constexpr size_t kMostDirectories = 256;

  static std::string Normal(const std::string& directory);
  static bool IsAbsolute(const std::string& path) { return path.starts_with('/'); }

  void Count(const std::string& directory) EXCLUDES(counts_mutex_) {
    MutexLock lock(counts_mutex_);
    if (failed_syncs_.size() < kMostDirectories || failed_syncs_.contains(directory)) {
      ++failed_syncs_[directory];
    } else {
      ++failed_elsewhere_;
    }
  }

  absl::Status CountedSync(const std::string& directory) EXCLUDES(mutex_) {
    // Held across the I/O: a failure must be counted before another sync, which then has nothing
    // left to write, can return OK.
    MutexLock lock(mutex_);
    absl::Status status = ForwardingFileSystem::SyncDirectory(directory);
    if (!status.ok() && !IsSyncNotBegun(status)) Count(Normal(directory));
    return status;
  }

  absl::Status CheckLock() {
    if (lock_ == nullptr) return absl::OkStatus();
    absl::Status status = lock_->StillHeld();
    if (absl::IsFailedPrecondition(status)) on_lost_(status);
    return status;
  }

  std::unique_ptr<FileLock> lock_;
  std::function<void(const absl::Status&)> on_lost_;
  Mutex mutex_;                 // one sync at a time
  mutable Mutex counts_mutex_;  // held for no I/O: who makes a segment asks on a commit thread
  std::map<std::string, uint64_t> failed_syncs_ GUARDED_BY(counts_mutex_);  // by normal path
  uint64_t failed_elsewhere_ GUARDED_BY(counts_mutex_) = 0;
};

}  // namespace lumen
