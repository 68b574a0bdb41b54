#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "proptests/harness/failure.h"

namespace lumen::crash {

// Puts failures into files of a directory, named by what is in them, so that the same failure found
// twice is one file and none replaces another. Makes the directory with the first one.
class FailureKeeper {
 public:
  explicit FailureKeeper(std::string directory) : directory_(std::move(directory)) {}

  // The path: "DIR/strict-posix-rule-2-0123456789abcdef.case".
  absl::StatusOr<std::string> Keep(const Failure& failure) const;

 private:
  std::string directory_;
};

// Failure files are a few KiB; what is larger is something else.
inline constexpr size_t kMaxFailureFileBytes = 16 << 20;

// Errors name the path.
absl::StatusOr<Failure> ReadFailureFile(const std::string& path);

}  // namespace lumen::crash
