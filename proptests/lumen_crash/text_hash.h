#pragma once

#include <cstdint>
#include <string_view>

namespace lumen::crash {

// FNV-1a, 64 bits (Fowler, Noll, Vo): for names of files and configurations, the same everywhere.
inline uint64_t TextHash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace lumen::crash
