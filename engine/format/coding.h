#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// Integers on disk: little-endian fixed width, and LEB128 varints of at most 5 (32 bit) or 10 (64
// bit) bytes.
namespace lumen {

static_assert(std::endian::native == std::endian::little,
              "on-disk integers are copied as they are in memory");

template <std::unsigned_integral T>
inline T LoadFixed(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::unsigned_integral T>
inline void StoreFixed(char* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

template <std::unsigned_integral T>
inline void AppendFixed(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Writes at `to`, which has room for 10 bytes; returns the end.
inline char* StoreVarint(char* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

inline void AppendVarint(std::string& to, uint64_t value) {
  char buffer[10];
  to.append(buffer, static_cast<size_t>(StoreVarint(buffer, value) - buffer));
}

// Takes a varint off the front of `from`. False, leaving `from` unspecified, when there is none,
// when it does not fit T, or when it is longer than its value needs: every value has one encoding.
template <std::unsigned_integral T>
inline bool TakeVarint(std::string_view& from, T& value) {
  uint64_t result = 0;
  for (unsigned shift = 0, i = 0; i < from.size() && shift < 64; ++i, shift += 7) {
    const uint64_t bits = static_cast<unsigned char>(from[i]) & 0x7f;
    if (shift == 63 && bits > 1) return false;
    result |= bits << shift;
    if ((from[i] & 0x80) == 0) {
      if (bits == 0 && i > 0) return false;
      if (result > static_cast<uint64_t>(static_cast<T>(~T{0}))) return false;
      from.remove_prefix(i + 1);
      value = static_cast<T>(result);
      return true;
    }
  }
  return false;
}

template <std::unsigned_integral T>
inline bool TakeFixed(std::string_view& from, T& value) {
  if (from.size() < sizeof(T)) return false;
  value = LoadFixed<T>(from.data());
  from.remove_prefix(sizeof(T));
  return true;
}

// A varint length and that many bytes.
inline void AppendLengthPrefixed(std::string& to, std::string_view bytes) {
  AppendVarint(to, bytes.size());
  to.append(bytes);
}

inline bool TakeLengthPrefixed(std::string_view& from, std::string_view& bytes) {
  uint64_t length = 0;
  if (!TakeVarint(from, length) || length > from.size()) return false;
  bytes = from.substr(0, static_cast<size_t>(length));
  from.remove_prefix(static_cast<size_t>(length));
  return true;
}

constexpr uint64_t RoundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// A buffer whose first byte is zero and that equals itself one byte on; memcmp is vectorised.
inline bool IsZero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace lumen
