#pragma once

#include <cstdint>
#include <string>

#include "engine/format/entry.h"

namespace lumen {

// What the manifest records of a table, beside its level and number.
struct TableSummary {
  uint64_t file_bytes = 0;
  uint32_t file_checksum = 0;  // CRC-32C of the whole file
  std::string smallest_key;    // user keys
  std::string largest_key;
  SequenceNumber smallest_sequence = 0;
  SequenceNumber largest_sequence = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_bytes = 0;  // keys and values, uncompressed
};

}  // namespace lumen
