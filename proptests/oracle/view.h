#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proptests/oracle.h"

namespace lumen::crash {

// What a store says that it holds, as hashes, learned from gets and scans that have to agree. Keys
// of which only errors are known stay unknown. Borrows the keys.
class View {
 public:
  using Hash = WriteLog::Hash;
  static constexpr Hash kAbsent = 0;
  static constexpr Hash kUnknown = 1;

  // `keys`: all that may be there, ascending.
  explicit View(const std::vector<std::string_view>& keys)
      : keys_(&keys), entries_(keys.size(), kUnknown), unknown_(keys.size()) {}

  // Both scans, and a get of every key. A violation: they disagree, or one failed while
  // `may_fail` is false. What failed while it is true is in `failures`.
  std::optional<Violation> Learn(Store& store, bool may_fail);

  const std::vector<std::string_view>& keys() const { return *keys_; }
  const std::vector<Hash>& entries() const { return entries_; }
  const std::vector<absl::Status>& failures() const { return failures_; }
  bool complete() const { return unknown_ == 0; }
  // Of the known entries; what WriteLog::StateHash is where it is complete.
  Hash sum() const { return sum_; }

  void Set(size_t place, Hash entry);
  // The first key of which the two know different things.
  std::optional<size_t> Difference(const View& other) const;

 private:
  class Walk;

  std::optional<Violation> LearnScan(Store& store, bool reverse, bool may_fail);
  std::optional<Violation> LearnGets(Store& store, bool may_fail);
  // False: it was known to be something else.
  bool Agree(size_t place, Hash entry);
  std::optional<Violation> Failed(const char* what, const absl::Status& status, bool may_fail);

  const std::vector<std::string_view>* keys_;
  std::vector<Hash> entries_;
  std::vector<absl::Status> failures_;
  size_t unknown_;
  Hash sum_ = 0;
};

// Bytes for messages: escaped, cut short.
std::string ShownBytes(std::string_view bytes);
// As in `k03="..."`, `k04 absent`.
std::string ShownEntry(std::string_view key, const std::optional<std::string>& value);

}  // namespace lumen::crash
