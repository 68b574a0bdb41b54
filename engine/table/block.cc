#include "engine/table/block.h"

#include "engine/table/table_format.h"

namespace lumen {
namespace {

// glibc: 8 bytes of header, rounded up to 16.
constexpr size_t kAllocationOverheadBytes = 16;
constexpr size_t kSharedCountBytes = 16;

bool KnownKind(uint64_t tag, size_t value_bytes) {
  switch (TagKind(tag)) {
    case EntryKind::kPut:
      return true;
    case EntryKind::kDelete:
      return value_bytes == 0;
  }
  return false;
}

}  // namespace

std::string_view BlockView::Parse(std::string_view payload) {
  if (payload.size() < kBlockHeaderBytes || payload.size() > kMaxBlockPayloadBytes) {
    return "a data block has a header";
  }
  data_ = payload.data();
  end_ = data_ + payload.size();
  const auto count_word = LoadFixed<uint32_t>(data_);
  wide_ = (count_word & kWideOffsetsBit) != 0;
  count_ = count_word & ~kWideOffsetsBit;
  prefix_bytes_ = LoadFixed<uint32_t>(data_ + 4);
  if (wide_ != (payload.size() > 0xffff)) {
    return "a data block has wide offsets exactly where it is longer than 65535 bytes";
  }
  const uint64_t slots_bytes = uint64_t{count_} * (wide_ ? 8 : 6);
  if (count_ == 0 || kBlockHeaderBytes + slots_bytes + prefix_bytes_ > payload.size()) {
    return "a data block holds its slots and its prefix";
  }
  heads_ = data_ + kBlockHeaderBytes;
  entries_ = heads_ + slots_bytes + prefix_bytes_;
  return ParseEntries();
}

std::string_view BlockView::ParseEntries() const {
  std::string_view rest(entries_, static_cast<size_t>(end_ - entries_));
  uint32_t last_head = 0;
  for (uint32_t i = 0; i < count_; ++i) {
    if (EntryOffset(i) != static_cast<size_t>(rest.data() - data_)) {
      return "an entry's offset is the end of the entry before it";
    }
    uint32_t suffix_bytes = 0;
    uint32_t value_bytes = 0;
    uint64_t tag = 0;
    if (!TakeVarint(rest, suffix_bytes) || !TakeVarint(rest, value_bytes) ||
        !TakeFixed(rest, tag) || uint64_t{suffix_bytes} + value_bytes > rest.size()) {
      return "an entry lies in its block";
    }
    if (!KnownKind(tag, value_bytes)) return "an entry is a put, or a delete without a value";
    const uint32_t head = SuffixHead(rest.substr(0, suffix_bytes));
    if (head != Head(i)) return "an entry's head is the start of its suffix";
    if (head < last_head) return "heads ascend";
    last_head = head;
    rest.remove_prefix(size_t{suffix_bytes} + value_bytes);
  }
  if (!rest.empty()) return "the last entry ends with its block";
  return {};
}

uint32_t BlockView::FirstHeadNotBelow(uint32_t head) const {
  // Branch-free: the comparison's outcome is as good as random, a misprediction costs more than the
  // loop.
  uint32_t base = 0;
  for (uint32_t length = count_; length > 0;) {
    const uint32_t half = (length + 1) / 2;
    base += Head(base + half - 1) < head ? half : 0;
    length -= half;
  }
  return base;
}

uint32_t BlockView::LowerBound(std::string_view key, SequenceNumber sequence) const {
  const std::string_view shared = prefix();
  if (shared.size() > 0) {
    const int order = key.substr(0, shared.size()).compare(shared);
    if (order < 0) return 0;
    if (order > 0) return count_;
    key.remove_prefix(shared.size());
  }
  const uint32_t head = SuffixHead(key);
  uint32_t low = FirstHeadNotBelow(head);
  uint32_t high = low;
  // Ties are rare unless one key has many versions; then gallop, and bisect what is left.
  for (uint32_t step = 1; high < count_ && Head(high) == head; step *= 2) {
    const BlockEntry entry = At(high);
    if (CompareEntries(entry.suffix, TagSequence(entry.tag), key, sequence) >= 0) break;
    low = high + 1;
    high = count_ - high > step ? high + step : count_;
  }
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const BlockEntry entry = At(middle);
    if (CompareEntries(entry.suffix, TagSequence(entry.tag), key, sequence) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

size_t Block::charge_bytes() const {
  const size_t own = sizeof(Block) + kSharedCountBytes + kAllocationOverheadBytes;
  return buffer_.empty() ? own : own + buffer_.bytes() + kAllocationOverheadBytes;
}

}  // namespace lumen
