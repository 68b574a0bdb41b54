#include "bench/workload.h"

namespace lumen::bench {
namespace {

constexpr uint64_t kSourceBytes = uint64_t{1} << 20;

void FormatKey(uint64_t number, unsigned base, std::string& key) {
  key.resize(kKeyBytes);
  for (size_t i = kKeyBytes; i-- > 0; number /= base) {
    key[i] = "0123456789abcdef"[number % base];
  }
}

}  // namespace

uint64_t Scatter(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

void SequentialKey(uint64_t number, std::string& key) { FormatKey(number, 10, key); }

void ScatteredKey(uint64_t number, std::string& key) { FormatKey(Scatter(number), 16, key); }

ValueSource::ValueSource(uint64_t seed) {
  bytes_.reserve(kSourceBytes + kValueBytes);
  for (uint64_t i = 0; bytes_.size() < kSourceBytes + kValueBytes; ++i) {
    bytes_.push_back(static_cast<char>(Scatter(seed + i) & 0xff));
  }
}

std::string_view ValueSource::Value(uint64_t number) const {
  return std::string_view(bytes_).substr(Scatter(number) % kSourceBytes, kValueBytes);
}

}  // namespace lumen::bench
