#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen {

// The error of a file operation, as engine/file_system.h maps it: "path: operation: strerror". One
// function for every file system, so that a test in memory reads the message a disk would give.
absl::Status ErrnoStatus(const std::string& path, std::string_view operation, int error_number);

// Which of two things RESOURCE_EXHAUSTED says of a file operation: that the disk is full, or that
// there are too many open files, for which no room on the disk helps.
bool IsTooManyFiles(const absl::Status& error);
bool IsDiskFull(const absl::Status& error);
// The same error with words before its own; what the functions here ask stays true of it.
absl::Status WithPrefix(std::string_view prefix, const absl::Status& error);

// Says of a SyncDirectory that failed that it gave up before the sync, because the directory could
// not be opened: no pending name was dropped, and a later sync may still write all of them.
absl::Status SyncNotBegun(absl::Status error);
bool IsSyncNotBegun(const absl::Status& error);

// Why FileSystem::Lock refuses. Quotes the first kMostOwnerBytes of what the lock file holds.
inline constexpr size_t kMostOwnerBytes = 256;
absl::Status LockHeldStatus(const std::string& path, std::string_view owner);

// Why FileLock::StillHeld says no, of the lock on `path`.
absl::Status DirectoryLostStatus(const std::string& path);
absl::Status LockReplacedStatus(const std::string& path);

}  // namespace lumen
