#pragma once

#include <cstdint>
#include <string_view>

namespace lumen {

// CRC-32C (Castagnoli, reflected, initial value and final xor all ones), in hardware where the CPU
// can (ISA-L). `seed` is the CRC of the bytes before `data`, so Crc32c(b, Crc32c(a)) is the CRC of
// a followed by b.
uint32_t Crc32c(std::string_view data, uint32_t seed = 0);

}  // namespace lumen
