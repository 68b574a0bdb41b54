#include "engine/base/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr uint64_t kKilo = 1000;
// The first ones are those that FormatBytes writes, largest first.
constexpr auto kSizes = std::to_array<Unit>({{"TiB", uint64_t{1} << 40},
                                             {"GiB", uint64_t{1} << 30},
                                             {"MiB", uint64_t{1} << 20},
                                             {"KiB", uint64_t{1} << 10},
                                             {"B", 1},
                                             {"TB", kKilo* kKilo* kKilo* kKilo},
                                             {"GB", kKilo* kKilo* kKilo},
                                             {"MB", kKilo* kKilo},
                                             {"KB", kKilo},
                                             {"kB", kKilo}});
// In milliseconds.
constexpr auto kDurations =
    std::to_array<Unit>({{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}});
constexpr uint64_t kYearMs = uint64_t{365} * 24 * 3'600'000;

// What a quantity is called in messages, and what there is to choose from.
struct Kind {
  std::string_view noun;
  std::string_view example;
  std::string_view units;
  std::span<const Unit> table;
  uint64_t most;
  std::string_view above;
};
constexpr Kind kSize = {"size",
                        "64MiB",
                        "B KiB MiB GiB TiB kB MB GB TB",
                        kSizes,
                        std::numeric_limits<uint64_t>::max(),
                        "it is above 16 EiB"};
constexpr Kind kDuration = {"duration", "5s",    "ms s m h",
                            kDurations, kYearMs, "it is longer than a year"};

absl::Status Refuse(std::string_view text, const Kind& kind, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(text), "' is not a ", std::string(kind.noun), ": ", why));
}

absl::StatusOr<uint64_t> Parse(std::string_view text, const Kind& kind) {
  if (text.starts_with('-')) return Refuse(text, kind, "it is negative");
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) {
    return Refuse(text, kind,
                  "expected a whole number and a unit, as in " + std::string(kind.example));
  }
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.empty() && error == std::errc() && number == 0) return 0;
  if (unit.starts_with('.')) return Refuse(text, kind, "expected a whole number");
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& known : kind.table) {
    if (unit != known.name) continue;
    if (error != std::errc() || number > kind.most / known.factor) {
      return Refuse(text, kind, std::string(kind.above));
    }
    return number * known.factor;
  }
  return Refuse(text, kind,
                unit.empty() ? "it has no unit; there are " + std::string(kind.units)
                             : "the unit must be one of " + std::string(kind.units));
}

std::string Format(uint64_t quantity, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (quantity >= unit.factor && quantity % unit.factor == 0) {
      return absl::StrCat(quantity / unit.factor, std::string(unit.name));
    }
  }
  return "0";
}

}  // namespace

absl::StatusOr<uint64_t> ParseBytes(std::string_view text) { return Parse(text, kSize); }

std::string FormatBytes(uint64_t bytes) { return Format(bytes, kSizes); }

absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  ASSIGN_OR_RETURN(const uint64_t milliseconds, Parse(text, kDuration));
  return std::chrono::milliseconds(milliseconds);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  return Format(static_cast<uint64_t>(duration.count()), kDurations);
}

}  // namespace lumen
