#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/format/entry.h"
#include "engine/format/internal_iterator.h"

namespace lumen {

// Sorted key-versions in memory. One writer at a time; any number of readers at any time, which
// never block. Entries are never changed or removed; all memory goes at once with the memtable.
class Memtable {
 public:
  Memtable();
  ~Memtable();
  Memtable(const Memtable&) = delete;
  Memtable& operator=(const Memtable&) = delete;

  // Copies key and value. (key, sequence) must be new. Visible to readers that start afterwards
  // (the caller publishes).
  void Insert(const Entry& entry);

  // The newest version of `key` with a sequence <= `at`. Views live as long as the memtable.
  std::optional<Entry> Get(std::string_view key, SequenceNumber at) const;

  // Sees at least what was inserted before its last seek; entries inserted during its life may or
  // may not appear. Must not outlive the memtable.
  std::unique_ptr<InternalIterator> NewIterator() const;

  // Memory held, in bytes, allocator slack included.
  size_t memory_bytes() const;
  uint64_t entry_count() const;

 private:
  class Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace lumen
