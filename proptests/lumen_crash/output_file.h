#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Files that a run writes. A report that could not be written makes a run inconclusive, so every
// error comes back, with the path.
namespace lumen::crash {

// Replaces the file as a whole: a reader, or a disk that fills up, never leaves half of one. Makes
// missing folders.
absl::Status WriteFile(const std::string& path, std::string_view content);

// NOT_FOUND, or what the system said. At most `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A file that grows by lines, each of them written through at once. After an error it takes no
// more, and status() says what it was.
class LineFile {
 public:
  LineFile() = default;  // takes nothing, is fine
  explicit LineFile(const std::string& path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  void Append(std::string_view line);
  const absl::Status& status() const { return status_; }

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
  absl::Status status_;
};

}  // namespace lumen::crash
