#include "server/scan_range.h"

#include <algorithm>

namespace lumen {

std::optional<std::string> AfterPrefix(std::string_view prefix) {
  const size_t last = prefix.find_last_not_of('\xff');
  if (last == std::string_view::npos) return std::nullopt;
  std::string after(prefix.substr(0, last + 1));
  after.back() = static_cast<char>(static_cast<unsigned char>(after.back()) + 1);
  return after;
}

ScanRange RangeOf(const v1::ScanRequest& request) {
  ScanRange range;
  const std::string& lower = std::max(request.start(), request.prefix());
  if (!lower.empty()) range.lower = lower;
  range.upper = AfterPrefix(request.prefix());
  if (!request.end().empty() && (!range.upper.has_value() || request.end() < *range.upper)) {
    range.upper = request.end();
  }
  // An iterator wants lower <= upper.
  if (range.lower.has_value() && range.upper.has_value())
    range.upper = std::max(*range.lower, *range.upper);
  return range;
}

}  // namespace lumen
