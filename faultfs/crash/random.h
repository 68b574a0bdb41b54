#pragma once

#include <cstdint>

#include "faultfs/operation.h"

namespace lumen::faultfs {

// One step of SplitMix64 (Steele, Lea, Flood): `mix` of docs/fault_model.md.
inline uint64_t SplitMix(uint64_t x) {
  uint64_t z = x + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// A number for a sector of a file, the same in every run.
inline uint64_t SectorRandom(uint64_t seed, InodeNumber inode, uint64_t sector) {
  return SplitMix(seed ^ SplitMix((uint64_t{inode} << 32) + sector));
}

// A stream of numbers from a seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() { return SplitMix(state_++ * 0x9E3779B97F4A7C15); }
  // Below `bound`, which is not 0. Its bias is that of a 32-bit product.
  uint64_t Below(uint64_t bound) { return ((Next() >> 32) * bound) >> 32; }

 private:
  uint64_t state_;
};

}  // namespace lumen::faultfs
