#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/coding.h"

// A blocked Bloom filter: all bits of a key lie in one line of 64 bytes, so a probe costs one cache
// miss. Follows RocksDB's FastLocalBloom (Lemire's multiply-shift picks the line, nine bits of a
// 32-bit multiplicative sequence pick each bit). Format: docs/file_formats.md#sstable.
namespace lumen {

inline constexpr size_t kBloomLineBytes = 64;
inline constexpr uint32_t kMaxBloomProbes = 30;

namespace bloom_internal {

inline constexpr uint64_t kHashA = 0xa0761d6478bd642f;
inline constexpr uint64_t kHashB = 0xe7037ed1a0b428db;

// High and low half of the 128-bit product, folded.
inline uint64_t Fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Up to 8 bytes, little-endian, zero-padded.
inline uint64_t LoadPartial(const char* from, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, from, size);
  return value;
}

}  // namespace bloom_internal

// The hash a filter is made of; part of the format. Construction after wyhash (folded multiply).
inline uint64_t FilterHash(std::string_view key) {
  using namespace bloom_internal;
  const char* at = key.data();
  size_t rest = key.size();
  uint64_t hash = kHashA ^ key.size();
  while (rest > 16) {
    hash = Fold(LoadFixed<uint64_t>(at) ^ kHashB, LoadFixed<uint64_t>(at + 8) ^ hash);
    at += 16;
    rest -= 16;
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (rest > 8) {
    low = LoadFixed<uint64_t>(at);
    high = LoadPartial(at + 8, rest - 8);
  } else if (rest > 0) {
    low = LoadPartial(at, rest);
  }
  return Fold(kHashA ^ key.size(), Fold(low ^ kHashB, high ^ hash));
}

// Payload of the filter section for the given hashes: lines, then the number of probes. No lines
// and 0 probes where `bits_per_key` is 0.
std::string BuildBloomFilter(const std::vector<uint64_t>& hashes, uint32_t bits_per_key);

// A filter in memory. Without lines it lets every key through.
class BloomFilter {
 public:
  BloomFilter() = default;
  // Copies `payload` to cache-line-aligned memory. Returns the broken rule, or empty.
  std::string_view Load(std::string_view payload);

  bool MayContain(uint64_t hash) const {
    if (line_count_ == 0) return true;
    const char* line = Line(hash);
    auto bits = static_cast<uint32_t>(hash);
    for (uint32_t i = 0; i < probes_; ++i, bits *= 0x9e3779b9) {
      const uint32_t bit = bits >> 23;
      if ((static_cast<unsigned char>(line[bit >> 3]) >> (bit & 7) & 1) == 0) return false;
    }
    return true;
  }
  void Prefetch(uint64_t hash) const {
    if (line_count_ != 0) __builtin_prefetch(Line(hash));
  }

  uint32_t line_count() const { return line_count_; }
  uint32_t probes() const { return probes_; }
  size_t memory_bytes() const { return line_count_ * kBloomLineBytes; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  const char* Line(uint64_t hash) const {
    return lines_.get() + ((hash >> 32) * line_count_ >> 32) * kBloomLineBytes;
  }

  std::unique_ptr<char, Free> lines_;
  uint32_t line_count_ = 0;
  uint32_t probes_ = 0;
};

}  // namespace lumen
