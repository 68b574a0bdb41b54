#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace lumen::quickstart {

// What one operation leaves under a key: nothing, or a value that names its writer. The bytes
// follow from these fields and the key, so that a whole value is checked without being kept.
struct Version {
  int client = 0;
  uint64_t counter = 0;  // of that client's lane; 0 only before the first operation
  bool is_put = false;
};

// The value that `version` puts under `key`: a readable head, then filler; up to 64 KiB, mostly
// short.
std::string ValueOf(const std::string& key, const Version& version);

// The operations one client issued on one key, one after the other, and what may be read now: the
// last acknowledged one's outcome or, where a later operation is in doubt, that one's.
class History {
 public:
  explicit History(std::string key) : key_(std::move(key)) {}

  const std::string& key() const { return key_; }

  // Must be followed by Acknowledge or LeaveInDoubt before the next one.
  void Issue(const Version& version) { issued_ = version; }
  void Acknowledge() { acknowledged_ = *std::exchange(issued_, std::nullopt); }
  void LeaveInDoubt() { in_doubt_ = std::exchange(issued_, std::nullopt); }

  // Whether the last acknowledged operation is a put. Not while one is in doubt.
  bool present() const { return acknowledged_.is_put; }

  // Empty when `found` is legal: it then counts as acknowledged, because what a restarted server
  // shows must stay. Else what is wrong.
  std::optional<std::string> Settle(const std::optional<std::string>& found);

 private:
  bool Matches(const Version& version, const std::optional<std::string>& found) const;
  std::string Describe(const Version& version) const;

  std::string key_;
  Version acknowledged_;
  std::optional<Version> issued_;
  std::optional<Version> in_doubt_;
};

}  // namespace lumen::quickstart
