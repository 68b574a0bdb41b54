#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/file_system.h"

namespace lumen {

// A file that appears under its name only once it is whole: written under a temporary one, synced,
// renamed, and the directory synced. A crash leaves the old file, or none, or the new one, at worst
// with the temporary one beside it. Not thread-safe.
class ReplacingFile {
 public:
  // Borrows `files`. `temporary`: a path in the directory of `path`.
  ReplacingFile(FileSystem& files, std::string path, std::string temporary);
  // Removes what was not kept.
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;

  // ALREADY_EXISTS: the temporary one is there, which may be somebody else's. Before the others.
  absl::Status Create();
  // Appends are gathered. After an error nothing more is written, and Keep returns it too.
  absl::Status Append(std::string_view bytes);
  // OK: the file is there, and survives power loss. Error: it may be there, whole, or the old one.
  absl::Status Keep();

 private:
  absl::Status WriteOut();

  FileSystem& files_;
  const std::string path_;
  const std::string temporary_;
  std::unique_ptr<LogFile> file_;  // null before Create and once it has its name
  std::string gathered_;
  absl::Status error_;
};

}  // namespace lumen
