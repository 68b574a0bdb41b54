#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lumen {

// The bytes of one file in memory, and how many of them a power loss leaves. Not thread-safe.
//
// A log file is written once from front to back, so its durable version needs no copy: it is the
// first durable_written_ bytes, and zeros up to durable_size_. Bytes live in chunks that are made
// when first written, so a reservation costs nothing. Written bytes never change in place: what
// rewrites them puts a changed copy of the chunk in its stead, and the old one stays for its Views.
class MemoryContent {
 public:
  static constexpr size_t kChunkBytes = 32 << 10;

  uint64_t size() const { return size_; }
  // Zeros from here on.
  uint64_t data_end() const { return std::min(size_, written_); }

  // Makes the content at least this long, with zeros.
  void Extend(uint64_t size_bytes);
  // Over synced bytes it changes the durable version too: Sync afterwards.
  void Write(uint64_t offset, std::string_view data);
  // Shorter or longer. What is here afterwards counts as synced.
  void Resize(uint64_t size_bytes);
  // What is here now survives power loss.
  void Sync();

  // The bytes copied, fewer than out.size() only at the end.
  size_t Read(uint64_t offset, std::span<char> out) const;
  // Valid as long as this object, and unchanging. Empty where the range crosses a chunk, passes the
  // end, or may still be written.
  std::optional<std::string_view> View(uint64_t offset, size_t length) const;

  // A copy for another file system; with its unsynced part, or as a power loss leaves it.
  MemoryContent Copy() const;
  MemoryContent DurableCopy() const;

 private:
  using Chunk = std::array<char, kChunkBytes>;

  // Calls each(chunk index, offset in it, offset in the range, bytes) over the range's pieces.
  template <typename Each>
  static void ForEachPiece(uint64_t offset, size_t length, Each each);
  const Chunk& ChunkAt(size_t index) const;
  void ReplaceChunk(size_t index);
  Chunk& WritableChunk(size_t index);
  void ForgetFrom(uint64_t end);

  std::vector<std::shared_ptr<Chunk>> chunks_;   // null, or past the end: zeros
  std::vector<std::shared_ptr<Chunk>> retired_;  // replaced, but a View may be looking
  uint64_t size_ = 0;
  uint64_t written_ = 0;  // zeros from here on
  uint64_t durable_size_ = 0;
  uint64_t durable_written_ = 0;
};

}  // namespace lumen
