#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// Keys and values are bytes; people have text, and programs JSON (client/cli/json.h). In text,
// bytes stand as themselves when they are printable UTF-8, else as "base64:..."; what is printed
// can be typed again. Text that itself begins with "base64:" stands in base64 as well, so that
// nothing has two meanings.
namespace lumen::cli {

// Takes one code point off the front. Empty: the bytes are not well-formed UTF-8.
std::optional<char32_t> TakeCodePoint(std::string_view& bytes);
// In code points.
size_t TextWidth(std::string_view text);
// The first `width` code points, the last of them an ellipsis when some are left out.
std::string CutText(std::string_view text, size_t width);

std::string ToText(std::string_view bytes);
// INVALID_ARGUMENT: the prefix is there, but no base64 behind it.
absl::StatusOr<std::string> FromText(std::string_view text);

// 1234567 is "1,234,567".
std::string WithCommas(uint64_t number);
// 12.3 MiB: for people; engine/base/quantity.h has what is read back.
std::string RoundedBytes(uint64_t bytes);
// "3 h 12 min": for people.
std::string RoundedSeconds(uint64_t seconds);
// INVALID_ARGUMENT: not a whole number of 64 bits.
absl::StatusOr<uint64_t> ParseWhole(std::string_view text);

}  // namespace lumen::cli
