#include "engine/env/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "engine/base/status.h"
#include "engine/env/posix_descriptor.h"
#include "engine/env/posix_log_file.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

class PosixReadFile final : public ReadFile {
 public:
  PosixReadFile(std::string path, PosixDescriptor file, uint64_t size_bytes)
      : path_(std::move(path)), file_(std::move(file)), size_bytes_(size_bytes) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    const int64_t bytes = ReadFully(file_.number(), out, offset);
    if (bytes < 0) return ErrnoStatus(path_, "read", errno);
    return static_cast<size_t>(bytes);
  }
  uint64_t size() const override { return size_bytes_; }

 private:
  const std::string path_;
  const PosixDescriptor file_;
  const uint64_t size_bytes_;
};

absl::Status StatusOf(int result, const std::string& path, std::string_view operation) {
  return result == 0 ? absl::OkStatus() : ErrnoStatus(path, operation, errno);
}

// What `path` leads to now. Empty: nothing.
absl::StatusOr<std::optional<struct stat>> LookAt(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return ErrnoStatus(path, "lock", errno);
}

bool IsSameFile(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// Closing the descriptors is what releases them; unlocking first would also take them from a forked
// process that is still running. As long as they are open no other file can have their inodes.
class PosixFileLock final : public FileLock {
 public:
  PosixFileLock(std::string path, std::string directory_path, PosixDescriptor directory,
                PosixDescriptor file)
      : path_(std::move(path)),
        directory_path_(std::move(directory_path)),
        directory_(std::move(directory)),
        file_(std::move(file)) {}

  absl::Status StillHeld() const override {
    struct stat held;
    if (::fstat(directory_.number(), &held) != 0) return ErrnoStatus(path_, "lock", errno);
    ASSIGN_OR_RETURN(const std::optional<struct stat> directory, LookAt(directory_path_));
    if (!directory || !IsSameFile(*directory, held)) return DirectoryLostStatus(path_);
    if (::fstat(file_.number(), &held) != 0) return ErrnoStatus(path_, "lock", errno);
    ASSIGN_OR_RETURN(const std::optional<struct stat> file, LookAt(path_));
    if (file && !IsSameFile(*file, held)) return LockReplacedStatus(path_);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::string directory_path_;
  const PosixDescriptor directory_;
  const PosixDescriptor file_;
};

// A holder that has the lock but has not written its name yet still shows its predecessor's.
absl::Status HeldElsewhere(const std::string& path) {
  std::array<char, kMostOwnerBytes> owner;
  const PosixDescriptor file = OpenDescriptor(path.c_str(), O_RDONLY);
  const int64_t bytes = file.number() < 0 ? 0 : ReadFully(file.number(), owner, 0);
  return LockHeldStatus(
      path, std::string_view(owner.data(), static_cast<size_t>(std::max<int64_t>(bytes, 0))));
}

// Of `path`, or of the directory that it is in.
absl::Status TakeFlock(const PosixDescriptor& file, const std::string& path) {
  int result;
  do {
    result = ::flock(file.number(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) return HeldElsewhere(path);
  return StatusOf(result, path, "lock");
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogFile>> PosixFileSystem::CreateLogFile(const std::string& path) {
  return CreatePosixLogFile(path);
}

absl::StatusOr<std::unique_ptr<ReadFile>> PosixFileSystem::OpenReadFile(const std::string& path) {
  PosixDescriptor file = OpenDescriptor(path.c_str(), O_RDONLY);
  if (file.number() < 0) return ErrnoStatus(path, "open", errno);
  struct stat status;
  if (::fstat(file.number(), &status) != 0) return ErrnoStatus(path, "open", errno);
  if (S_ISDIR(status.st_mode)) return ErrnoStatus(path, "open", EISDIR);
  return std::make_unique<PosixReadFile>(path, std::move(file),
                                         static_cast<uint64_t>(status.st_size));
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  return StatusOf(::rename(from.c_str(), to.c_str()), from, "rename to " + to);
}

absl::Status PosixFileSystem::Link(const std::string& existing, const std::string& added) {
  return StatusOf(::link(existing.c_str(), added.c_str()), existing, "link to " + added);
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  return StatusOf(::unlink(path.c_str()), path, "remove");
}

absl::Status PosixFileSystem::CreateDirectory(const std::string& path) {
  // What a database holds is its owner's; who else may look is for whoever makes the directory.
  constexpr mode_t kMode = 0700;
  return StatusOf(::mkdir(path.c_str(), kMode), path, "create directory");
}

absl::Status PosixFileSystem::RemoveDirectory(const std::string& path) {
  return StatusOf(::rmdir(path.c_str()), path, "remove directory");
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (stream == nullptr) return ErrnoStatus(directory, "list", errno);
  std::vector<std::string> names;
  errno = 0;  // readdir tells the end from an error by errno alone
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return ErrnoStatus(directory, "list", errno);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& directory) {
  const PosixDescriptor file = OpenDescriptor(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (file.number() < 0) return SyncNotBegun(ErrnoStatus(directory, "sync directory", errno));
  // Not repeated after an error, for the reason given at LogFile::Sync.
  return StatusOf(::fsync(file.number()), directory, "sync directory");
}

absl::StatusOr<bool> PosixFileSystem::Exists(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoStatus(path, "exists", errno);
}

absl::StatusOr<uint64_t> PosixFileSystem::FileSize(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return ErrnoStatus(path, "size", errno);
  if (S_ISDIR(status.st_mode)) return ErrnoStatus(path, "size", EISDIR);
  return static_cast<uint64_t>(status.st_size);
}

absl::StatusOr<uint64_t> PosixFileSystem::FreeSpace(const std::string& directory) {
  struct statvfs status;
  int result;
  do {
    result = ::statvfs(directory.c_str(), &status);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return ErrnoStatus(directory, "free space", errno);
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path,
                                                                std::string_view owner) {
  const std::string directory_path = ParentDirectory(path);
  PosixDescriptor directory = OpenDescriptor(directory_path.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory.number() < 0) return ErrnoStatus(path, "lock", errno);
  // Before the file is made: to whoever has the directory, a file in place of its own would be the
  // sign of somebody else who took it.
  RETURN_IF_ERROR(TakeFlock(directory, path));
  PosixDescriptor file = OpenDescriptor(path.c_str(), O_RDWR | O_CREAT);
  if (file.number() < 0) return ErrnoStatus(path, "lock", errno);
  RETURN_IF_ERROR(TakeFlock(file, path));
  RETURN_IF_ERROR(StatusOf(::ftruncate(file.number(), 0), path, "lock"));
  if (const int error_number = WriteFully(file.number(), owner, 0)) {
    return ErrnoStatus(path, "lock", error_number);
  }
  auto lock =
      std::make_unique<PosixFileLock>(path, directory_path, std::move(directory), std::move(file));
  // Either may have been exchanged between its opening and its lock.
  RETURN_IF_ERROR(lock->StillHeld());
  return lock;
}

}  // namespace lumen
