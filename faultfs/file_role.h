#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lumen::faultfs {

// What a file is to a database, by the last component of its path: NNNNNNNN.wal, MANIFEST-n,
// CURRENT, NNNNNNNN.sst, *.tmp (a file or a directory that is being made), LOCK. Everything else,
// directories included: other.
enum class FileRole : uint8_t { kWal, kManifest, kCurrent, kSst, kTemp, kLock, kOther };

FileRole RoleOf(std::string_view path);
// "wal", "manifest", "current", "sst", "temp", "lock", "other".
std::string_view RoleName(FileRole role);
std::optional<FileRole> ParseRole(std::string_view name);

}  // namespace lumen::faultfs
