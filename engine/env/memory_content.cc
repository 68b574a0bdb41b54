#include "engine/env/memory_content.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lumen {
namespace {

constexpr std::array<char, MemoryContent::kChunkBytes> kZeros{};

}  // namespace

template <typename Each>
void MemoryContent::ForEachPiece(uint64_t offset, size_t length, Each each) {
  for (size_t done = 0; done < length;) {
    const size_t within = (offset + done) % kChunkBytes;
    const size_t bytes = std::min(length - done, kChunkBytes - within);
    each(static_cast<size_t>((offset + done) / kChunkBytes), within, done, bytes);
    done += bytes;
  }
}

void MemoryContent::Extend(uint64_t size_bytes) { size_ = std::max(size_, size_bytes); }

void MemoryContent::Write(uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  const bool rewrites = offset < written_;
  ForEachPiece(offset, data.size(), [&](size_t index, size_t within, size_t done, size_t bytes) {
    if (rewrites) ReplaceChunk(index);
    std::memcpy(WritableChunk(index).data() + within, data.data() + done, bytes);
  });
  written_ = std::max(written_, offset + data.size());
  Extend(written_);
}

void MemoryContent::Resize(uint64_t size_bytes) {
  ForgetFrom(size_bytes);
  size_ = size_bytes;
  Sync();
}

void MemoryContent::Sync() {
  durable_size_ = size_;
  durable_written_ = written_;
}

size_t MemoryContent::Read(uint64_t offset, std::span<char> out) const {
  if (offset >= size_) return 0;
  const size_t length = static_cast<size_t>(std::min<uint64_t>(out.size(), size_ - offset));
  ForEachPiece(offset, length, [&](size_t index, size_t within, size_t done, size_t bytes) {
    std::memcpy(out.data() + done, ChunkAt(index).data() + within, bytes);
  });
  return length;
}

std::optional<std::string_view> MemoryContent::View(uint64_t offset, size_t length) const {
  const size_t within = offset % kChunkBytes;
  const bool one_chunk = length <= kChunkBytes - within;
  if (!one_chunk || offset > written_ || length > written_ - offset) return std::nullopt;
  return std::string_view(ChunkAt(static_cast<size_t>(offset / kChunkBytes)).data() + within,
                          length);
}

const MemoryContent::Chunk& MemoryContent::ChunkAt(size_t index) const {
  const bool zeros = index >= chunks_.size() || chunks_[index] == nullptr;
  return zeros ? kZeros : *chunks_[index];
}

// Puts a private copy in the chunk's place.
void MemoryContent::ReplaceChunk(size_t index) {
  if (index >= chunks_.size() || chunks_[index] == nullptr) return;
  auto copy = std::make_shared<Chunk>(*chunks_[index]);
  retired_.push_back(std::exchange(chunks_[index], std::move(copy)));
}

MemoryContent::Chunk& MemoryContent::WritableChunk(size_t index) {
  if (index >= chunks_.size()) chunks_.resize(index + 1);
  if (chunks_[index] == nullptr) chunks_[index] = std::make_shared<Chunk>();
  return *chunks_[index];
}

// Makes the bytes from `end` on what they were before anything was written.
void MemoryContent::ForgetFrom(uint64_t end) {
  if (end >= written_) return;
  const size_t boundary = static_cast<size_t>(end / kChunkBytes);
  const size_t within = end % kChunkBytes;
  const size_t kept = std::min(chunks_.size(), boundary + (within == 0 ? 0 : 1));
  retired_.insert(retired_.end(), chunks_.begin() + static_cast<ptrdiff_t>(kept), chunks_.end());
  chunks_.resize(kept);
  if (within != 0 && boundary < kept && chunks_[boundary] != nullptr) {
    ReplaceChunk(boundary);
    std::memset(chunks_[boundary]->data() + within, 0, kChunkBytes - within);
  }
  written_ = end;
}

MemoryContent MemoryContent::Copy() const {
  MemoryContent copy = *this;
  copy.retired_.clear();
  // Full chunks never change and are shared; this object may still append to the last one.
  copy.ReplaceChunk(static_cast<size_t>(written_ / kChunkBytes));
  copy.retired_.clear();
  return copy;
}

MemoryContent MemoryContent::DurableCopy() const {
  MemoryContent copy = Copy();
  copy.ForgetFrom(durable_written_);
  copy.retired_.clear();
  copy.size_ = durable_size_;
  copy.Sync();
  return copy;
}

}  // namespace lumen
