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

// Closing the descriptor is what releases it; unlocking first would also take it from a forked
// process that is still running.
class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(PosixDescriptor file) : file_(std::move(file)) {}

 private:
  const PosixDescriptor file_;
};

absl::Status StatusOf(int result, const std::string& path, std::string_view operation) {
  return result == 0 ? absl::OkStatus() : ErrnoStatus(path, operation, errno);
}

// A holder that has the lock but has not written its name yet still shows its predecessor's.
absl::Status HeldElsewhere(const std::string& path, const PosixDescriptor& file) {
  std::array<char, kMostOwnerBytes> owner;
  const int64_t bytes = std::max<int64_t>(ReadFully(file.number(), owner, 0), 0);
  return LockHeldStatus(path, std::string_view(owner.data(), static_cast<size_t>(bytes)));
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
  PosixDescriptor file = OpenDescriptor(path.c_str(), O_RDWR | O_CREAT);
  if (file.number() < 0) return ErrnoStatus(path, "lock", errno);
  int result;
  do {
    result = ::flock(file.number(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) return HeldElsewhere(path, file);
  RETURN_IF_ERROR(StatusOf(result, path, "lock"));
  RETURN_IF_ERROR(StatusOf(::ftruncate(file.number(), 0), path, "lock"));
  if (const int error_number = WriteFully(file.number(), owner, 0)) {
    return ErrnoStatus(path, "lock", error_number);
  }
  return std::make_unique<PosixFileLock>(std::move(file));
}

}  // namespace lumen
