#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

// Hashes that are the same in every process and on every machine, unlike those of <functional> and
// absl.
namespace lumen::crash {

constexpr uint64_t Mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr uint64_t Combined(uint64_t a, uint64_t b) {
  return Mixed(a * 0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019);
}

inline uint64_t HashOf(std::string_view bytes, uint64_t seed = 0) {
  uint64_t hash = Combined(seed, bytes.size());
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    hash = Combined(hash, word);
    bytes.remove_prefix(sizeof(word));
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  return Combined(hash, rest);
}

}  // namespace lumen::crash
