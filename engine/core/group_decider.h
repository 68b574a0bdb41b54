#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/core/database_state.h"
#include "engine/core/write_request.h"

namespace lumen {

// What is to be known of a key. No condition: only whether it is there.
struct KeyQuestion {
  std::string_view key;
  const Precondition* condition = nullptr;
  bool show_unmet = false;  // read the value where the condition does not hold
};

// Decides preconditions and `existed` in commit order, under leadership: against what the group's
// earlier requests will have written, then the memtables, then the readings that the callers took
// before they queued, which hold unless a flush has since moved newer versions into tables. Lives
// as long as one group.
class GroupDecider {
 public:
  // The group's first operation will have sequence `first`.
  GroupDecider(const ReadState& state, SequenceNumber first);

  // Settles `request`, which is next in commit order: its status, applied, unmet, current,
  // sequence, existed. True: its operations belong to the group.
  bool Decide(WriteRequest& request);

  // The readings a request needs before it is queued, at `at`: what its preconditions and deletes
  // name. UNAVAILABLE with `cached_only` where a table block would have to be read.
  static absl::Status TakeReadings(const DatabaseState::ReadPoint& at, WriteRequest& request,
                                   bool cached_only);

 private:
  struct Written {
    EntryKind kind = EntryKind::kPut;
    SequenceNumber sequence = 0;
    std::string_view value;
  };

  // `known`: what was read of the key before the request was queued.
  absl::StatusOr<KeyReading> Read(const KeyQuestion& question, const KeyReading& known) const;
  bool DecideConditions(WriteRequest& request);
  // Remembers an applied request's operations for those after it; with `existed`, answers for its
  // deletes on the way.
  absl::Status Remember(WriteRequest& request, SequenceNumber first);
  void RememberUpTo(size_t requests);

  const ReadState& state_;
  SequenceNumber next_;
  absl::InlinedVector<std::pair<std::string_view, SequenceNumber>, 8>
      applied_;                                             // payload, its first sequence
  size_t remembered_ = 0;                                   // of applied_
  absl::flat_hash_map<std::string_view, Written> written_;  // never iterated
};

}  // namespace lumen
