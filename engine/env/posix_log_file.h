#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/file_system.h"

namespace lumen {

// PosixFileSystem::CreateLogFile.
absl::StatusOr<std::unique_ptr<LogFile>> CreatePosixLogFile(const std::string& path);

}  // namespace lumen
