#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace lumen::bench {

inline constexpr size_t kKeyBytes = 16;
inline constexpr size_t kValueBytes = 100;
inline constexpr uint64_t kEntryBytes = kKeyBytes + kValueBytes;

struct Settings {
  // Scratch folders are made below it, and removed again.
  std::string directory = "/var/tmp";
  uint64_t seed = 1;
  // Every count and size is divided by this; the smoke run uses a large one.
  uint64_t divisor = 1;
  // Where lumen-server and this program are.
  std::string program_folder;
  // Words put before the command of every server, lumen-server or empty: "chrt", "--batch", "0".
  std::vector<std::string> server_prefix;

  uint64_t Scaled(uint64_t count, uint64_t least) const { return std::max(count / divisor, least); }
};

}  // namespace lumen::bench
