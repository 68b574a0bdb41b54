#include "client/cli/output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen::cli {

OutputFile::OutputFile(FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

absl::Status OutputFile::CannotWrite(const absl::Status& why) const {
  return absl::Status(why.code(), absl::StrCat("cannot write ", path_, ": ", why.message()));
}

absl::Status OutputFile::Open() {
  struct stat there {};
  const bool replaces = stat(path_.c_str(), &there) == 0;
  if (replaces && !S_ISREG(there.st_mode)) {
    return absl::InvalidArgumentError(path_ + " is not a regular file; - is standard output");
  }
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path_, error);
  if (error) return absl::ErrnoToStatus(error.value(), "cannot write " + path_);
  path_ = target.string();
  temporary_path_ = absl::StrCat(path_, ".tmp-", getpid());
  file_.emplace(files_, path_, temporary_path_);
  if (!replaces) {
    const absl::Status created = file_->Create();
    return created.ok() ? created : CannotWrite(created);
  }
  // Until it has the permissions of the old file nobody else may open it. No other thread makes
  // files.
  const mode_t mask = umask(077);
  const absl::Status created = file_->Create();
  umask(mask);
  if (!created.ok()) return CannotWrite(created);
  if (chmod(temporary_path_.c_str(), there.st_mode & 07777) != 0) {
    return absl::ErrnoToStatus(errno, "cannot write " + path_);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::Keep() {
  const absl::Status kept = file_->Keep();
  return kept.ok() ? kept : CannotWrite(kept);
}

}  // namespace lumen::cli
