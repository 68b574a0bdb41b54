#include "server/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr uint64_t kKilo = 1000;
constexpr auto kUnits = std::to_array<Unit>({{"TiB", uint64_t{1} << 40},
                                             {"GiB", uint64_t{1} << 30},
                                             {"MiB", uint64_t{1} << 20},
                                             {"KiB", uint64_t{1} << 10},
                                             {"B", 1},
                                             {"", 1},
                                             {"TB", kKilo* kKilo* kKilo* kKilo},
                                             {"GB", kKilo* kKilo* kKilo},
                                             {"MB", kKilo* kKilo},
                                             {"KB", kKilo},
                                             {"kB", kKilo}});

absl::Status Refuse(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", absl::string_view(text.data(), text.size()),
                   "' is not a size: ", absl::string_view(why.data(), why.size())));
}

}  // namespace

absl::StatusOr<uint64_t> ParseBytes(std::string_view text) {
  if (text.starts_with('-')) return Refuse(text, "it is negative");
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) return Refuse(text, "expected a number, as in 64MiB");
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (error != std::errc() || number > std::numeric_limits<uint64_t>::max() / known.bytes) {
      return Refuse(text, "it is above 16 EiB");
    }
    return number * known.bytes;
  }
  return Refuse(text, "the unit must be one of B KiB MiB GiB TiB kB MB GB TB, or none for bytes");
}

std::string FormatBytes(uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return absl::StrCat(bytes / unit.bytes,
                          absl::string_view(unit.name.data(), unit.name.size()));
    }
  }
  return "0B";
}

}  // namespace lumen
