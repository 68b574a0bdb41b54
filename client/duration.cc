#include "client/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include "absl/status/status.h"

namespace lumen {
namespace {

struct Unit {
  std::string_view name;
  int64_t milliseconds;
};
constexpr auto kUnits =
    std::to_array<Unit>({{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}});
constexpr int64_t kMaxMilliseconds = int64_t{365} * 24 * 3'600'000;

absl::Status Refuse(std::string_view text, const std::string& why) {
  return absl::InvalidArgumentError("'" + std::string(text) + "' is not a duration: " + why);
}

}  // namespace

absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text.starts_with('-')) return Refuse(text, "it is negative");
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) return Refuse(text, "expected a number, as in 5s");
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (error != std::errc() || number > kMaxMilliseconds / known.milliseconds) {
      return Refuse(text, "it is longer than a year");
    }
    return std::chrono::milliseconds(number * known.milliseconds);
  }
  return Refuse(text, "the unit must be one of ms s m h");
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const Unit* largest = &kUnits.front();
  for (const Unit& unit : kUnits) {
    if (duration.count() >= unit.milliseconds && duration.count() % unit.milliseconds == 0) {
      largest = &unit;
    }
  }
  return std::to_string(duration.count() / largest->milliseconds) + std::string(largest->name);
}

}  // namespace lumen
