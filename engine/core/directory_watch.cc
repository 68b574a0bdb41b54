#include "engine/core/directory_watch.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lumen {

std::string DirectoryWatch::Normal(const std::string& directory) {
  std::vector<std::string> parts;
  const std::vector<std::string> all = absl::StrSplit(directory, '/', absl::SkipEmpty());
  for (const std::string& part : all) {
    const bool up = part == "..";
    if (up && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != "." && !(up && IsAbsolute(directory))) {
      parts.push_back(part);
    }
  }
  return (IsAbsolute(directory) ? "/" : "") + absl::StrJoin(parts, "/");
}

}  // namespace lumen
