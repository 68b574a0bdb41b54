#pragma once

#include <cstdint>

namespace lumen::faultfs {

// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
inline uint64_t Mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace lumen::faultfs
