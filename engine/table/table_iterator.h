#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "engine/format/internal_iterator.h"
#include "engine/table/block.h"
#include "engine/table/block_cache.h"
#include "engine/table/block_window.h"
#include "engine/table/table_file.h"

namespace lumen {

// Walks one table. With a cache, blocks are taken from it and put into it; without, they are read
// through a window and forgotten. Holds no block where it is past either end: one of many that are
// merged may be there for long.
class TableIterator final : public InternalIterator {
 public:
  // Both must outlive the iterator.
  TableIterator(const TableFile& table, BlockCache* cache, uint64_t cache_id)
      : table_(table), cache_(cache), cache_id_(cache_id), window_(table) {}

  void SeekToFirst() override;
  void SeekToLast() override;
  void Seek(std::string_view key, SequenceNumber sequence) override;
  void SeekBefore(std::string_view key, SequenceNumber sequence) override;
  void Next() override;
  void Prev() override;
  absl::Status status() const override { return status_; }

 private:
  static constexpr uint32_t kNoBlock = ~uint32_t{0};

  bool OpenBlock(uint32_t block, ScanDirection direction);
  absl::Status LoadBlock(uint32_t block, ScanDirection direction);
  void PlaceAt(uint32_t position);
  void PlaceInNextBlock();
  void PlaceInPreviousBlock();
  void Leave();
  void Expose(const BlockEntry& entry);
  void GrowKey(size_t bytes);

  const TableFile& table_;
  BlockCache* const cache_;
  const uint64_t cache_id_;
  BlockWindow window_;
  BlockBuffer expanded_;  // of a compressed block read through the window
  BlockHandle pin_;       // of a block from the cache
  absl::Status status_;

  BlockView view_;
  uint32_t block_ = kNoBlock;
  uint32_t position_ = 0;
  BlockEntry at_;
  // The block's prefix, and behind it the current suffix; unused while the prefix is empty.
  std::unique_ptr<char[]> key_;
  size_t key_capacity_bytes_ = 0;
  size_t prefix_bytes_ = 0;
};

}  // namespace lumen
