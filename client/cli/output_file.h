#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/replacing_file.h"
#include "engine/file_system.h"

namespace lumen::cli {

// A ReplacingFile as a person names it: what replaces a file has its permissions, and a symbolic
// link stays one. A crash may leave "NAME.tmp-PID" beside it. Not thread-safe.
class OutputFile {
 public:
  // Borrows `files`, which are real ones.
  OutputFile(FileSystem& files, std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // INVALID_ARGUMENT: the path is there and no regular file; a device must not be replaced.
  absl::Status Open();
  // False: it cannot be written, and Keep says why.
  bool Write(std::string_view bytes) { return file_->Append(bytes).ok(); }
  // OK: the file is there, and survives power loss.
  absl::Status Keep();

  // Once opened.
  const std::string& temporary_path() const { return temporary_path_; }

 private:
  absl::Status CannotWrite(const absl::Status& why) const;

  FileSystem& files_;
  std::string path_;  // without symbolic links, once opened
  std::string temporary_path_;
  std::optional<ReplacingFile> file_;
};

}  // namespace lumen::cli
