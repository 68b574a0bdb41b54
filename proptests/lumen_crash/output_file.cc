#include "proptests/lumen_crash/output_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen::crash {
namespace {

absl::Status SystemError(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

void MakeFolderOf(const std::string& path) {
  std::error_code ignored;  // opening the file tells
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
}

absl::Status WriteNew(const std::string& path, std::string_view content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return SystemError(path, "cannot create");
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const int error = errno;
  // Closing writes what is buffered: on a full disk it is what fails.
  if (std::fclose(file) != 0) return SystemError(path, "cannot write");
  errno = error;
  return written ? absl::OkStatus() : SystemError(path, "cannot write");
}

}  // namespace

absl::Status WriteFile(const std::string& path, std::string_view content) {
  MakeFolderOf(path);
  // A device or a pipe is written as it is: renaming would put a file in its place.
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::character || kind == std::filesystem::file_type::fifo) {
    return WriteNew(path, content);
  }
  const std::string temporary = path + ".tmp";
  absl::Status status = WriteNew(temporary, content);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(path, "cannot rename into place");
  }
  if (!status.ok()) std::remove(temporary.c_str());
  return status;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return SystemError(path, "cannot open");
  std::string content;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0 && content.size() <= max_bytes) {
    content.append(buffer, count);
  }
  const bool failed = std::ferror(file) != 0;
  const absl::Status status = failed ? SystemError(path, "cannot read") : absl::OkStatus();
  std::fclose(file);
  RETURN_IF_ERROR(status);
  if (content.size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": more than ", max_bytes, " bytes: not a file of lumen-crash"));
  }
  return content;
}

LineFile::LineFile(const std::string& path) : path_(path) {
  MakeFolderOf(path);
  file_ = std::fopen(path.c_str(), "wb");
  if (file_ == nullptr) status_ = SystemError(path, "cannot create");
}

LineFile::~LineFile() {
  if (file_ != nullptr) std::fclose(file_);
}

void LineFile::Append(std::string_view line) {
  if (file_ == nullptr || !status_.ok()) return;
  const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() &&
                       std::fputc('\n', file_) != EOF && std::fflush(file_) == 0;
  if (!written) status_ = SystemError(path_, "cannot write");
}

}  // namespace lumen::crash
