#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/file_system.h"
#include "engine/format/coding.h"
#include "engine/format/entry.h"
#include "engine/table/block_cache.h"
#include "engine/table/block_memory.h"

// Data blocks in memory. Payload (byte map and rules: docs/file_formats.md#sstable):
//
//   u32 count | wide offsets << 31, u32 prefix length, u32 heads[count], u16|u32 offsets[count],
//   prefix, entries {varint suffix length, varint value length, u64 tag, suffix, value}
//
// A lookup reads heads (the 4 bytes after the common prefix) side by side and touches an entry only
// where its head ties.
namespace lumen {

inline constexpr uint32_t kWideOffsetsBit = uint32_t{1} << 31;
inline constexpr size_t kBlockHeaderBytes = 8;

// The first 4 bytes, big-endian, zero-padded.
inline uint32_t SuffixHead(std::string_view suffix) {
  uint32_t head = 0;
  if (suffix.size() >= 4) {
    head = LoadFixed<uint32_t>(suffix.data());
  } else {
    std::memcpy(&head, suffix.data(), suffix.size());
  }
  return __builtin_bswap32(head);
}

// An entry without the block's prefix.
struct BlockEntry {
  std::string_view suffix;
  uint64_t tag = 0;
  std::string_view value;
};

// Reads a payload that someone else keeps in memory. Only Parse looks at unverified bytes; what it
// has accepted, everything else reads without checks. Copyable.
class BlockView {
 public:
  // Validates structure: bounds, offsets, heads, kinds; the order of heads, not of whole entries.
  // Returns the broken rule, or empty.
  std::string_view Parse(std::string_view payload);

  uint32_t count() const { return count_; }
  std::string_view prefix() const { return {entries_ - prefix_bytes_, prefix_bytes_}; }
  std::string_view payload() const { return {data_, static_cast<size_t>(end_ - data_)}; }

  BlockEntry At(uint32_t index) const { return DecodeEntry(data_ + EntryOffset(index)); }
  // The entry behind `previous`, which is not the last.
  static BlockEntry After(const BlockEntry& previous) {
    return DecodeEntry(previous.value.data() + previous.value.size());
  }

  // Index of the first entry at or after (key, sequence); count() where there is none.
  uint32_t LowerBound(std::string_view key, SequenceNumber sequence) const;

 private:
  static BlockEntry DecodeEntry(const char* at) {
    const uint32_t suffix_bytes = DecodeLength(at);
    const uint32_t value_bytes = DecodeLength(at);
    const auto tag = LoadFixed<uint64_t>(at);
    at += sizeof tag;
    return {{at, suffix_bytes}, tag, {at + suffix_bytes, value_bytes}};
  }
  static uint32_t DecodeLength(const char*& at) {
    auto byte = static_cast<unsigned char>(*at++);
    uint32_t length = byte & 0x7f;
    for (unsigned shift = 7; byte >= 0x80; shift += 7) {
      byte = static_cast<unsigned char>(*at++);
      length |= static_cast<uint32_t>(byte & 0x7f) << shift;
    }
    return length;
  }
  uint32_t EntryOffset(uint32_t index) const {
    const char* offsets = heads_ + size_t{4} * count_;
    return wide_ ? LoadFixed<uint32_t>(offsets + size_t{4} * index)
                 : LoadFixed<uint16_t>(offsets + size_t{2} * index);
  }
  uint32_t Head(uint32_t index) const { return LoadFixed<uint32_t>(heads_ + size_t{4} * index); }
  // First index whose head is >= `head`.
  uint32_t FirstHeadNotBelow(uint32_t head) const;
  std::string_view ParseEntries() const;

  const char* data_ = nullptr;
  const char* heads_ = nullptr;
  const char* entries_ = nullptr;
  const char* end_ = nullptr;
  uint32_t count_ = 0;
  uint32_t prefix_bytes_ = 0;
  bool wide_ = false;
};

// A payload and what keeps it in memory: a buffer of its own, or the file that lent the bytes.
class Block {
 public:
  Block(const BlockView& view, BlockBuffer buffer) : view_(view), buffer_(std::move(buffer)) {}
  Block(const BlockView& view, std::shared_ptr<const ReadFile> lender)
      : view_(view), lender_(std::move(lender)) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  const BlockView& view() const { return view_; }
  // Heap memory that goes when the block goes, allocator overhead included.
  size_t charge_bytes() const;

 private:
  const BlockView view_;
  const BlockBuffer buffer_;
  const std::shared_ptr<const ReadFile> lender_;
};

}  // namespace lumen
