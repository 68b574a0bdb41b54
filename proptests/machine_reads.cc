#include <algorithm>

#include "absl/strings/str_cat.h"
#include "proptests/machine.h"
#include "proptests/require.h"

namespace lumen {

uint64_t Machine::Now() {
  // Threads may commit what is in flight at any moment; a simulation stands still.
  if (!world_.simulated()) Settle();
  const uint64_t now = engine_->GetStats().visible_sequence;
  const MutexLock lock(mutex_);
  floors_.acknowledged = std::max(floors_.acknowledged, now);
  return now;
}

const Snapshot* Machine::SnapshotIn(uint32_t slot) const {
  return slot == kNow ? nullptr : snapshots_[slot].get();
}

uint64_t Machine::SequenceOf(uint32_t slot) {
  const Snapshot* snapshot = SnapshotIn(slot);
  return snapshot == nullptr ? Now() : snapshot->sequence();
}

void Machine::Know(uint64_t sequence) {
  if (sequence > history_.last()) Settle();
  REQUIRE(history_.EndsBatch(sequence),
          absl::StrCat("sequence ", sequence, " was visible, in the middle of a batch"));
}

// ---- points

void Machine::CheckGet(const std::string& key, const absl::StatusOr<std::optional<GetResult>>& got,
                       uint64_t sequence) {
  REQUIRE(got.ok(), got.status().ToString());
  Know(sequence);
  const History::Version* expected = history_.Find(key, sequence);
  REQUIRE(got->has_value() == (expected != nullptr),
          absl::StrCat(Shown(key), " at ", sequence, expected ? " is missing" : " must be absent"));
  if (expected == nullptr) return;
  REQUIRE((*got)->sequence == expected->sequence && (*got)->value == *expected->value,
          absl::StrCat(Shown(key), " at ", sequence, " has the value of ", (*got)->sequence,
                       ", not of ", expected->sequence));
}

void Machine::operator()(const GetCommand& get) {
  const uint64_t sequence = SequenceOf(get.snapshot);
  const std::string key = KeyOf(get.key);
  CheckGet(key, engine_->Get(key, SnapshotIn(get.snapshot)), sequence);
}

void Machine::operator()(const GetCachedCommand& get) {
  const uint64_t sequence = Now();
  const std::string key = KeyOf(get.key);
  const auto got = engine_->GetCached(key);
  REQUIRE(got.ok(), got.status().ToString());
  ++(got->has_value() ? tally_.cached_answers : tally_.uncached_answers);
  if (got->has_value()) CheckGet(key, **got, sequence);
}

void Machine::operator()(const MultiGetCommand& get) {
  const uint64_t sequence = SequenceOf(get.snapshot);
  std::vector<std::string> keys;
  for (const uint32_t key : get.keys) keys.push_back(KeyOf(key));
  const auto got = engine_->MultiGet(keys, SnapshotIn(get.snapshot));
  REQUIRE(got.ok() && got->size() == keys.size(), got.status().ToString());
  for (size_t i = 0; i < keys.size(); ++i) CheckGet(keys[i], (*got)[i], sequence);
}

void Machine::operator()(const SnapshotCommand& command) {
  auto& snapshot = snapshots_[command.slot];
  if (snapshot != nullptr) {
    snapshot.reset();
    return;
  }
  const uint64_t now = Now();
  snapshot = engine_->TakeSnapshot();
  REQUIRE(snapshot->sequence() == now, "a snapshot of another moment");
}

// ---- ranges

void Machine::CheckAt(const Iterator& iterator,
                      const std::optional<History::Live>& expected) const {
  REQUIRE(iterator.status().ok(), iterator.status().ToString());
  if (!expected.has_value()) {
    REQUIRE(!iterator.valid(),
            absl::StrCat("the iterator is at ", Shown(iterator.key()), ", not at its end"));
    return;
  }
  REQUIRE(iterator.valid(),
          absl::StrCat("the iterator is at its end, not at ", Shown(expected->key)));
  REQUIRE(iterator.key() == expected->key,
          absl::StrCat("the iterator is at ", Shown(iterator.key()), ", not at ",
                       Shown(expected->key)));
  REQUIRE(iterator.sequence() == expected->version->sequence &&
              iterator.value() == *expected->version->value,
          absl::StrCat("the iterator shows ", Shown(expected->key), " as of ", iterator.sequence(),
                       ", not ", expected->version->sequence));
}

void Machine::CheckScan(Engine& engine, const Snapshot* snapshot, uint64_t sequence) {
  IteratorOptions options;
  options.snapshot = snapshot;
  const auto iterator = engine.NewIterator(options);
  Know(sequence);
  std::optional<History::Live> expected = history_.AtOrAfter(std::nullopt, true, sequence);
  iterator->SeekToFirst();
  for (; expected.has_value(); iterator->Next()) {
    CheckAt(*iterator, expected);
    expected = history_.AtOrAfter(expected->key, false, sequence);
  }
  CheckAt(*iterator, std::nullopt);
  expected = history_.AtOrBefore(std::nullopt, true, sequence);
  iterator->SeekToLast();
  for (; expected.has_value(); iterator->Prev()) {
    CheckAt(*iterator, expected);
    expected = history_.AtOrBefore(expected->key, false, sequence);
  }
  CheckAt(*iterator, std::nullopt);
}

void Machine::operator()(const ScanCommand& scan) {
  const uint64_t sequence = SequenceOf(scan.snapshot);
  CheckScan(*engine_, SnapshotIn(scan.snapshot), sequence);
}

void Machine::OpenIteratorIn(const IteratorCommand& command) {
  OpenIterator& open = iterators_[command.slot];
  open = {};
  open.sequence = SequenceOf(command.snapshot);
  if (command.lower.has_value()) open.lower = command.lower->Bytes();
  if (command.upper.has_value()) open.upper = command.upper->Bytes();
  open.iterator = engine_->NewIterator({.lower_bound = open.lower,
                                        .upper_bound = open.upper,
                                        .snapshot = SnapshotIn(command.snapshot)});
  CheckAt(*open.iterator, std::nullopt);
}

void Machine::operator()(const IteratorCommand& command) { OpenIteratorIn(command); }

void Machine::operator()(const DropIteratorCommand& drop) { iterators_[drop.slot] = {}; }

std::optional<History::Live> Machine::InBounds(const OpenIterator& open,
                                               std::optional<History::Live> live) const {
  if (!live.has_value()) return std::nullopt;
  if (open.lower.has_value() && live->key < *open.lower) return std::nullopt;
  if (open.upper.has_value() && live->key >= *open.upper) return std::nullopt;
  return live;
}

std::optional<History::Live> Machine::Expected(const OpenIterator& open, Move::Kind kind,
                                               const std::string& target) const {
  const uint64_t sequence = open.sequence;
  const auto first = [&] { return history_.AtOrAfter(open.lower, true, sequence); };
  const auto last = [&] {
    return history_.AtOrBefore(open.upper, /*inclusive=*/!open.upper.has_value(), sequence);
  };
  switch (kind) {
    case Move::Kind::kFirst:
      return InBounds(open, first());
    case Move::Kind::kLast:
      return InBounds(open, last());
    case Move::Kind::kSeek:
      if (open.lower.has_value() && target < *open.lower) return InBounds(open, first());
      return InBounds(open, history_.AtOrAfter(target, true, sequence));
    case Move::Kind::kSeekForPrev:
      if (open.upper.has_value() && target >= *open.upper) return InBounds(open, last());
      return InBounds(open, history_.AtOrBefore(target, true, sequence));
    case Move::Kind::kNext:
      return InBounds(open, history_.AtOrAfter(open.at, false, sequence));
    case Move::Kind::kPrev:
      return InBounds(open, history_.AtOrBefore(open.at, false, sequence));
  }
  return std::nullopt;
}

void Machine::MoveOnce(OpenIterator& open, Move::Kind kind, const std::string& target) {
  ++tally_.iterator_steps;
  Iterator& iterator = *open.iterator;
  switch (kind) {
    case Move::Kind::kFirst:
      iterator.SeekToFirst();
      break;
    case Move::Kind::kLast:
      iterator.SeekToLast();
      break;
    case Move::Kind::kSeek:
      iterator.Seek(target);
      break;
    case Move::Kind::kSeekForPrev:
      iterator.SeekForPrev(target);
      break;
    case Move::Kind::kNext:
      iterator.Next();
      break;
    case Move::Kind::kPrev:
      iterator.Prev();
      break;
  }
  const std::optional<History::Live> expected = Expected(open, kind, target);
  CheckAt(iterator, expected);
  open.at.reset();
  if (expected.has_value()) open.at = std::string(expected->key);
}

void Machine::operator()(const MoveCommand& command) {
  OpenIterator& open = iterators_[command.slot];
  if (open.iterator == nullptr) OpenIteratorIn({command.slot, kNow, {}, {}});
  Know(open.sequence);
  for (const Move& move : command.moves) {
    const bool is_step = move.kind == Move::Kind::kNext || move.kind == Move::Kind::kPrev;
    if (!is_step) {
      MoveOnce(open, move.kind, move.target.Bytes());
      continue;
    }
    // Only a valid iterator may be stepped.
    if (!open.at.has_value()) {
      MoveOnce(open, move.kind == Move::Kind::kNext ? Move::Kind::kFirst : Move::Kind::kLast, "");
    }
    for (uint32_t i = 0; i < move.steps && open.at.has_value(); ++i) MoveOnce(open, move.kind, "");
  }
}

}  // namespace lumen
