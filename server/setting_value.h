#pragma once

#include <string>

namespace lumen {

// What one setting is, and who said so.
struct SettingValue {
  std::string name;    // as in the configuration file, "serving.listen"
  std::string value;   // "8MiB"; any of its sources would read it back
  std::string source;  // "default", "flag --listen", "environment LUMEN_LISTEN",
                       // "file /etc/lumen.toml:12"
};

}  // namespace lumen
