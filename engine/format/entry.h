#pragma once

#include <cstdint>
#include <string_view>

#include "engine/batch.h"

namespace lumen {

// Position of an operation in the commit order. The first operation of a database has sequence 1; 0
// is before it.
using SequenceNumber = uint64_t;
inline constexpr SequenceNumber kMaxSequence = (SequenceNumber{1} << 56) - 1;

// A key-version. Sorted by user key ascending (bytewise), then by sequence descending, so that the
// first entry at or after (key, s) is the newest version of key that a reader at sequence s may
// see.
struct Entry {
  std::string_view key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string_view value;
};

// On disk and in memtables sequence and kind share 8 bytes.
constexpr uint64_t PackTag(SequenceNumber sequence, EntryKind kind) {
  return sequence << 8 | static_cast<uint64_t>(kind);
}
constexpr SequenceNumber TagSequence(uint64_t tag) { return tag >> 8; }
constexpr EntryKind TagKind(uint64_t tag) { return static_cast<EntryKind>(tag & 0xff); }

// <0, 0, >0: order of (key, sequence) pairs as above.
inline int CompareEntries(std::string_view a, SequenceNumber a_sequence, std::string_view b,
                          SequenceNumber b_sequence) {
  if (const int order = a.compare(b); order != 0) return order;
  return a_sequence > b_sequence ? -1 : a_sequence < b_sequence ? 1 : 0;
}

// The first 8 bytes, big-endian, zero-padded: compares like memcmp on those bytes.
inline uint64_t KeyHead(std::string_view bytes) {
  uint64_t head = 0;
  if (bytes.size() >= 8) {
    __builtin_memcpy(&head, bytes.data(), 8);
  } else {
    __builtin_memcpy(&head, bytes.data(), bytes.size());
  }
  return __builtin_bswap64(head);
}

}  // namespace lumen
