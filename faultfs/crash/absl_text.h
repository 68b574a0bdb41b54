#pragma once

#include <string_view>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace lumen::faultfs {

// Debian's Abseil has a string_view of its own, which takes all other text but not the standard
// one.
inline absl::string_view AbslText(std::string_view text) { return {text.data(), text.size()}; }

template <typename T>
requires(!std::is_convertible_v<const T&, std::string_view>) const T& AbslText(const T& value) {
  return value;
}

}  // namespace lumen::faultfs
