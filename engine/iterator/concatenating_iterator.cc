#include "engine/iterator/concatenating_iterator.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace lumen {

ConcatenatingIterator::ConcatenatingIterator(std::vector<std::string_view> smallest,
                                             std::vector<std::string_view> largest,
                                             OpenSource open_source)
    : smallest_(std::move(smallest)),
      largest_(std::move(largest)),
      open_source_(std::move(open_source)) {
  CHECK(smallest_.size() == largest_.size());
}

void ConcatenatingIterator::SeekToFirst() {
  if (!Open(0)) return;
  source_->SeekToFirst();
  ArriveForward();
}

void ConcatenatingIterator::SeekToLast() {
  if (!Open(smallest_.size() - 1)) return;
  source_->SeekToLast();
  ArriveBackward();
}

void ConcatenatingIterator::Seek(std::string_view key, SequenceNumber sequence) {
  const auto first = std::lower_bound(largest_.begin(), largest_.end(), key);
  if (!Open(static_cast<size_t>(first - largest_.begin()))) return;
  source_->Seek(key, sequence);
  ArriveForward();
}

void ConcatenatingIterator::SeekBefore(std::string_view key, SequenceNumber sequence) {
  const auto end = std::upper_bound(smallest_.begin(), smallest_.end(), key);
  if (!Open(static_cast<size_t>(end - smallest_.begin()) - 1)) return;
  source_->SeekBefore(key, sequence);
  ArriveBackward();
}

void ConcatenatingIterator::Next() {
  source_->Next();
  if (source_->valid()) {
    Show();
  } else {
    ArriveForward();
  }
}

void ConcatenatingIterator::Prev() {
  source_->Prev();
  if (source_->valid()) {
    Show();
  } else {
    ArriveBackward();
  }
}

// False: there is no such source, or it failed to open; then the iterator is invalid. An index
// below 0 has wrapped around and is none either.
bool ConcatenatingIterator::Open(size_t index) {
  valid_ = false;
  status_ = absl::OkStatus();
  if (index >= smallest_.size()) return false;
  if (source_ != nullptr && index_ == index) return true;
  source_.reset();
  absl::StatusOr<std::unique_ptr<InternalIterator>> source = open_source_(index);
  if (!source.ok()) {
    status_ = std::move(source).status();
    return false;
  }
  source_ = *std::move(source);
  index_ = index;
  return true;
}

bool ConcatenatingIterator::SourceFailed() {
  status_ = source_->status();
  return !status_.ok();
}

void ConcatenatingIterator::ArriveForward() {
  valid_ = false;
  while (!source_->valid()) {
    if (SourceFailed() || !Open(index_ + 1)) return;
    source_->SeekToFirst();
  }
  Show();
}

void ConcatenatingIterator::ArriveBackward() {
  valid_ = false;
  while (!source_->valid()) {
    if (SourceFailed() || !Open(index_ - 1)) return;
    source_->SeekToLast();
  }
  Show();
}

void ConcatenatingIterator::Show() {
  entry_ = source_->entry();
  valid_ = true;
}

}  // namespace lumen
