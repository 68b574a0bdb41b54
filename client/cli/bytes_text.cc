#include "client/cli/bytes_text.h"

#include <charconv>
#include <cstdint>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/utf8.h"

namespace lumen::cli {
namespace {

constexpr std::string_view kBase64Prefix = "base64:";
constexpr char kEllipsis[] = "…";

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

// Controls, and those that turn the direction of writing: printed, they would do something else
// than show the key.
bool IsPrintable(char32_t point) {
  return point >= 0x20 && !(point >= 0x7F && point < 0xA0) && point != 0x200E && point != 0x200F &&
         !(point >= 0x2028 && point <= 0x202E) && !(point >= 0x2066 && point <= 0x2069);
}

bool IsPrintableUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::optional<char32_t> point = TakeCodePoint(bytes);
    if (!point.has_value() || !IsPrintable(*point)) return false;
  }
  return true;
}

}  // namespace

std::optional<char32_t> TakeCodePoint(std::string_view& bytes) {
  const size_t length = Utf8SequenceLength(bytes);
  if (length == 0) return std::nullopt;
  const auto lead = static_cast<uint8_t>(bytes[0]);
  char32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    point = (point << 6) | (static_cast<uint8_t>(bytes[i]) & 0x3Fu);
  }
  bytes.remove_prefix(length);
  return point;
}

size_t TextWidth(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<uint8_t>(c) & 0xC0u) != 0x80 ? 1 : 0;
  return width;
}

std::string CutText(std::string_view text, size_t width) {
  if (TextWidth(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t points = 0; end < text.size(); ++end) {
    if ((static_cast<uint8_t>(text[end]) & 0xC0u) != 0x80 && points++ + 1 == width) break;
  }
  return std::string(text.substr(0, end)) + kEllipsis;
}

std::string ToText(std::string_view bytes) {
  if (!bytes.starts_with(kBase64Prefix) && IsPrintableUtf8(bytes)) return std::string(bytes);
  return std::string(kBase64Prefix) + absl::Base64Escape(ToAbsl(bytes));
}

absl::StatusOr<std::string> FromText(std::string_view text) {
  if (!text.starts_with(kBase64Prefix)) return std::string(text);
  std::string bytes;
  if (!absl::Base64Unescape(ToAbsl(text.substr(kBase64Prefix.size())), &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", ToAbsl(text),
                     "' is no base64 behind 'base64:'; text that begins so is written in "
                     "base64 itself"));
  }
  return bytes;
}

std::string WithCommas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string RoundedBytes(uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto rounded = static_cast<double>(bytes);
  size_t unit = 0;
  while (rounded >= 1023.95 && unit + 1 < kUnits.size()) {
    rounded /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", rounded, kUnits[unit]);
}

std::string RoundedSeconds(uint64_t seconds) {
  if (seconds < 60) return absl::StrCat(seconds, " s");
  if (seconds < 3600) return absl::StrCat(seconds / 60, " min ", seconds % 60, " s");
  if (seconds < 86'400) return absl::StrCat(seconds / 3600, " h ", seconds / 60 % 60, " min");
  return absl::StrCat(seconds / 86'400, " d ", seconds / 3600 % 24, " h");
}

absl::StatusOr<uint64_t> ParseWhole(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return absl::InvalidArgumentError(absl::StrCat("'", ToAbsl(text), "' is no whole number"));
}

}  // namespace lumen::cli
