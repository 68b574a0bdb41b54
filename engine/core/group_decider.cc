#include "engine/core/group_decider.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace lumen {
namespace {

KeyState ToState(EntryKind kind, SequenceNumber sequence, std::string_view value, bool with_value) {
  KeyState state;
  if (kind == EntryKind::kDelete) return state;
  state.present = true;
  state.sequence = sequence;
  if (with_value) state.value = value;
  return state;
}

absl::StatusOr<KeyState> InTables(const Version& version, std::string_view key, SequenceNumber at,
                                  bool with_value, bool cached_only) {
  ASSIGN_OR_RETURN(const std::optional<TableHit> hit, version.Get(key, at, cached_only));
  if (!hit.has_value()) return KeyState();
  return ToState(hit->entry.kind, hit->entry.sequence, hit->entry.value, with_value);
}

bool Holds(const Precondition& condition, const KeyState& state) {
  switch (condition.kind) {
    case Precondition::Kind::kAbsent:
      return !state.present;
    case Precondition::Kind::kPresent:
      return state.present;
    case Precondition::Kind::kLastWrittenAt:
      return state.present && state.sequence == condition.sequence;
    case Precondition::Kind::kValueEquals:
      return state.present && state.value == condition.value;
  }
  return false;
}

}  // namespace

GroupDecider::GroupDecider(const ReadState& state, SequenceNumber first)
    : state_(state), next_(first) {}

absl::Status GroupDecider::TakeReadings(const DatabaseState::ReadPoint& at, WriteRequest& request,
                                        bool cached_only) {
  request.readings.clear();
  const auto read = [&](std::string_view key, bool with_value) -> absl::Status {
    KeyReading reading;
    reading.as_of = at.sequence;
    if (const auto entry = at.state->GetFromMemory(key, at.sequence)) {
      reading.state = ToState(entry->kind, entry->sequence, entry->value, with_value);
    } else {
      ASSIGN_OR_RETURN(reading.state,
                       InTables(*at.state->version, key, at.sequence, with_value, cached_only));
    }
    request.readings.push_back(std::move(reading));
    return absl::OkStatus();
  };
  for (const Precondition& condition : request.options->preconditions) {
    RETURN_IF_ERROR(read(condition.key, /*with_value=*/true));
  }
  if (!request.options->report_existed) return absl::OkStatus();
  BatchReader operations(request.payload);
  while (const auto operation = operations.Next()) {
    if (operation->kind == EntryKind::kDelete) RETURN_IF_ERROR(read(operation->key, false));
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyState> GroupDecider::StateOf(std::string_view key, const KeyReading& reading,
                                               bool with_value) const {
  if (const auto found = written_.find(key); found != written_.end()) {
    const Written& written = found->second;
    return ToState(written.kind, written.sequence, written.value, with_value);
  }
  if (const auto entry = state_.GetFromMemory(key, kMaxSequence)) {
    return ToState(entry->kind, entry->sequence, entry->value, with_value);
  }
  if (state_.flushed_sequence() <= reading.as_of) return reading.state;
  return InTables(*state_.version, key, kMaxSequence, with_value, /*cached_only=*/false);
}

bool GroupDecider::Decide(WriteRequest& request) {
  request.result.applied = true;
  if (request.conditional()) {
    RememberUpTo(applied_.size());
    if (!DecideConditions(request)) return false;
    if (request.options->report_existed) {
      request.status = Remember(request, next_);
      if (!request.status.ok()) return false;
      remembered_ = applied_.size() + 1;
    }
  }
  request.result.sequence = next_;
  applied_.emplace_back(request.payload, next_);
  next_ += request.operations;
  return true;
}

bool GroupDecider::DecideConditions(WriteRequest& request) {
  const std::vector<Precondition>& conditions = request.options->preconditions;
  for (size_t i = 0; i < conditions.size(); ++i) {
    absl::StatusOr<KeyState> state = StateOf(conditions[i].key, request.readings[i], true);
    if (!state.ok()) {
      request.status = state.status();
      return false;
    }
    if (Holds(conditions[i], *state)) continue;
    request.result.applied = false;
    request.result.unmet = i;
    request.result.current = *std::move(state);
    request.result.sequence = next_ - 1;
    return false;
  }
  return true;
}

absl::Status GroupDecider::Remember(WriteRequest& request, SequenceNumber first) {
  // Nothing is remembered of a request that fails half-way, so the answers come first.
  absl::flat_hash_map<std::string_view, bool> own;  // never iterated
  size_t reading = request.options->preconditions.size();
  BatchReader asked(request.payload);
  while (const auto operation = asked.Next()) {
    if (operation->kind == EntryKind::kDelete) {
      const KeyReading& known = request.readings[reading++];
      const auto earlier = own.find(operation->key);
      if (earlier != own.end()) {
        request.result.existed.push_back(earlier->second);
      } else {
        ASSIGN_OR_RETURN(const KeyState state, StateOf(operation->key, known, false));
        request.result.existed.push_back(state.present);
      }
    }
    own[operation->key] = operation->kind == EntryKind::kPut;
  }
  BatchReader operations(request.payload);
  for (SequenceNumber sequence = first; const auto operation = operations.Next(); ++sequence) {
    written_[operation->key] = {operation->kind, sequence, operation->value};
  }
  return absl::OkStatus();
}

void GroupDecider::RememberUpTo(size_t requests) {
  for (; remembered_ < requests; ++remembered_) {
    auto [payload, sequence] = applied_[remembered_];
    BatchReader operations(payload);
    for (; const auto operation = operations.Next(); ++sequence) {
      written_[operation->key] = {operation->kind, sequence, operation->value};
    }
  }
}

}  // namespace lumen
