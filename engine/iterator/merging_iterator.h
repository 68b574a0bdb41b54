#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/format/internal_iterator.h"

namespace lumen {

// The union of its children, in entry order. No (key, sequence) is in two of them. An error of any
// child makes it invalid with that error, whatever the others hold: an entry may be missing.
//
// A tree of losers over 8-byte heads picks the next child. While one child stays ahead of the
// runner-up, a move costs one comparison of heads; while one child is all that is left, not even
// that.
class MergingIterator final : public InternalIterator {
 public:
  explicit MergingIterator(std::vector<std::unique_ptr<InternalIterator>> children);

  void SeekToFirst() override;
  void SeekToLast() override;
  void Seek(std::string_view key, SequenceNumber sequence) override;
  void SeekBefore(std::string_view key, SequenceNumber sequence) override;
  void Next() override;
  void Prev() override;
  absl::Status status() const override { return status_; }

 private:
  enum class Direction { kForward, kBackward };
  static constexpr uint32_t kNone = UINT32_MAX;

  const Entry& entry_of(uint32_t child) const { return children_[child]->entry(); }

  void Start(Direction direction);
  void Advance();
  void TurnAround(Direction direction);
  void FindSharedPrefix();
  void RoundSharedPrefix();
  void UpdateHead(uint32_t child);
  void PlayAll();
  uint32_t PlayBelow(uint32_t node);
  void Replay();
  void FindRunnerUp();
  bool IsAhead(uint32_t a, uint32_t b) const;
  bool IsAheadByEntry(uint32_t a, uint32_t b) const;
  void Fail(absl::Status status);
  void Show();

  const std::vector<std::unique_ptr<InternalIterator>> children_;
  Direction direction_ = Direction::kForward;
  absl::Status status_;

  // By child: 8 bytes of its key behind what all keys since the last seek had in common, inverted
  // when walking backward, so that the least is next. The greatest head if the child is exhausted.
  std::vector<uint64_t> heads_;
  std::string shared_prefix_;

  // losers_[i] lost at inner node i; the children are the leaves n .. 2n - 1.
  std::vector<uint32_t> losers_;
  uint32_t winner_ = kNone;
  // Next after the winner; kNone if no other child is left.
  uint32_t runner_up_ = kNone;
};

}  // namespace lumen
