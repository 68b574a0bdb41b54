#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/format/internal_iterator.h"

namespace lumen {

// Walks sources that lie side by side: sorted by key, no user key in two of them. At most one is
// open at a time, opened when the walk gets there. An error of one makes this iterator invalid: no
// source is ever passed over.
class ConcatenatingIterator final : public InternalIterator {
 public:
  using OpenSource = std::function<absl::StatusOr<std::unique_ptr<InternalIterator>>(size_t index)>;

  // The smallest and the largest user key of each source; what they view outlives the iterator.
  ConcatenatingIterator(std::vector<std::string_view> smallest,
                        std::vector<std::string_view> largest, OpenSource open_source);

  void SeekToFirst() override;
  void SeekToLast() override;
  void Seek(std::string_view key, SequenceNumber sequence) override;
  void SeekBefore(std::string_view key, SequenceNumber sequence) override;
  void Next() override;
  void Prev() override;
  absl::Status status() const override { return status_; }

 private:
  bool Open(size_t index);
  bool SourceFailed();
  void ArriveForward();
  void ArriveBackward();
  void Show();

  const std::vector<std::string_view> smallest_;
  const std::vector<std::string_view> largest_;
  const OpenSource open_source_;

  std::unique_ptr<InternalIterator> source_;
  size_t index_ = 0;  // of source_
  absl::Status status_;
};

}  // namespace lumen
