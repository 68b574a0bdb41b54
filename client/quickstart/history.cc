#include "client/quickstart/history.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "client/quickstart/random.h"

namespace lumen::quickstart {
namespace {

constexpr size_t kShownBytes = 80;

size_t FillerBytes(Random& random) {
  const uint64_t kind = random.Below(256);
  if (kind == 0) return 64 << 10;
  if (kind < 16) return 4 << 10;
  return random.Below(200);
}

}  // namespace

std::string ValueOf(const std::string& key, const Version& version) {
  Random random(std::hash<std::string>()(key) ^ version.counter * 0x9E3779B97F4A7C15u);
  std::string value =
      absl::StrCat("key ", key, " client ", version.client, " counter ", version.counter, " ");
  for (size_t left = FillerBytes(random); left > 0; --left) {
    value += static_cast<char>(random.Below(256));
  }
  return value;
}

bool History::Matches(const Version& version, const std::optional<std::string>& found) const {
  if (!version.is_put) return !found.has_value();
  return found.has_value() && *found == ValueOf(key_, version);
}

std::string History::Describe(const Version& version) const {
  if (version.counter == 0) return "absent, never written";
  return absl::StrCat(version.is_put ? "put" : "delete", " counter ", version.counter);
}

std::optional<std::string> History::Settle(const std::optional<std::string>& found) {
  const std::optional<Version> doubtful = std::exchange(in_doubt_, std::nullopt);
  if (Matches(acknowledged_, found)) return std::nullopt;
  if (doubtful.has_value() && Matches(*doubtful, found)) {
    acknowledged_ = *doubtful;
    return std::nullopt;
  }
  return absl::StrCat(
      "key ", key_, ": acknowledged: ", Describe(acknowledged_),
      doubtful.has_value() ? absl::StrCat("; in doubt: ", Describe(*doubtful)) : "", "; found: ",
      found.has_value()
          ? absl::StrCat(found->size(), " bytes, '", found->substr(0, kShownBytes), "'")
          : "nothing");
}

}  // namespace lumen::quickstart
