#pragma once

#include <algorithm>
#include <string_view>

namespace lumen::faultfs {

// Walks over the components of a path: "/a//b/." and "a/b" are the same.
class PathParts {
 public:
  explicit PathParts(std::string_view path) : rest_(path) {}

  // False: there is no further one.
  bool Next() {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find('/'), rest_.size());
      part_ = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      if (!part_.empty() && part_ != ".") return true;
    }
    return false;
  }
  std::string_view part() const { return part_; }

 private:
  std::string_view rest_;
  std::string_view part_;
};

}  // namespace lumen::faultfs
