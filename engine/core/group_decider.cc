#include "engine/core/group_decider.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace lumen {
namespace {

bool Holds(const Precondition& condition, const KeyReading& reading, std::string_view value) {
  switch (condition.kind) {
    case Precondition::Kind::kAbsent:
      return !reading.present;
    case Precondition::Kind::kPresent:
      return reading.present;
    case Precondition::Kind::kLastWrittenAt:
      return reading.present && reading.sequence == condition.sequence;
    case Precondition::Kind::kValueEquals:
      return reading.present && value == condition.value;
  }
  return false;
}

// Values may be as large as a group: only one that is to be shown is copied.
KeyReading ToReading(const KeyQuestion& question, EntryKind kind, SequenceNumber sequence,
                     std::string_view value) {
  KeyReading reading;
  if (kind == EntryKind::kPut) {
    reading.present = true;
    reading.sequence = sequence;
  }
  if (question.condition == nullptr) return reading;
  reading.holds = Holds(*question.condition, reading, value);
  if (reading.present && !reading.holds && question.show_unmet) reading.value.emplace(value);
  return reading;
}

absl::StatusOr<KeyReading> InTables(const Version& version, const KeyQuestion& question,
                                    SequenceNumber at, bool cached_only) {
  ASSIGN_OR_RETURN(const std::optional<TableHit> hit, version.Get(question.key, at, cached_only));
  if (!hit.has_value()) return ToReading(question, EntryKind::kDelete, 0, {});
  return ToReading(question, hit->entry.kind, hit->entry.sequence, hit->entry.value);
}

}  // namespace

GroupDecider::GroupDecider(const ReadState& state, SequenceNumber first)
    : state_(state), next_(first) {}

absl::Status GroupDecider::TakeReadings(const DatabaseState::ReadPoint& at, WriteRequest& request,
                                        bool cached_only) {
  request.readings.clear();
  const auto read = [&](const KeyQuestion& question) -> absl::Status {
    KeyReading reading;
    if (const auto entry = at.state->GetFromMemory(question.key, at.sequence)) {
      reading = ToReading(question, entry->kind, entry->sequence, entry->value);
    } else {
      ASSIGN_OR_RETURN(reading, InTables(*at.state->version, question, at.sequence, cached_only));
    }
    reading.as_of = at.sequence;
    request.readings.push_back(std::move(reading));
    return absl::OkStatus();
  };
  // Likely the one that will be shown: another one's value is read again when it is.
  bool show_unmet = true;
  for (const Precondition& condition : request.options->preconditions) {
    RETURN_IF_ERROR(read({condition.key, &condition, show_unmet}));
    show_unmet &= request.readings.back().holds;
  }
  if (!request.options->report_existed) return absl::OkStatus();
  BatchReader operations(request.payload);
  while (const auto operation = operations.Next()) {
    if (operation->kind == EntryKind::kDelete) RETURN_IF_ERROR(read({operation->key}));
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyReading> GroupDecider::Read(const KeyQuestion& question,
                                              const KeyReading& known) const {
  if (const auto found = written_.find(question.key); found != written_.end()) {
    const Written& written = found->second;
    return ToReading(question, written.kind, written.sequence, written.value);
  }
  if (const auto entry = state_.GetFromMemory(question.key, kMaxSequence)) {
    return ToReading(question, entry->kind, entry->sequence, entry->value);
  }
  const bool lacks_value =
      question.show_unmet && known.present && !known.holds && !known.value.has_value();
  if (state_.flushed_sequence() <= known.as_of && !lacks_value) return known;
  return InTables(*state_.version, question, kMaxSequence, /*cached_only=*/false);
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
    // The first that does not hold ends this, so at most one value is copied.
    absl::StatusOr<KeyReading> now =
        Read({conditions[i].key, &conditions[i], /*show_unmet=*/true}, request.readings[i]);
    if (!now.ok()) {
      request.status = now.status();
      return false;
    }
    if (now->holds) continue;
    request.result.applied = false;
    request.result.unmet = i;
    request.result.current.present = now->present;
    request.result.current.sequence = now->sequence;
    if (now->value.has_value()) request.result.current.value = *std::move(now->value);
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
        ASSIGN_OR_RETURN(const KeyReading now, Read({operation->key}, known));
        request.result.existed.push_back(now.present);
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
