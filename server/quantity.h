#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lumen {

// The one parser of sizes on command lines and in the environment: a whole number and a unit,
// "64MiB", "10 GB", "4096". B, KiB, MiB, GiB, TiB count by 1024; kB, KB, MB, GB, TB by 1000. Units
// are case-sensitive, because "mb" could mean either or bits. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<uint64_t> ParseBytes(std::string_view text);

// The largest unit that divides it: 67108864 → "64MiB". ParseBytes reads it back.
std::string FormatBytes(uint64_t bytes);

}  // namespace lumen
