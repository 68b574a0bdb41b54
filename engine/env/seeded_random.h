#pragma once

#include <cstdint>

#include "engine/base/check.h"
#include "engine/clock.h"

namespace lumen {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): a
// Weyl sequence through a mixing function. The same numbers everywhere, which the distributions of
// <random> do not promise. Not thread-safe.
class SeededRandom final : public RandomSource {
 public:
  // Streams of one seed are unrelated.
  explicit SeededRandom(uint64_t seed, uint64_t stream = 0) : state_(Mix(seed + stream * kGamma)) {}

  uint64_t Next64() override {
    state_ += kGamma;
    return Mix(state_);
  }

  // 0 <= result < limit, the top half of a product (Lemire): off from uniform by less than
  // limit / 2^64.
  uint64_t Below(uint64_t limit) {
    CHECK(limit > 0);
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>(static_cast<Wide>(Next64()) * limit >> 64);
  }

 private:
  static constexpr uint64_t kGamma = 0x9e3779b97f4a7c15;

  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  uint64_t state_;
};

}  // namespace lumen
