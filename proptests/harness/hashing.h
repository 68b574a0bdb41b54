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

// For much data. Four lanes, because a multiplication takes longer than it keeps the multiplier
// busy.
inline uint64_t HashOfMuch(std::string_view bytes, uint64_t seed = 0) {
  const uint64_t seed_of_rest = Combined(seed, bytes.size());
  uint64_t lanes[4] = {seed + 1, seed + 2, seed + 3, seed + 4};
  uint64_t words[4];
  for (; bytes.size() >= sizeof(words); bytes.remove_prefix(sizeof(words))) {
    std::memcpy(words, bytes.data(), sizeof(words));
    for (size_t lane = 0; lane < 4; ++lane) {
      lanes[lane] = (lanes[lane] ^ words[lane]) * 0x9e3779b97f4a7c15;
      lanes[lane] ^= lanes[lane] >> 32;
    }
  }
  const uint64_t rest = HashOf(bytes, seed_of_rest);
  return Combined(Combined(lanes[0], lanes[1]), Combined(Combined(lanes[2], lanes[3]), rest));
}

}  // namespace lumen::crash
