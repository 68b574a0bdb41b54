#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace lumen::faultfs {

// Multiplies to 128 bits and folds them: the step of wyhash (Wang Yi). For hashes that are compared
// within one run and across runs of one build, never stored.
inline uint64_t Fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline constexpr uint64_t kMix1 = 0xa0761d6478bd642f;
inline constexpr uint64_t kMix2 = 0xe7037ed1a0b428db;
inline constexpr uint64_t kMix3 = 0x8ebc6af09c88c6e3;
inline constexpr uint64_t kMix4 = 0x589965cc75374cc3;
inline constexpr uint64_t kMix5 = 0x1d8e4e27c47d124f;

inline uint64_t Mix(uint64_t a, uint64_t b) { return Fold(a ^ kMix1, b ^ kMix2); }

inline uint64_t HashText(std::string_view text) {
  uint64_t hash = Mix(text.size(), kMix3);
  while (!text.empty()) {
    uint64_t words[2] = {0, 0};
    const size_t bytes = text.size() < sizeof(words) ? text.size() : sizeof(words);
    std::memcpy(words, text.data(), bytes);
    hash = Fold(words[0] ^ kMix1 ^ hash, words[1] ^ kMix4);
    text.remove_prefix(bytes);
  }
  return hash;
}

}  // namespace lumen::faultfs
