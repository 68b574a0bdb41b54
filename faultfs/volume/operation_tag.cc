#include "faultfs/volume/operation_tag.h"

#include <algorithm>

#include "faultfs/file_role.h"

namespace lumen::faultfs {
namespace {

// The digits of a name that has one number, without leading zeros.
std::string_view NumberIn(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto begin = std::find_if(name.begin(), name.end(), is_digit);
  if (begin == name.end()) return {};
  const auto end = std::find_if_not(begin, name.end(), is_digit);
  const auto significant = std::find_if(begin, end - 1, [](char c) { return c != '0'; });
  return {significant, end};
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
