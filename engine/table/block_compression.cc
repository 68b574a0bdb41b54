#include "engine/table/block_compression.h"

#include <lz4.h>

#include "engine/format/coding.h"
#include "engine/table/table_format.h"

namespace lumen {
namespace {

constexpr size_t kLengthBytes = 4;
// LZ4's best: a byte of match length stands for 255 bytes.
constexpr uint64_t kMostExpansion = 256;

}  // namespace

bool CompressBlock(std::string_view payload, std::string& to) {
  const size_t begin = to.size();
  const size_t most_bytes = payload.size() - payload.size() / 8;
  if (most_bytes <= kLengthBytes) return false;
  AppendFixed(to, static_cast<uint32_t>(payload.size()));
  to.resize(begin + most_bytes);
  const int written = LZ4_compress_default(payload.data(), to.data() + begin + kLengthBytes,
                                           static_cast<int>(payload.size()),
                                           static_cast<int>(most_bytes - kLengthBytes));
  if (written <= 0) {
    to.resize(begin);
    return false;
  }
  to.resize(begin + kLengthBytes + static_cast<size_t>(written));
  return true;
}

size_t DecompressedBytes(std::string_view compressed) {
  if (compressed.size() <= kLengthBytes) return 0;
  const auto bytes = LoadFixed<uint32_t>(compressed.data());
  return bytes > kMaxBlockPayloadBytes || bytes > compressed.size() * kMostExpansion ? 0 : bytes;
}

bool DecompressBlock(std::string_view compressed, char* to, size_t bytes) {
  compressed.remove_prefix(kLengthBytes);
  return LZ4_decompress_safe(compressed.data(), to, static_cast<int>(compressed.size()),
                             static_cast<int>(bytes)) == static_cast<int>(bytes);
}

}  // namespace lumen
