#include <algorithm>
#include <array>
#include <cstring>

#include "faultfs/disk_image.h"
#include "faultfs/volume/mixing.h"

namespace lumen::faultfs {
namespace {

constexpr size_t kSectorsPerChunk = FileBytes::kChunkBytes / kSectorBytes;
constexpr std::array<char, FileBytes::kChunkBytes> kZeros{};

uint64_t Word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// 0 for a sector of zeros, so that a hole hashes as what it reads as. Four lanes, because a
// multiplication takes longer than it keeps the multiplier busy. None may begin with kMix1, or the
// two words of a pair could change places.
uint64_t HashSector(const char* bytes) {
  if (std::memcmp(bytes, kZeros.data(), kSectorBytes) == 0) return 0;
  uint64_t lanes[4] = {kMix2, kMix3, kMix4, kMix5};
  for (size_t at = 0; at < kSectorBytes; at += 64) {
    for (size_t lane = 0; lane < 4; ++lane) {
      const char* pair = bytes + at + lane * 16;
      lanes[lane] = Fold(Word(pair) ^ kMix1, Word(pair + 8) ^ lanes[lane]);
    }
  }
  return Mix(Mix(lanes[0], lanes[1]), Mix(lanes[2], lanes[3])) | 1;
}

// Calls each(chunk, offset in it, offset in the range, bytes) over the range's pieces.
template <typename Each>
void ForEachPiece(uint64_t offset, size_t length, Each each) {
  constexpr uint64_t kChunk = FileBytes::kChunkBytes;
  for (size_t done = 0; done < length;) {
    const auto within = static_cast<size_t>((offset + done) % kChunk);
    const size_t bytes = std::min(length - done, static_cast<size_t>(kChunk) - within);
    each(static_cast<size_t>((offset + done) / kChunk), within, done, bytes);
    done += bytes;
  }
}

}  // namespace

// Bytes beyond the end of the file are zero.
struct FileBytes::Chunk {
  // The sectors that hold part of this range are about to change.
  void Touch(size_t offset, size_t length) {
    const size_t last = (offset + length - 1) / kSectorBytes;
    for (size_t sector = offset / kSectorBytes; sector <= last; ++sector) {
      known_sectors &= static_cast<uint8_t>(~(1u << sector));
    }
    known = false;
  }

  uint64_t Hash() {
    if (known) return hash;
    hash = 0;
    for (size_t sector = 0; sector < kSectorsPerChunk; ++sector) {
      uint64_t& of_sector = sector_hashes[sector];
      if ((known_sectors >> sector & 1) == 0) {
        of_sector = HashSector(bytes.data() + sector * kSectorBytes);
      }
      if (of_sector != 0) hash += Mix(of_sector, sector);
    }
    known_sectors = 0xff;
    known = true;
    return hash;
  }

  std::array<char, kChunkBytes> bytes{};
  std::array<uint64_t, kSectorsPerChunk> sector_hashes{};
  uint64_t hash = 0;
  uint8_t known_sectors = 0xff;
  bool known = true;
};

FileBytes::Chunk& FileBytes::MutableChunk(size_t index) {
  if (index >= chunks_.size()) chunks_.resize(index + 1);
  std::shared_ptr<Chunk>& chunk = chunks_[index];
  if (chunk == nullptr) {
    chunk = std::make_shared<Chunk>();
  } else if (chunk.use_count() > 1) {
    chunk = std::make_shared<Chunk>(*chunk);
  }
  return *chunk;
}

const char* FileBytes::ChunkData(size_t index) const {
  const bool hole = index >= chunks_.size() || chunks_[index] == nullptr;
  return hole ? kZeros.data() : chunks_[index]->bytes.data();
}

void FileBytes::Resize(uint64_t size_bytes) {
  hash_ = 0;
  if (size_bytes < size_) {
    const auto kept = static_cast<size_t>((size_bytes + kChunkBytes - 1) / kChunkBytes);
    if (chunks_.size() > kept) chunks_.resize(kept);
    const auto within = static_cast<size_t>(size_bytes % kChunkBytes);
    if (within != 0 && chunks_.size() == kept && chunks_.back() != nullptr) {
      Chunk& last = MutableChunk(kept - 1);
      last.Touch(within, kChunkBytes - within);
      std::memset(last.bytes.data() + within, 0, kChunkBytes - within);
    }
  }
  size_ = size_bytes;
}

void FileBytes::Write(uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  hash_ = 0;
  size_ = std::max(size_, offset + data.size());
  ForEachPiece(offset, data.size(), [&](size_t index, size_t within, size_t done, size_t bytes) {
    Chunk& chunk = MutableChunk(index);
    chunk.Touch(within, bytes);
    std::memcpy(chunk.bytes.data() + within, data.data() + done, bytes);
  });
}

size_t FileBytes::Read(uint64_t offset, char* out, size_t length) const {
  if (offset >= size_ || length == 0) return 0;
  length = static_cast<size_t>(std::min<uint64_t>(length, size_ - offset));
  const size_t with_data = static_cast<size_t>(
      std::min<uint64_t>(length, std::max<uint64_t>(data_end(), offset) - offset));
  ForEachPiece(offset, with_data, [&](size_t index, size_t within, size_t done, size_t bytes) {
    std::memcpy(out + done, ChunkData(index) + within, bytes);
  });
  std::memset(out + with_data, 0, length - with_data);
  return length;
}

std::optional<std::string_view> FileBytes::View(uint64_t offset, size_t length) const {
  if (offset > size_ || length > size_ - offset) return std::nullopt;
  if (offset >= data_end() && length <= kChunkBytes) return std::string_view(kZeros.data(), length);
  const auto within = static_cast<size_t>(offset % kChunkBytes);
  if (length > kChunkBytes - within) return std::nullopt;
  return std::string_view(ChunkData(static_cast<size_t>(offset / kChunkBytes)) + within, length);
}

uint64_t FileBytes::data_end() const {
  return std::min<uint64_t>(size_, chunks_.size() * kChunkBytes);
}

std::string FileBytes::ToString() const {
  std::string text(static_cast<size_t>(size_), '\0');
  Read(0, text.data(), text.size());
  return text;
}

uint64_t FileBytes::hash() const {
  if (hash_ != 0) return hash_;
  uint64_t sum = 0;
  for (size_t index = 0; index < chunks_.size(); ++index) {
    const uint64_t of_chunk = chunks_[index] == nullptr ? 0 : chunks_[index]->Hash();
    if (of_chunk != 0) sum += Mix(of_chunk, index);
  }
  hash_ = Mix(sum, size_) | 1;
  return hash_;
}

}  // namespace lumen::faultfs
