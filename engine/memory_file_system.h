#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"

namespace lumen {

// Files in memory with the persistence rules of engine/file_system.h and no faults of its own:
// inodes apart from directory entries, a durable and a current version of each. Starts with an
// empty root directory; "a/b", "/a/b" and "a/b/" are the same, ".." is refused. Errors, and their
// messages, are those of PosixFileSystem. ReadFile::View answers for most ranges that lie in what
// was appended. Thread-safe. Deterministic. Open files may outlive it.
class MemoryFileSystem final : public FileSystem {
 public:
  enum class Operation {
    kCreate,
    kAllocate,
    kAppend,
    kSync,
    kOpen,
    kRead,
    kRename,
    kLink,
    kRemove,
    kCreateDirectory,
    kRemoveDirectory,
    kList,
    kSyncDirectory,
    kExists,
    kFileSize,
    kFreeSpace,
    kLock,
  };
  enum class Crash {
    kProcess,    // everything that returned OK is there; what was not synced stays unsynced
    kPowerLoss,  // of each file what its last Sync covered, of each directory the names that its
                 // last SyncDirectory covered, and of these what is still reached from the root
  };

  // Sees every operation on paths and open files before it happens, a Link or Rename with the old
  // name. An error becomes the operation's result and nothing else happens. No lock is held: it may
  // use the file system, but must be thread-safe if its callers are.
  using Hook = std::function<absl::Status(Operation, const std::string& path)>;

  static constexpr uint64_t kUnlimited = uint64_t{1} << 60;

  // `capacity_bytes` bounds the sum of the sizes of all files, open ones without a name included.
  // An Append that meets it writes what fits.
  explicit MemoryFileSystem(uint64_t capacity_bytes = kUnlimited);
  ~MemoryFileSystem() override;

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

  // What a machine finds after the crash: a file system of its own, without open files, locks and
  // hook. This one goes on. Cheap: full chunks of files are shared.
  std::unique_ptr<MemoryFileSystem> CrashCopy(Crash crash) const;

  // An empty one removes the hook.
  void SetHook(Hook hook);
  void SetCapacity(uint64_t capacity_bytes);

  // For tests, past the hook. Those that change a file change the medium itself: afterwards the
  // whole file counts as synced.
  absl::StatusOr<std::string> ReadWhole(const std::string& path) const;
  // Creates or replaces the file, its content and its name durable, and the names of its
  // directories too, which must exist.
  absl::Status WriteWhole(const std::string& path, std::string_view content);
  // Puts `data` over the bytes at `offset`; fails beyond the end of the file.
  absl::Status Overwrite(const std::string& path, uint64_t offset, std::string_view data);
  absl::Status Truncate(const std::string& path, uint64_t size_bytes);

 private:
  struct Volume;
  class MemoryLogFile;
  class MemoryReadFile;
  class MemoryFileLock;

  explicit MemoryFileSystem(std::shared_ptr<Volume> volume);

  std::shared_ptr<Volume> volume_;
};

}  // namespace lumen
