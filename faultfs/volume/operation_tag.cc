#include "faultfs/volume/operation_tag.h"

#include <algorithm>

#include "faultfs/file_role.h"

namespace lumen::faultfs {
namespace {

// The digits of a name that has one number, without leading zeros.
std::string_view NumberIn(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  const size_t begin = name.find_first_of(kDigits);
  if (begin == std::string_view::npos) return {};
  const size_t end = std::min(name.find_first_not_of(kDigits, begin), name.size());
  const size_t significant = std::min(name.find_first_not_of('0', begin), end - 1);
  return name.substr(significant, end - significant);
}

}  // namespace

std::string TagOf(std::string_view path, bool is_directory) {
  if (is_directory) return "directory";
  const FileRole role = RoleOf(path);
  std::string tag(RoleName(role));
  if (role == FileRole::kWal || role == FileRole::kManifest || role == FileRole::kSst) {
    tag.append(" ").append(NumberIn(path.substr(path.rfind('/') + 1)));
  }
  return tag;
}

}  // namespace lumen::faultfs
