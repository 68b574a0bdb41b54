#include "client/cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen::cli {
namespace {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_path_.c_str());
}

absl::Status OutputFile::Error(int error, const std::string& what) const {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path_));
}

absl::Status OutputFile::Open() {
  struct stat there {};
  const bool replaces = stat(path_.c_str(), &there) == 0;
  if (replaces && !S_ISREG(there.st_mode)) {
    return absl::InvalidArgumentError(path_ + " is not a regular file; - is standard output");
  }
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path_, error);
  if (error) return Error(error.value(), "write");
  path_ = target.string();
  temporary_path_ = absl::StrCat(path_, ".tmp-", getpid());
  // An old one of the same name may be somebody else's, or a link to somewhere else.
  fd_ = open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
             replaces ? 0600 : 0666);
  if (fd_ < 0) return Error(errno, "write");
  if (replaces && fchmod(fd_, there.st_mode & 07777) != 0) return Error(errno, "write");
  out_ = std::make_unique<Output>(fd_);
  return absl::OkStatus();
}

absl::Status OutputFile::Keep() {
  out_->Flush();
  if (!out_->error().ok()) return out_->error();
  // Before the rename: else a power cut could leave the new name with the old length.
  if (fsync(fd_) != 0) return Error(errno, "sync");
  if (std::rename(temporary_path_.c_str(), path_.c_str()) != 0) return Error(errno, "replace");
  close(std::exchange(fd_, -1));
  // Without this a power cut may take the new name back.
  const int directory = open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Error(errno, "sync the directory of");
  const int error = fsync(directory) == 0 ? 0 : errno;
  close(directory);
  return error == 0 ? absl::OkStatus() : Error(error, "sync the directory of");
}

}  // namespace lumen::cli
