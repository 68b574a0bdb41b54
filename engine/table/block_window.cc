#include "engine/table/block_window.h"

#include <algorithm>

#include "engine/base/status.h"

namespace lumen {

absl::StatusOr<std::string_view> BlockWindow::Stored(uint32_t block, ScanDirection direction) {
  const BlockLocation location = table_.index().location(block);
  if (const auto lent = table_.View(location)) return *lent;
  if (location.offset < begin_ || location.offset + location.length > end_) {
    RETURN_IF_ERROR(Read(block, direction));
  }
  return std::string_view(buffer_.get() + (location.offset - begin_), location.length);
}

void BlockWindow::Release() {
  buffer_.reset();
  capacity_bytes_ = 0;
  begin_ = end_ = 0;
}

absl::Status BlockWindow::Read(uint32_t block, ScanDirection direction) {
  const TableIndex& index = table_.index();
  const BlockLocation location = index.location(block);
  uint64_t begin = location.offset;
  uint64_t end = begin + location.length;
  const bool walks_on =
      end_ > begin_ && (direction == ScanDirection::kForward ? begin == end_ : end == begin_);
  read_bytes_ = walks_on ? std::min(read_bytes_ * 2, kLongestReadBytes) : kFirstReadBytes;
  if (direction == ScanDirection::kForward) {
    while (block + 1 < index.block_count()) {
      const BlockLocation next = index.location(++block);
      if (next.offset + next.length - begin > read_bytes_) break;
      end = next.offset + next.length;
    }
  } else {
    while (block > 0) {
      const uint64_t previous = index.location(--block).offset;
      if (end - previous > read_bytes_) break;
      begin = previous;
    }
  }
  const size_t bytes = end - begin;
  begin_ = end_ = 0;
  // A buffer made for one huge block is not kept.
  if (capacity_bytes_ < bytes || capacity_bytes_ > std::max(bytes, kLongestReadBytes)) {
    capacity_bytes_ = std::max(bytes, read_bytes_);
    buffer_.reset();
    buffer_.reset(new char[capacity_bytes_]);
  }
  RETURN_IF_ERROR(table_.ReadInto(begin, {buffer_.get(), bytes}));
  begin_ = begin;
  end_ = end;
  return absl::OkStatus();
}

}  // namespace lumen
