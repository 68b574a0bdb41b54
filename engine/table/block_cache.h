#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lumen {

// A decompressed, verified block. Shared by the cache and by whoever reads it; owned by neither
// alone.
class Block;
using BlockHandle = std::shared_ptr<const Block>;
class BlockMemory;

// Blocks of tables by (table, offset), evicted by recency within a byte budget that counts the
// blocks' allocations, the cache's own nodes, and the memory that tables pin for their index and
// filter. Sharded; thread-safe.
class BlockCache {
 public:
  explicit BlockCache(uint64_t capacity_bytes);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // Null when absent.
  BlockHandle Lookup(uint64_t table_id, uint64_t offset);
  void Insert(uint64_t table_id, uint64_t offset, BlockHandle block);
  // Drops a deleted table's blocks over time by recency; nothing to call.

  // Where blocks for this cache get their memory; outlives it as long as a block does.
  const std::shared_ptr<BlockMemory>& memory() const;

  // Memory held outside the cache that shall count against its budget; negative to give it back.
  void ChargePinned(int64_t bytes);

  uint64_t used_bytes() const;  // pinned, and memory kept for the next blocks, included
  uint64_t capacity_bytes() const;
  uint64_t hits() const;
  uint64_t misses() const;

 private:
  class Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace lumen
