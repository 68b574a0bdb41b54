#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/setting_table.h"

namespace lumen {

// What a configuration file says of one setting.
struct FileValue {
  std::string text;    // as on a command line
  std::string source;  // "file /etc/lumen.toml:12"
  std::string place;   // "/etc/lumen.toml:12:8: storage.memtable_size", for what is wrong with it
};

// The settings that the TOML file at `path` names, by Setting::key(). INVALID_ARGUMENT, with file,
// line and column: it is not TOML, a key is none of `settings`, or a value has the wrong type. What
// the values say has not been checked. NOT_FOUND: it cannot be read.
absl::StatusOr<std::map<std::string, FileValue>> ReadConfigFile(
    const std::string& path, const std::vector<Setting>& settings);

}  // namespace lumen
