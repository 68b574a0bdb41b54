#include "engine/table/block_builder.h"

#include <algorithm>
#include <bit>

#include "engine/base/check.h"
#include "engine/format/coding.h"
#include "engine/table/block.h"
#include "engine/table/table_format.h"

namespace lumen {
namespace {

size_t VarintBytes(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

}  // namespace

size_t BlockBuilder::EntryBytes(size_t suffix_bytes, size_t value_bytes) {
  return VarintBytes(suffix_bytes) + VarintBytes(value_bytes) + 8 + suffix_bytes + value_bytes;
}

size_t BlockBuilder::SharedWith(std::string_view key) const {
  const size_t limit = std::min(prefix_bytes_, key.size());
  const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(limit);
  return static_cast<size_t>(std::mismatch(bytes_.begin(), end, key.begin()).first -
                             bytes_.begin());
}

size_t BlockBuilder::PayloadBytes(size_t prefix_bytes, size_t count) const {
  const size_t narrow =
      kBlockHeaderBytes + 6 * count + prefix_bytes + entry_bytes_ - count * prefix_bytes;
  return narrow > 0xffff ? narrow + 2 * count : narrow;
}

size_t BlockBuilder::BytesWith(const Entry& entry) const {
  const size_t added = EntryBytes(entry.key.size(), entry.value.size());
  if (empty()) return kBlockHeaderBytes + 6 + added;
  return PayloadBytes(SharedWith(entry.key), slots_.size() + 1) + added;
}

void BlockBuilder::Add(const Entry& entry) {
  CHECK(entry.key.size() + entry.value.size() < kMaxBlockPayloadBytes / 2);
  prefix_bytes_ = empty() ? entry.key.size() : SharedWith(entry.key);
  slots_.push_back({PackTag(entry.sequence, entry.kind), bytes_.size(),
                    static_cast<uint32_t>(entry.key.size()),
                    static_cast<uint32_t>(entry.value.size())});
  bytes_.append(entry.key);
  bytes_.append(entry.value);
  entry_bytes_ += EntryBytes(entry.key.size(), entry.value.size());
}

std::string_view BlockBuilder::last_key() const {
  return std::string_view(bytes_).substr(slots_.back().begin, slots_.back().key_bytes);
}

void BlockBuilder::Finish(std::string& to) {
  const size_t payload_begin = to.size();
  size_t payload_bytes = kBlockHeaderBytes + 6 * slots_.size() + prefix_bytes_;
  for (const Slot& slot : slots_) {
    payload_bytes += EntryBytes(slot.key_bytes - prefix_bytes_, slot.value_bytes);
  }
  const bool wide = payload_bytes > 0xffff;
  if (wide) payload_bytes += 2 * slots_.size();
  CHECK(payload_bytes <= kMaxBlockPayloadBytes);
  to.resize(payload_begin + payload_bytes);

  char* const payload = to.data() + payload_begin;
  StoreFixed(payload, static_cast<uint32_t>(slots_.size()) | (wide ? kWideOffsetsBit : 0));
  StoreFixed(payload + 4, static_cast<uint32_t>(prefix_bytes_));
  char* head = payload + kBlockHeaderBytes;
  char* offset = head + 4 * slots_.size();
  char* at = offset + (wide ? 4 : 2) * slots_.size();
  std::memcpy(at, bytes_.data(), prefix_bytes_);
  at += prefix_bytes_;
  for (const Slot& slot : slots_) {
    const std::string_view suffix =
        std::string_view(bytes_).substr(slot.begin + prefix_bytes_, slot.key_bytes - prefix_bytes_);
    StoreFixed(head, SuffixHead(suffix));
    head += 4;
    const auto position = static_cast<uint32_t>(at - payload);
    if (wide) {
      StoreFixed(offset, position);
    } else {
      StoreFixed(offset, static_cast<uint16_t>(position));
    }
    offset += wide ? 4 : 2;
    at = StoreVarint(at, suffix.size());
    at = StoreVarint(at, slot.value_bytes);
    StoreFixed(at, slot.tag);
    // Key and value are neighbours in bytes_: one copy.
    std::memcpy(at + 8, suffix.data(), suffix.size() + slot.value_bytes);
    at += 8 + suffix.size() + slot.value_bytes;
  }
  bytes_.clear();
  slots_.clear();
  entry_bytes_ = 0;
  // One huge entry must not stay allocated for the rest of the table.
  if (bytes_.capacity() > size_t{1} << 20) bytes_.shrink_to_fit();
}

}  // namespace lumen
