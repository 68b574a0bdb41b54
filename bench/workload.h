#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/settings.h"

namespace lumen::bench {

// A bijection of 64-bit numbers that looks random (the finalizer of splitmix64).
uint64_t Scatter(uint64_t number);

// 16 printable bytes, ascending with the number.
void SequentialKey(uint64_t number, std::string& key);
// 16 hexadecimal digits in an order that looks random; distinct numbers give distinct keys, so a
// run of n puts leaves n keys.
void ScatteredKey(uint64_t number, std::string& key);

// Values of kValueBytes that do not compress. Deterministic.
class ValueSource {
 public:
  explicit ValueSource(uint64_t seed);
  // Valid as long as this object.
  std::string_view Value(uint64_t number) const;

 private:
  std::string bytes_;
};

}  // namespace lumen::bench
