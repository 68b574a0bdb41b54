#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// How every program of ours reads and writes sizes and durations: on command lines, in the
// environment and in files. A number without a unit is refused, because half of its readers would
// take the other unit; 0 alone is 0 in each.
namespace lumen {

// A whole number and a unit, "64MiB", "10 GB", "4096B". B, KiB, MiB, GiB, TiB count by 1024; kB,
// KB, MB, GB, TB by 1000. Units are case-sensitive, because "mb" could mean either or bits.
// INVALID_ARGUMENT says what is wrong.
absl::StatusOr<uint64_t> ParseBytes(std::string_view text);
// The largest unit that divides it: 67108864 → "64MiB". ParseBytes reads it back.
std::string FormatBytes(uint64_t bytes);

// A whole number and a unit, ms, s, m or h: "500ms", "5s". At most a year. INVALID_ARGUMENT says
// what is wrong.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);
// The largest unit that divides it: 5000 ms → "5s". Not negative. ParseDuration reads it back.
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace lumen
