#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"

namespace lumen {

// Memory for blocks, in size classes, recycled across threads: what one thread's eviction frees,
// the next thread's read takes. Left to malloc alone, every thread's arena keeps free what blocks
// of another left in it (a cache of 256 MiB read by 4 threads: 68 MiB more than it counted). Keeps
// at most `kept_bytes` of free memory. Thread-safe.
class BlockMemory {
 public:
  explicit BlockMemory(uint64_t kept_bytes) : most_kept_bytes_(kept_bytes) {}
  BlockMemory(const BlockMemory&) = delete;
  BlockMemory& operator=(const BlockMemory&) = delete;

  // Rounds up to 1/16 of a power of two.
  static size_t ClassBytes(size_t bytes);

  // Both of a class's size.
  std::unique_ptr<char[]> Take(size_t class_bytes) EXCLUDES(mutex_);
  void Give(std::unique_ptr<char[]> memory, size_t class_bytes) EXCLUDES(mutex_);

  uint64_t kept_bytes() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return kept_bytes_;
  }

 private:
  using FreeList = std::vector<std::unique_ptr<char[]>>;

  const uint64_t most_kept_bytes_;
  mutable Mutex mutex_;
  uint64_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  std::map<size_t, FreeList> free_ GUARDED_BY(mutex_);  // by class
};

// Memory that goes back where it came from: to `source`, or, without one, to the heap. Movable.
class BlockBuffer {
 public:
  explicit BlockBuffer(std::shared_ptr<BlockMemory> source = nullptr)
      : memory_(nullptr, Return(std::move(source), 0)) {}

  // At least `bytes`; what was there before is lost if it grows.
  void Reserve(size_t bytes);

  char* data() const { return memory_.get(); }
  bool empty() const { return memory_ == nullptr; }
  size_t bytes() const { return memory_.get_deleter().bytes; }

 private:
  struct Return {
    Return(std::shared_ptr<BlockMemory> to, size_t class_bytes)
        : source(std::move(to)), bytes(class_bytes) {}
    void operator()(char* memory) const;
    std::shared_ptr<BlockMemory> source;
    size_t bytes;
  };
  std::unique_ptr<char[], Return> memory_;
};

}  // namespace lumen
