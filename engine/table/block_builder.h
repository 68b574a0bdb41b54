#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/entry.h"

namespace lumen {

// Collects the entries of one data block and encodes them. Keys are kept whole until the block is
// cut, since only then is their common prefix known.
class BlockBuilder {
 public:
  // Entries in order.
  void Add(const Entry& entry);

  bool empty() const { return slots_.empty(); }
  // Payload size if `entry` were added; exact but for lengths of suffixes, which count as the
  // key's.
  size_t BytesWith(const Entry& entry) const;
  size_t bytes() const { return slots_.empty() ? 0 : PayloadBytes(prefix_bytes_, slots_.size()); }

  std::string_view last_key() const;
  SequenceNumber last_sequence() const { return TagSequence(slots_.back().tag); }

  // Appends the payload to `to` and starts anew.
  void Finish(std::string& to);

 private:
  struct Slot {
    uint64_t tag = 0;
    size_t begin = 0;  // of key and value in bytes_
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
  };

  size_t PayloadBytes(size_t prefix_bytes, size_t count) const;
  size_t SharedWith(std::string_view key) const;
  static size_t EntryBytes(size_t suffix_bytes, size_t value_bytes);

  std::string bytes_;  // key and value of every entry, back to back
  std::vector<Slot> slots_;
  size_t prefix_bytes_ = 0;
  size_t entry_bytes_ = 0;  // encoded with whole keys
};

}  // namespace lumen
