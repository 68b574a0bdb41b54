#include "engine/iterator/user_iterator.h"

#include <utility>

namespace lumen {
namespace {

// Versions of one key that are stepped over before it is sought past.
constexpr int kMaxSteps = 16;
// A buffer that one huge value has grown beyond this is given back.
constexpr size_t kKeptBufferBytes = size_t{1} << 20;

// What looking at an entry costs beyond its bytes, in bytes that cost as much.
constexpr uint64_t kLookBytes = 32;

// Sorts behind every version of a key: the first sequence is 1.
constexpr SequenceNumber kBehindAllVersions = 0;

uint64_t HeadOf(const std::optional<std::string>& bound) {
  return bound.has_value() ? KeyHead(*bound) : 0;
}

}  // namespace

UserIterator::UserIterator(std::unique_ptr<InternalIterator> merged, SequenceNumber visible,
                           IteratorOptions options, std::shared_ptr<const void> pin)
    : pin_(std::move(pin)),
      merged_(std::move(merged)),
      visible_(visible),
      options_(std::move(options)),
      lower_head_(HeadOf(options_.lower_bound)),
      upper_head_(HeadOf(options_.upper_bound)) {}

void UserIterator::SeekToFirst() {
  looked_at_bytes_ = 0;
  if (options_.lower_bound.has_value()) {
    merged_->Seek(*options_.lower_bound, visible_);
  } else {
    merged_->SeekToFirst();
  }
  FindForward();
}

void UserIterator::SeekToLast() {
  looked_at_bytes_ = 0;
  if (options_.upper_bound.has_value()) {
    merged_->SeekBefore(*options_.upper_bound, kMaxSequence);
  } else {
    merged_->SeekToLast();
  }
  FindBackward();
}

void UserIterator::Seek(std::string_view target) {
  if (IsBelowLower(target)) return SeekToFirst();
  looked_at_bytes_ = 0;
  saved_key_.assign(target);  // it may be a view of the current entry
  merged_->Seek(saved_key_, visible_);
  FindForward();
}

void UserIterator::SeekForPrev(std::string_view target) {
  if (IsAtOrAboveUpper(target)) return SeekToLast();
  looked_at_bytes_ = 0;
  saved_key_.assign(target);
  merged_->SeekBefore(saved_key_, kBehindAllVersions);
  FindBackward();
}

void UserIterator::Next() {
  if (direction_ == Direction::kForward) {
    SkipVersions(kBehindAllVersions);
  } else {
    merged_->Seek(saved_key_, kBehindAllVersions);
  }
  FindForward();
}

void UserIterator::Prev() {
  if (direction_ == Direction::kForward) {
    saved_key_.assign(current_.key);
    merged_->SeekBefore(saved_key_, kMaxSequence);
  }
  FindBackward();
}

inline void UserIterator::LookAt(const Entry& entry) {
  looked_at_bytes_ += kLookBytes + entry.key.size() + entry.value.size();
}

// `merged_` is on a key that has not been looked at.
inline bool UserIterator::PauseIfDue() {
  if (looked_at_bytes_ < options_.pause_after_bytes) return false;
  current_.key = merged_->entry().key;
  paused_ = true;
  return true;
}

// From the place of `merged_` to the first entry that is to be seen.
void UserIterator::FindForward() {
  direction_ = Direction::kForward;
  valid_ = paused_ = false;
  while (merged_->valid()) {
    const Entry& entry = merged_->entry();
    if (IsAtOrAboveUpper(entry.key) || PauseIfDue()) return;
    LookAt(entry);
    if (entry.sequence > visible_) {
      SkipVersions(visible_);
    } else if (entry.kind == EntryKind::kDelete) {
      SkipVersions(kBehindAllVersions);
    } else {
      current_ = entry;
      valid_ = true;
      return;
    }
  }
}

// Past the current entry's key, or to its first version with a sequence <= `sequence`.
void UserIterator::SkipVersions(SequenceNumber sequence) {
  saved_key_.assign(merged_->entry().key);
  merged_->Next();
  for (int steps = 1; merged_->valid(); ++steps) {
    const Entry& entry = merged_->entry();
    if (entry.sequence <= sequence || entry.key != saved_key_) return;
    LookAt(entry);
    if (steps == kMaxSteps) return merged_->Seek(saved_key_, sequence);
    merged_->Next();
  }
}

// From the place of `merged_` back to the last key that is to be seen.
void UserIterator::FindBackward() {
  direction_ = Direction::kBackward;
  valid_ = paused_ = false;
  while (merged_->valid() && !IsBelowLower(merged_->entry().key)) {
    if (PauseIfDue()) return;
    const bool is_live = CollectVersions();
    // An error may have come before the version that counts.
    if (!merged_->valid() && !merged_->status().ok()) return;
    if (is_live) {
      current_.key = saved_key_;
      current_.value = saved_value_;
      valid_ = true;
      return;
    }
  }
}

// Walks back over all versions of the current entry's key, the oldest first. Whether the newest
// visible one is a value; it is saved then.
bool UserIterator::CollectVersions() {
  saved_key_.assign(merged_->entry().key);
  bool is_live = false;
  for (int steps = 0; merged_->valid(); ++steps) {
    const Entry& entry = merged_->entry();
    if (entry.key != saved_key_) break;
    LookAt(entry);
    if (steps == kMaxSteps) return CollectBySeek();
    if (entry.sequence <= visible_) is_live = SaveValue(entry);
    merged_->Prev();
  }
  return is_live;
}

// The same for the saved key, without looking at each version.
bool UserIterator::CollectBySeek() {
  bool is_live = false;
  merged_->Seek(saved_key_, visible_);
  if (merged_->valid()) {
    const Entry& entry = merged_->entry();
    is_live = entry.key == saved_key_ && SaveValue(entry);
  } else if (!merged_->status().ok()) {
    return false;
  }
  merged_->SeekBefore(saved_key_, kMaxSequence);
  return is_live;
}

// False for a tombstone.
bool UserIterator::SaveValue(const Entry& entry) {
  if (entry.kind == EntryKind::kDelete) return false;
  if (saved_value_.capacity() > kKeptBufferBytes && entry.value.size() <= kKeptBufferBytes) {
    saved_value_ = std::string();
  }
  saved_value_.assign(entry.value);
  current_.sequence = entry.sequence;
  return true;
}

bool UserIterator::IsBelowLower(std::string_view key) const {
  if (!options_.lower_bound.has_value()) return false;
  const uint64_t head = KeyHead(key);
  return head != lower_head_ ? head < lower_head_ : key < *options_.lower_bound;
}

bool UserIterator::IsAtOrAboveUpper(std::string_view key) const {
  if (!options_.upper_bound.has_value()) return false;
  const uint64_t head = KeyHead(key);
  return head != upper_head_ ? head > upper_head_ : key >= *options_.upper_bound;
}

}  // namespace lumen
