#include "engine/table/table_iterator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/status.h"

namespace lumen {
namespace {

// Suffixes are short: two overlapping words instead of a call.
inline void CopySuffix(char* to, std::string_view suffix) {
  const size_t size = suffix.size();
  if (size >= 8 && size <= 16) {
    const auto first = LoadFixed<uint64_t>(suffix.data());
    const auto last = LoadFixed<uint64_t>(suffix.data() + size - 8);
    StoreFixed(to, first);
    StoreFixed(to + size - 8, last);
  } else if (size >= 4 && size < 8) {
    const auto first = LoadFixed<uint32_t>(suffix.data());
    const auto last = LoadFixed<uint32_t>(suffix.data() + size - 4);
    StoreFixed(to, first);
    StoreFixed(to + size - 4, last);
  } else {
    std::memcpy(to, suffix.data(), size);
  }
}

}  // namespace

absl::Status TableIterator::LoadBlock(uint32_t block, ScanDirection direction) {
  if (cache_ == nullptr) {
    ASSIGN_OR_RETURN(const std::string_view stored, window_.Stored(block, direction));
    return table_.ParseStored(block, stored, expanded_, view_);
  }
  const uint64_t offset = table_.index().location(block).offset;
  BlockHandle handle = cache_->Lookup(cache_id_, offset);
  if (handle == nullptr) {
    ASSIGN_OR_RETURN(handle, table_.ReadBlock(block, cache_->memory()));
    cache_->Insert(cache_id_, offset, handle);
  }
  view_ = handle->view();
  pin_ = std::move(handle);
  return absl::OkStatus();
}

bool TableIterator::OpenBlock(uint32_t block, ScanDirection direction) {
  status_ = absl::OkStatus();
  if (block == block_) return true;
  block_ = kNoBlock;
  valid_ = false;
  status_ = LoadBlock(block, direction);
  if (!status_.ok()) return false;
  block_ = block;
  const std::string_view prefix = view_.prefix();
  prefix_bytes_ = prefix.size();
  if (prefix_bytes_ > key_capacity_bytes_) GrowKey(prefix_bytes_);
  if (prefix_bytes_ > 0) std::memcpy(key_.get(), prefix.data(), prefix_bytes_);
  return true;
}

void TableIterator::GrowKey(size_t bytes) {
  const size_t capacity = std::max<size_t>(bytes * 2, 64);
  std::unique_ptr<char[]> grown(new char[capacity]);
  if (key_capacity_bytes_ > 0) std::memcpy(grown.get(), key_.get(), key_capacity_bytes_);
  key_ = std::move(grown);
  key_capacity_bytes_ = capacity;
}

inline void TableIterator::Expose(const BlockEntry& entry) {
  at_ = entry;
  if (prefix_bytes_ == 0) {
    entry_.key = entry.suffix;
  } else {
    const size_t bytes = prefix_bytes_ + entry.suffix.size();
    if (bytes > key_capacity_bytes_) GrowKey(bytes);
    CopySuffix(key_.get() + prefix_bytes_, entry.suffix);
    entry_.key = {key_.get(), bytes};
  }
  entry_.sequence = TagSequence(entry.tag);
  entry_.kind = TagKind(entry.tag);
  entry_.value = entry.value;
  valid_ = true;
}

void TableIterator::PlaceAt(uint32_t position) {
  position_ = position;
  Expose(view_.At(position));
}

void TableIterator::PlaceInNextBlock() {
  const uint32_t next = block_ + 1;
  if (next == table_.index().block_count()) {
    Leave();
  } else if (OpenBlock(next, ScanDirection::kForward)) {
    PlaceAt(0);
  }
}

void TableIterator::PlaceInPreviousBlock() {
  if (block_ == 0) {
    Leave();
  } else if (OpenBlock(block_ - 1, ScanDirection::kBackward)) {
    PlaceAt(view_.count() - 1);
  }
}

void TableIterator::Leave() {
  valid_ = false;
  block_ = kNoBlock;
  pin_.reset();
  expanded_ = BlockBuffer();
  window_.Release();
}

void TableIterator::SeekToFirst() {
  if (OpenBlock(0, ScanDirection::kForward)) PlaceAt(0);
}

void TableIterator::SeekToLast() {
  if (OpenBlock(table_.index().block_count() - 1, ScanDirection::kBackward)) {
    PlaceAt(view_.count() - 1);
  }
}

void TableIterator::Seek(std::string_view key, SequenceNumber sequence) {
  if (!OpenBlock(table_.index().Find(key, sequence), ScanDirection::kForward)) return;
  const uint32_t position = view_.LowerBound(key, sequence);
  if (position < view_.count()) {
    PlaceAt(position);
  } else {
    PlaceInNextBlock();
  }
}

void TableIterator::SeekBefore(std::string_view key, SequenceNumber sequence) {
  if (!OpenBlock(table_.index().Find(key, sequence), ScanDirection::kBackward)) return;
  const uint32_t position = view_.LowerBound(key, sequence);
  if (position > 0) {
    PlaceAt(position - 1);
  } else {
    PlaceInPreviousBlock();
  }
}

void TableIterator::Next() {
  if (++position_ < view_.count()) {
    Expose(BlockView::After(at_));
  } else {
    PlaceInNextBlock();
  }
}

void TableIterator::Prev() {
  if (position_ > 0) {
    PlaceAt(position_ - 1);
  } else {
    PlaceInPreviousBlock();
  }
}

}  // namespace lumen
