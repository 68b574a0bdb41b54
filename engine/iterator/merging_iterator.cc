#include "engine/iterator/merging_iterator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace lumen {
namespace {

constexpr uint64_t kExhausted = UINT64_MAX;

size_t CommonBytes(std::string_view a, std::string_view b) {
  const auto [end, unused] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

}  // namespace

MergingIterator::MergingIterator(std::vector<std::unique_ptr<InternalIterator>> children)
    : children_(std::move(children)), heads_(children_.size()), losers_(children_.size()) {
  CHECK(children_.size() < kNone / 2);
}

void MergingIterator::SeekToFirst() {
  for (const auto& child : children_) child->SeekToFirst();
  Start(Direction::kForward);
}

void MergingIterator::SeekToLast() {
  for (const auto& child : children_) child->SeekToLast();
  Start(Direction::kBackward);
}

void MergingIterator::Seek(std::string_view key, SequenceNumber sequence) {
  for (const auto& child : children_) child->Seek(key, sequence);
  Start(Direction::kForward);
}

void MergingIterator::SeekBefore(std::string_view key, SequenceNumber sequence) {
  for (const auto& child : children_) child->SeekBefore(key, sequence);
  Start(Direction::kBackward);
}

void MergingIterator::Next() {
  if (direction_ != Direction::kForward) return TurnAround(Direction::kForward);
  children_[winner_]->Next();
  Advance();
}

void MergingIterator::Prev() {
  if (direction_ != Direction::kBackward) return TurnAround(Direction::kBackward);
  children_[winner_]->Prev();
  Advance();
}

// The children have been placed anew.
void MergingIterator::Start(Direction direction) {
  direction_ = direction;
  valid_ = false;
  status_ = absl::OkStatus();
  winner_ = runner_up_ = kNone;
  for (const auto& child : children_) {
    if (child->valid()) continue;
    if (absl::Status status = child->status(); !status.ok()) return Fail(std::move(status));
  }
  FindSharedPrefix();
  for (uint32_t child = 0; child < children_.size(); ++child) UpdateHead(child);
  PlayAll();
}

// The winner has moved.
void MergingIterator::Advance() {
  const InternalIterator& child = *children_[winner_];
  if (!child.valid()) {
    if (absl::Status status = child.status(); !status.ok()) return Fail(std::move(status));
    if (runner_up_ == kNone) {
      valid_ = false;
      return;
    }
    heads_[winner_] = kExhausted;
    return Replay();
  }
  if (runner_up_ == kNone) return Show();
  UpdateHead(winner_);
  if (IsAhead(winner_, runner_up_)) return Show();
  Replay();
}

// The winner stays on its entry until the others are on the far side of it: the key that they seek
// is a view of it.
void MergingIterator::TurnAround(Direction direction) {
  const Entry& here = entry_of(winner_);
  for (uint32_t child = 0; child < children_.size(); ++child) {
    if (child == winner_) continue;
    if (direction == Direction::kForward) {
      children_[child]->Seek(here.key, here.sequence);
    } else {
      children_[child]->SeekBefore(here.key, here.sequence);
    }
  }
  if (direction == Direction::kForward) {
    children_[winner_]->Next();
  } else {
    children_[winner_]->Prev();
  }
  Start(direction);
}

void MergingIterator::FindSharedPrefix() {
  shared_prefix_.clear();
  bool first = true;
  for (const auto& child : children_) {
    if (!child->valid()) continue;
    const std::string_view key = child->entry().key;
    if (first) {
      shared_prefix_ = key;
    } else {
      shared_prefix_.resize(CommonBytes(shared_prefix_, key));
    }
    first = false;
  }
  RoundSharedPrefix();
}

// Ascending keys whose digits carry would shorten a tight prefix again and again.
void MergingIterator::RoundSharedPrefix() { shared_prefix_.resize(shared_prefix_.size() / 4 * 4); }

void MergingIterator::UpdateHead(uint32_t child) {
  if (!children_[child]->valid()) {
    heads_[child] = kExhausted;
    return;
  }
  const std::string_view key = entry_of(child).key;
  const size_t skip = shared_prefix_.size();
  if (skip > 0 &&
      (key.size() < skip || std::memcmp(key.data(), shared_prefix_.data(), skip) != 0)) {
    shared_prefix_.resize(CommonBytes(shared_prefix_, key));
    RoundSharedPrefix();
    for (uint32_t other = 0; other < children_.size(); ++other) UpdateHead(other);
    return;
  }
  const uint64_t head = KeyHead(key.substr(skip));
  heads_[child] = direction_ == Direction::kForward ? head : ~head;
}

void MergingIterator::PlayAll() {
  if (children_.empty()) return;
  winner_ = PlayBelow(1);
  FindRunnerUp();
  Show();
}

// Fills the subtree of `node` with losers and returns its winner.
uint32_t MergingIterator::PlayBelow(uint32_t node) {
  const auto leaves = static_cast<uint32_t>(children_.size());
  if (node >= leaves) return node - leaves;
  const uint32_t a = PlayBelow(2 * node);
  const uint32_t b = PlayBelow(2 * node + 1);
  const bool a_wins = IsAhead(a, b);
  losers_[node] = a_wins ? b : a;
  return a_wins ? a : b;
}

// The last winner has a new head: it plays again, all the way to the root.
void MergingIterator::Replay() {
  const auto leaves = static_cast<uint32_t>(children_.size());
  for (uint32_t node = (winner_ + leaves) / 2; node > 0; node /= 2) {
    if (IsAhead(losers_[node], winner_)) std::swap(losers_[node], winner_);
  }
  FindRunnerUp();
  Show();
}

// It lost to the winner, so it is on the winner's way.
void MergingIterator::FindRunnerUp() {
  const auto leaves = static_cast<uint32_t>(children_.size());
  uint32_t best = kNone;
  for (uint32_t node = (winner_ + leaves) / 2; node > 0; node /= 2) {
    if (best == kNone || IsAhead(losers_[node], best)) best = losers_[node];
  }
  const bool is_left = best != kNone && children_[best]->valid();
  runner_up_ = is_left ? best : kNone;
}

bool MergingIterator::IsAhead(uint32_t a, uint32_t b) const {
  if (heads_[a] != heads_[b]) return heads_[a] < heads_[b];
  return IsAheadByEntry(a, b);
}

bool MergingIterator::IsAheadByEntry(uint32_t a, uint32_t b) const {
  if (!children_[a]->valid()) return false;
  if (!children_[b]->valid()) return true;
  const Entry& x = entry_of(a);
  const Entry& y = entry_of(b);
  const int order = CompareEntries(x.key, x.sequence, y.key, y.sequence);
  return direction_ == Direction::kForward ? order < 0 : order > 0;
}

void MergingIterator::Fail(absl::Status status) {
  valid_ = false;
  status_ = std::move(status);
}

void MergingIterator::Show() {
  valid_ = children_[winner_]->valid();
  if (valid_) entry_ = entry_of(winner_);
}

}  // namespace lumen
