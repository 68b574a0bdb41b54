#pragma once

#include <chrono>
#include <string_view>

#include "absl/status/statusor.h"

namespace lumen {

// A whole number and a unit, ms, s, m or h: "500ms", "5s". INVALID_ARGUMENT says what is wrong; a
// number alone is refused, because half of its readers would take the other unit. At most a year.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace lumen
