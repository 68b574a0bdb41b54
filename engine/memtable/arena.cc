#include "engine/memtable/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "engine/base/check.h"

namespace lumen {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

// Each block is as large as everything before it, within these limits: a small memtable costs
// little, and a large one wastes at most one block.
constexpr size_t kSmallestBlockBytes = size_t{2} << 10;
constexpr size_t kLargestBlockBytes = kHugePageBytes;

}  // namespace

void Arena::Free::operator()(char* block) const {
  if (mapped_bytes > 0) {
    CHECK(munmap(block, mapped_bytes) == 0);
  } else {
    ::operator delete (block, std::align_val_t{kMaxAlignment});
  }
}

char* Arena::Allocate(size_t bytes, size_t alignment) {
  CHECK(alignment <= kMaxAlignment);
  const size_t padding = (0 - reinterpret_cast<uintptr_t>(free_)) & (alignment - 1);
  if (padding + bytes > free_bytes_) {
    const size_t block_bytes = std::clamp(memory_bytes(), kSmallestBlockBytes, kLargestBlockBytes);
    // What would use up much of a block gets memory of its own, so that the rest of the current
    // block is not lost for it.
    if (bytes > block_bytes / 4) return Keep(HeapBlock(bytes), bytes);
    free_ = Keep(block_bytes < kHugePageBytes ? HeapBlock(block_bytes) : MappedBlock(block_bytes),
                 block_bytes);
    free_bytes_ = block_bytes;
    return Allocate(bytes, alignment);
  }
  char* const result = free_ + padding;
  free_ = result + bytes;
  free_bytes_ -= padding + bytes;
  return result;
}

Arena::Block Arena::HeapBlock(size_t bytes) {
  const auto block = ::operator new (bytes, std::align_val_t{kMaxAlignment});
  return Block(static_cast<char*>(block), Free{0});
}

// A search hops through a large memtable at random, so it misses the TLB at every hop unless the
// pages are huge; measured, they save a third of each miss. Those blocks bypass the heap also so
// that a memtable's end gives its memory back to the system.
Arena::Block Arena::MappedBlock(size_t bytes) {
  const size_t mapped_bytes = bytes + kHugePageBytes;
  void* const mapped =
      mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapped);
  char* const end = begin + mapped_bytes;
  char* const block = begin + ((0 - reinterpret_cast<uintptr_t>(begin)) & (kHugePageBytes - 1));
  if (block > begin) CHECK(munmap(begin, static_cast<size_t>(block - begin)) == 0);
  if (end > block + bytes)
    CHECK(munmap(block + bytes, static_cast<size_t>(end - block) - bytes) == 0);
  // Advice only: a kernel without huge pages refuses, and all is as before.
  static_cast<void>(madvise(block, bytes, MADV_HUGEPAGE));
  return Block(block, Free{bytes});
}

char* Arena::Keep(Block block, size_t bytes) {
  blocks_.push_back(std::move(block));
  memory_bytes_.store(memory_bytes() + bytes, std::memory_order_relaxed);
  return blocks_.back().get();
}

}  // namespace lumen
