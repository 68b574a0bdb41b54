#pragma once

#include <string>
#include <string_view>

namespace lumen::faultfs {

// What an operation is about, for people: "wal 3", "manifest 2", "sst 7", "current", "temp",
// "lock", "other", "directory".
std::string TagOf(std::string_view path, bool is_directory);

}  // namespace lumen::faultfs
