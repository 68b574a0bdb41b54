#pragma once

#include "engine/file_system.h"

namespace lumen {

// Files of a Linux kernel. What each call does beyond the contract in engine/file_system.h:
//   LogFile      pwrite at its own offset. Starts write-back (sync_file_range) about every MiB, so
//                that the next Sync is short; that promises nothing. Allocate is fallocate; on a
//                file system without it the file is only made longer, and appends inside the
//                reservation may still meet ENOSPC. In a reservation that is synced often, an
//                Append now and then writes zeros behind its data (docs/decisions/0009).
//   Lock         flock(2), of the directory and of the file: belongs to the open file, so it
//                excludes this process too. A process forked while it is held keeps it until it
//                exits or calls exec. On NFS the directory's holds on this machine only.
class PosixFileSystem final : public FileSystem {
 public:
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
};

}  // namespace lumen
