#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/format/entry.h"
#include "engine/table/table_format.h"

// Which data block holds which keys. Blocks are told apart by separators: separator i lies after
// every entry of block i - 1 and not after any entry of block i. Format:
// docs/file_formats.md#sstable.
namespace lumen {

// A key, or, where block i continues the versions of the key that block i - 1 ends with, that key
// and the sequence of block i's first entry. kMaxSequence: before every version.
struct Separator {
  std::string_view key;
  SequenceNumber sequence = kMaxSequence;
};

class TableIndexBuilder {
 public:
  // For every block but the first, before its EndBlock: the previous block's last entry and this
  // block's first.
  void BeginBlock(const Separator& last, const Separator& first);
  // The block as stored, trailer included.
  void EndBlock(uint64_t length_bytes);
  std::string Finish() const;  // the section's payload
  uint64_t block_count() const { return lengths_.size(); }

 private:
  struct Record {
    size_t key_end = 0;  // in keys_
    SequenceNumber sequence = kMaxSequence;
  };
  std::string_view Key(size_t separator) const;

  std::vector<uint64_t> lengths_;
  std::vector<Record> separators_;
  std::string keys_;
};

// The index in memory: 64-bit heads of the separators after their common prefix, in an implicit
// 16-way tree (the leaves are the flat index; a lookup reads two neighbouring cache lines a level),
// and whole separators for ties.
class TableIndex {
 public:
  // `data_bytes`: what the blocks must add up to. Returns the broken rule, or empty.
  std::string_view Load(std::string_view payload, uint64_t data_bytes);

  uint32_t block_count() const { return static_cast<uint32_t>(block_ends_.size()); }
  BlockLocation location(uint32_t block) const {
    const uint64_t begin = block == 0 ? 0 : block_ends_[block - 1];
    return {begin, block_ends_[block] - begin};
  }
  // The separator before `block` (not 0), whole.
  std::pair<std::string, SequenceNumber> separator(uint32_t block) const;

  // The block that holds the first entry at or after (key, sequence), unless that is the first
  // entry of the next block.
  uint32_t Find(std::string_view key, SequenceNumber sequence) const;
  // Whether `block` begins with a later version of `key`, given that the block before it ends with
  // a version of `key` or could have. False for block_count().
  bool Continues(uint32_t block, std::string_view key) const;

  void Prefetch() const;
  size_t memory_bytes() const;

 private:
  static constexpr size_t kFanout = 16;

  std::string_view LoadBlocks(std::string_view payload, uint32_t count, uint64_t data_bytes);
  // Separator i precedes block i + 1. Without prefix_.
  std::string_view Suffix(uint32_t separator) const;
  SequenceNumber SequenceOf(uint32_t separator) const;
  std::string_view CheckOrder() const;
  void BuildLevels();
  // Separators whose head is below `head`.
  size_t HeadsBelow(uint64_t head) const;

  std::string prefix_;
  std::vector<std::vector<uint64_t>> levels_;  // [0]: heads; each padded with ~0 to whole nodes
  std::vector<uint64_t> block_ends_;
  std::string suffixes_;
  std::vector<uint32_t> suffix_ends_;
  std::vector<std::pair<uint32_t, SequenceNumber>> continued_;  // by separator, ascending
};

}  // namespace lumen
