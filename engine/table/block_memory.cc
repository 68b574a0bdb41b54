#include "engine/table/block_memory.h"

#include <algorithm>
#include <bit>

#include "engine/format/coding.h"

namespace lumen {

size_t BlockMemory::ClassBytes(size_t bytes) {
  const size_t step = std::max<size_t>(std::bit_floor(std::max<size_t>(bytes, 1)) / 16, 16);
  return RoundUp(bytes, step);
}

std::unique_ptr<char[]> BlockMemory::Take(size_t class_bytes) {
  {
    MutexLock lock(mutex_);
    const auto found = free_.find(class_bytes);
    if (found != free_.end()) {
      std::unique_ptr<char[]> memory = std::move(found->second.back());
      found->second.pop_back();
      if (found->second.empty()) free_.erase(found);
      kept_bytes_ -= class_bytes;
      return memory;
    }
  }
  return std::unique_ptr<char[]>(new char[class_bytes]);
}

void BlockMemory::Give(std::unique_ptr<char[]> memory, size_t class_bytes) {
  std::map<size_t, FreeList> dropped;  // freed after the lock
  MutexLock lock(mutex_);
  if (class_bytes > most_kept_bytes_) return;
  if (kept_bytes_ + class_bytes > most_kept_bytes_) {
    // What is kept is not what is being asked for: begin anew with what comes back now.
    dropped.swap(free_);
    kept_bytes_ = 0;
  }
  free_[class_bytes].push_back(std::move(memory));
  kept_bytes_ += class_bytes;
}

void BlockBuffer::Reserve(size_t bytes) {
  if (this->bytes() >= bytes && !empty()) return;
  std::shared_ptr<BlockMemory> source = memory_.get_deleter().source;
  memory_.reset();
  const size_t class_bytes = BlockMemory::ClassBytes(bytes);
  std::unique_ptr<char[]> taken = source != nullptr
                                      ? source->Take(class_bytes)
                                      : std::unique_ptr<char[]>(new char[class_bytes]);
  memory_ =
      std::unique_ptr<char[], Return>(taken.release(), Return(std::move(source), class_bytes));
}

void BlockBuffer::Return::operator()(char* memory) const {
  std::unique_ptr<char[]> owned(memory);
  if (source != nullptr) source->Give(std::move(owned), bytes);
}

}  // namespace lumen
