#include "client/replacing_file.h"

#include <utility>

#include "engine/base/status.h"

namespace lumen {
namespace {

constexpr size_t kGatheredBytes = size_t{64} << 10;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

ReplacingFile::ReplacingFile(FileSystem& files, std::string path, std::string temporary)
    : files_(files), path_(std::move(path)), temporary_(std::move(temporary)) {}

ReplacingFile::~ReplacingFile() {
  if (file_ == nullptr) return;
  file_.reset();
  // Nothing depends on it, and nobody is left to be told.
  files_.Remove(temporary_).IgnoreError();
}

absl::Status ReplacingFile::Create() {
  ASSIGN_OR_RETURN(file_, files_.CreateLogFile(temporary_));
  return absl::OkStatus();
}

absl::Status ReplacingFile::Append(std::string_view bytes) {
  RETURN_IF_ERROR(error_);
  gathered_ += bytes;
  return gathered_.size() < kGatheredBytes ? absl::OkStatus() : WriteOut();
}

absl::Status ReplacingFile::WriteOut() {
  error_ = file_->Append(gathered_);
  gathered_.clear();
  return error_;
}

absl::Status ReplacingFile::Keep() {
  RETURN_IF_ERROR(error_);
  if (!gathered_.empty()) RETURN_IF_ERROR(WriteOut());
  // Before the rename: else a power cut could leave the new name with the old length.
  RETURN_IF_ERROR(file_->Sync());
  RETURN_IF_ERROR(files_.Rename(temporary_, path_));
  file_.reset();
  // Without this a power cut may take the new name back.
  return files_.SyncDirectory(DirectoryOf(path_));
}

}  // namespace lumen
