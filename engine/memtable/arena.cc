#include "engine/memtable/arena.h"

#include <algorithm>
#include <cstdint>
#include <new>

#include "engine/base/check.h"

namespace lumen {
namespace {

// Each block is as large as everything before it, within these limits: a small memtable costs
// little, and a large one wastes at most one block.
constexpr size_t kSmallestBlockBytes = size_t{2} << 10;
constexpr size_t kLargestBlockBytes = size_t{1} << 20;

}  // namespace

void Arena::FreeAligned::operator()(char* block) const {
  ::operator delete (block, std::align_val_t{kMaxAlignment});
}

char* Arena::Allocate(size_t bytes, size_t alignment) {
  CHECK(alignment <= kMaxAlignment);
  const size_t padding = (0 - reinterpret_cast<uintptr_t>(free_)) & (alignment - 1);
  if (padding + bytes > free_bytes_) {
    const size_t block_bytes = std::clamp(memory_bytes(), kSmallestBlockBytes, kLargestBlockBytes);
    // What would use up much of a block gets memory of its own, so that the rest of the current
    // block is not lost for it.
    if (bytes > block_bytes / 4) return NewBlock(bytes);
    free_ = NewBlock(block_bytes);
    free_bytes_ = block_bytes;
    return Allocate(bytes, alignment);
  }
  char* const result = free_ + padding;
  free_ = result + bytes;
  free_bytes_ -= padding + bytes;
  return result;
}

char* Arena::NewBlock(size_t bytes) {
  blocks_.emplace_back(static_cast<char*>(::operator new (bytes, std::align_val_t{kMaxAlignment})));
  memory_bytes_.store(memory_bytes() + bytes, std::memory_order_relaxed);
  return blocks_.back().get();
}

}  // namespace lumen
