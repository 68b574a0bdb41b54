#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/format/internal_iterator.h"
#include "engine/iterator.h"

namespace lumen {

// What a reader at one sequence sees of key-versions: the newest visible version of each key within
// the bounds, unless that is a tombstone.
class UserIterator final : public Iterator {
 public:
  // Of `options`, all but the snapshot. `pin` holds what `merged` reads from and is let go after
  // it.
  UserIterator(std::unique_ptr<InternalIterator> merged, SequenceNumber visible,
               IteratorOptions options, std::shared_ptr<const void> pin);

  bool valid() const override { return valid_; }
  bool paused() const override { return paused_; }
  std::string_view key() const override { return current_.key; }
  std::string_view value() const override { return current_.value; }
  uint64_t sequence() const override { return current_.sequence; }

  void SeekToFirst() override;
  void SeekToLast() override;
  void Seek(std::string_view target) override;
  void SeekForPrev(std::string_view target) override;
  void Next() override;
  void Prev() override;
  absl::Status status() const override { return merged_->status(); }

 private:
  enum class Direction { kForward, kBackward };

  void LookAt(const Entry& entry);
  bool PauseIfDue();
  void FindForward();
  void SkipVersions(SequenceNumber sequence);
  void FindBackward();
  bool CollectVersions();
  bool CollectBySeek();
  bool SaveValue(const Entry& entry);
  bool IsBelowLower(std::string_view key) const;
  bool IsAtOrAboveUpper(std::string_view key) const;

  const std::shared_ptr<const void> pin_;
  const std::unique_ptr<InternalIterator> merged_;
  const SequenceNumber visible_;
  const IteratorOptions options_;
  const uint64_t lower_head_;
  const uint64_t upper_head_;

  bool valid_ = false;
  bool paused_ = false;
  uint64_t looked_at_bytes_ = 0;  // since the last seek
  // Forward: `merged_` is on the current entry. Backward: it is before every version of the current
  // key, which is saved with its value.
  Direction direction_ = Direction::kForward;
  Entry current_;
  std::string saved_key_;
  std::string saved_value_;
};

}  // namespace lumen
