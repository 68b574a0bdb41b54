#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lumen {

// A whole number and a unit, ms, s, m or h: "500ms", "5s". INVALID_ARGUMENT says what is wrong; a
// number alone is refused, because half of its readers would take the other unit. At most a year.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

// With the largest unit that divides it; ParseDuration reads it back: 10'000 ms is "10s".
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace lumen
