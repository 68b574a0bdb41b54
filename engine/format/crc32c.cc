#include "engine/format/crc32c.h"

#include <isa-l/crc.h>

namespace lumen {

uint32_t Crc32c(std::string_view data, uint32_t seed) {
  // ISA-L leaves both complements to the caller, and takes a pointer to non-const and an int
  // length.
  uint32_t crc = ~seed;
  constexpr size_t kMostBytesACall = size_t{1} << 30;
  while (!data.empty()) {
    const std::string_view part = data.substr(0, kMostBytesACall);
    crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(part.data())),
                      static_cast<int>(part.size()), crc);
    data.remove_prefix(part.size());
  }
  return ~crc;
}

}  // namespace lumen
