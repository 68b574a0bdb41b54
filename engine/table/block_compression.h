#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// LZ4 payloads of blocks: u32 uncompressed length, LZ4 block.
namespace lumen {

// Appends the compressed payload to `to` where that saves at least an eighth; otherwise leaves `to`
// as it was and returns false.
bool CompressBlock(std::string_view payload, std::string& to);

// What DecompressBlock will fill; 0 where the length is impossible for so many compressed bytes.
size_t DecompressedBytes(std::string_view compressed);
// False unless the payload decompresses to exactly `bytes` bytes.
bool DecompressBlock(std::string_view compressed, char* to, size_t bytes);

}  // namespace lumen
