#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "engine/base/check.h"

namespace lumen::faultfs {

// An empty directory on a real disk, removed with everything in it at the end.
class RealDirectory {
 public:
  RealDirectory() {
    path_ = std::filesystem::temp_directory_path() / "lumen_faultfs_XXXXXX";
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~RealDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RealDirectory(const RealDirectory&) = delete;
  RealDirectory& operator=(const RealDirectory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lumen::faultfs
