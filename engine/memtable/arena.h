#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace lumen {

// Memory that is handed out piece by piece and goes all at once. One thread allocates;
// memory_bytes() may be read by any.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised. `alignment` is a power of two, at most kMaxAlignment.
  char* Allocate(size_t bytes, size_t alignment);

  // Held from the system, the unused rest of the last block included.
  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

  static constexpr size_t kMaxAlignment = 64;

 private:
  struct Free {
    size_t mapped_bytes;  // 0: from the heap
    void operator()(char* block) const;
  };
  using Block = std::unique_ptr<char, Free>;

  static Block HeapBlock(size_t bytes);
  static Block MappedBlock(size_t bytes);
  char* Keep(Block block, size_t bytes);

  std::vector<Block> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  std::atomic<size_t> memory_bytes_ = 0;
};

}  // namespace lumen
