#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "client/cli/output.h"

namespace lumen::cli {

// A file that appears under its name only once it is whole: written beside it, synced, and renamed.
// A crash leaves the old file or the new one, at worst with "NAME.tmp-PID" beside it. What replaces
// a file has its permissions; a symbolic link stays one. Not thread-safe.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  // Removes what was not kept.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // INVALID_ARGUMENT: the path is there and no regular file; a device must not be replaced.
  absl::Status Open();
  Output& out() { return *out_; }
  // OK: the file is there, and survives power loss.
  absl::Status Keep();

 private:
  absl::Status Error(int error, const std::string& what) const;

  std::string path_;  // without symbolic links, once opened
  std::string temporary_path_;
  int fd_ = -1;
  std::unique_ptr<Output> out_;
};

}  // namespace lumen::cli
