#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The only way the engine reaches a disk. Implementations: PosixFileSystem
// (engine/posix_environment.h), MemoryFileSystem (engine/memory_file_system.h), and the crash
// tester's simulated volume.
//
// What survives, for every implementation:
//   process crash   whatever Append, Rename, Link, Remove, CreateDirectory returned OK for.
//   power loss      of a file: what was appended before the start of the last LogFile::Sync that
//   returned OK;
//                   of a name: what was done before the start of the last SyncDirectory of its
//                   directory that returned OK. A file's Sync never makes its name durable, and a
//                   rename syncs nothing.
//
// Errors are absl::Status whose message starts with the path: NOT_FOUND (no such name),
// ALREADY_EXISTS, RESOURCE_EXHAUSTED (ENOSPC, EDQUOT, EMFILE, ENFILE), PERMISSION_DENIED (EACCES,
// EPERM, EROFS), INTERNAL (EIO and all others). After any error of a call that changes something,
// whether it took effect is unknown.
namespace lumen {

// A file under construction: created empty, written once from front to back, then closed. After an
// error every later call returns that error and does nothing. Not thread-safe, except that offset()
// and durable_offset() may be read while another thread is inside Sync().
class LogFile {
 public:
  // Closes the file; promises nothing about what was not synced.
  virtual ~LogFile() = default;

  // Reserves `size_bytes` of space and makes the file that long; what was not appended reads as
  // zeros. The append position does not move. Appends inside the reservation do not meet ENOSPC
  // once a Sync has returned OK.
  virtual absl::Status Allocate(uint64_t size_bytes) = 0;

  // Adds `data` at the append position. OK: it survives a process crash. Error: an unknown part of
  // it was written; the caller must not append to this file again.
  virtual absl::Status Append(std::string_view data) = 0;

  // fdatasync: data and size. OK: every byte appended before this call started survives power loss
  // (the name does not). Error: nothing may be assumed of any byte since the last OK, and a retry
  // proves nothing.
  virtual absl::Status Sync() = 0;

  // End of what was appended, and of what the last successful Sync covered. Bytes.
  virtual uint64_t offset() const = 0;
  virtual uint64_t durable_offset() const = 0;
};

// An existing file, opened for random reads. Thread-safe.
class ReadFile {
 public:
  virtual ~ReadFile() = default;

  // Fills `out` from `offset`; returns the bytes read, fewer than out.size() only at the end of the
  // file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const = 0;

  // The same bytes without a copy where the implementation holds them in memory anyway; valid as
  // long as this object. Empty where it does not, or where the range passes the end of the file.
  virtual std::optional<std::string_view> View(uint64_t offset, size_t length) const {
    (void)offset, (void)length;
    return std::nullopt;
  }

  // Size when opened.
  virtual uint64_t size() const = 0;

  // From here to its end the file now reads as zeros; not always the first such place, and size()
  // where the implementation does not know. Preallocated files mostly consist of such a tail.
  virtual uint64_t data_end() const { return size(); }
};

// Held from Lock() until destruction, or until the process dies. Thread-safe.
class FileLock {
 public:
  virtual ~FileLock() = default;

  // Whether the path that was given to Lock() still leads into the directory that was locked, so
  // that what is done by name there is done in it. FAILED_PRECONDITION: that directory was moved,
  // removed or replaced, or the file was replaced by another one, and somebody else may hold what
  // the path leads to. Any other error: it cannot be told. A file that is only gone is no loss: the
  // directory is still held.
  virtual absl::Status StillHeld() const = 0;
};

// Paths are bytes with '/' between components. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Creates `path`, which must not exist (ALREADY_EXISTS). No file is ever opened for append a
  // second time.
  virtual absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) = 0;

  // Atomic: afterwards, and after any crash, `to` names the old or the new file, never neither.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Link(const std::string& existing, const std::string& added) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;

  virtual absl::Status CreateDirectory(const std::string& path) = 0;
  // The directory must be empty.
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;
  // Names, without "." and "..", sorted bytewise.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // An error leaves in doubt whether what was pending will ever be durable, unless it is marked as
  // SyncNotBegun (engine/errno_status.h).
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;

  // A directory counts as existing.
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  virtual absl::StatusOr<uint64_t> FileSize(const std::string& path) = 0;
  // Bytes that an unprivileged writer may still use.
  virtual absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) = 0;

  // Takes the lock on `path` and on the directory that it is in, creating the file where needed,
  // and writes `owner` into it for people to read. FAILED_PRECONDITION, naming the recorded owner,
  // when either is held, by another process or by this one: removing the file lets nobody in.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                         std::string_view owner) = 0;
};

// "/a" of "/a/b", "/" of "/a", "." of "b".
std::string ParentDirectory(const std::string& path);

}  // namespace lumen
