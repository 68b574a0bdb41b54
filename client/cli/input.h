#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/interruption.h"

namespace lumen::cli {

// A file, or standard input, read in pieces. Not thread-safe.
class Input {
 public:
  // `name` is a path, "-" for standard input. Errors name it.
  Input(std::string name, const Interruption& interruption);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // NOT_FOUND, PERMISSION_DENIED, ...: it cannot be read.
  absl::Status Open();
  // The next line without its end; the last one needs none. Empty: there is none. CANCELLED:
  // interrupted. OUT_OF_RANGE: it is longer than 256 MiB.
  absl::StatusOr<std::optional<std::string>> ReadLine();
  // All that is left. Errors as above.
  absl::StatusOr<std::string> ReadAll();

  const std::string& name() const { return shown_name_; }
  // Of a regular file; 0: unknown.
  uint64_t size_bytes() const;
  uint64_t taken_bytes() const { return taken_bytes_; }

 private:
  // Whether there was more.
  absl::StatusOr<bool> Fill();

  const std::string name_;
  const std::string shown_name_;
  const Interruption& interruption_;
  int fd_ = -1;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not taken yet, in buffer_
  uint64_t taken_bytes_ = 0;
};

}  // namespace lumen::cli
