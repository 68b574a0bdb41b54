#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen {

// The error of a file operation, as engine/file_system.h maps it: "path: operation: strerror". One
// function for every file system, so that a test in memory reads the message a disk would give.
absl::Status ErrnoStatus(const std::string& path, std::string_view operation, int error_number);

}  // namespace lumen
