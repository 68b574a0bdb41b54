#include "faultfs/file_role.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lumen::faultfs {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"wal",  "manifest", "current", "sst",
                                                    "temp", "lock",     "other"};

std::string_view LastPart(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char digit) { return digit >= '0' && digit <= '9'; });
}

}  // namespace

FileRole RoleOf(std::string_view path) {
  constexpr std::string_view kManifest = "MANIFEST-";
  constexpr size_t kSuffix = 4;
  const std::string_view name = LastPart(path);
  if (name == "CURRENT") return FileRole::kCurrent;
  if (name == "LOCK") return FileRole::kLock;
  if (name.ends_with(".tmp")) return FileRole::kTemp;
  if (name.starts_with(kManifest) && IsNumber(name.substr(kManifest.size()))) {
    return FileRole::kManifest;
  }
  if (name.size() <= kSuffix || !IsNumber(name.substr(0, name.size() - kSuffix))) {
    return FileRole::kOther;
  }
  if (name.ends_with(".wal")) return FileRole::kWal;
  if (name.ends_with(".sst")) return FileRole::kSst;
  return FileRole::kOther;
}

std::string_view RoleName(FileRole role) { return kNames[static_cast<size_t>(role)]; }

std::optional<FileRole> ParseRole(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<FileRole>(at - kNames.begin());
}

}  // namespace lumen::faultfs
