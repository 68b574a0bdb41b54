#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/table/table.h"

// The fixed parts of an SSTable: block trailers, properties and footer. Byte maps:
// docs/file_formats.md#sstable. Everything here is a pure function of bytes.
namespace lumen {

inline constexpr uint32_t kTableFormatVersion = 1;
inline constexpr uint64_t kTableMagic = 0x5453534E454D554C;  // "LUMENSST", little-endian
inline constexpr uint64_t kTableFooterBytes = 64;
inline constexpr uint64_t kBlockTrailerBytes = 5;
// Uncompressed. A block holds more than TableOptions::block_bytes only where one entry does.
inline constexpr uint64_t kMaxBlockPayloadBytes = uint64_t{1} << 30;

enum class BlockCompression : uint8_t { kNone = 0, kLz4 = 1 };

// Where a block is stored, trailer included.
struct BlockLocation {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// DATA_LOSS in the form every table error has: file, offset, rule, and what to run.
absl::Status TableDataLoss(std::string_view file, uint64_t offset, std::string_view rule,
                           std::string_view detail = {});

// CRC-32C of a block's stored bytes up to its checksum, then of its offset: a block that the device
// returns from another place does not verify.
uint32_t BlockChecksum(std::string_view payload_and_compression, uint64_t offset);

// Appends compression byte and checksum to the payload that begins at `payload_begin` of `to` and
// will be stored at `offset`.
void AppendBlockTrailer(std::string& to, size_t payload_begin, uint64_t offset,
                        BlockCompression compression);

// A stored block, split. `rule` is empty when the trailer is good.
struct StoredBlock {
  std::string_view payload;
  BlockCompression compression = BlockCompression::kNone;
  std::string_view rule;
};
StoredBlock OpenStoredBlock(std::string_view stored, uint64_t offset);

// Offsets of the sections; each begins where the one before it ends, data at 0, footer last.
struct TableFooter {
  uint64_t filter_offset = 0;
  uint64_t index_offset = 0;
  uint64_t properties_offset = 0;
  uint64_t file_bytes = 0;
  uint32_t body_checksum = 0;  // CRC-32C of everything before the footer
  uint32_t format_version = kTableFormatVersion;
  uint32_t oldest_reader_version = kTableFormatVersion;

  uint64_t footer_offset() const { return file_bytes - kTableFooterBytes; }
  BlockLocation filter() const { return {filter_offset, index_offset - filter_offset}; }
  BlockLocation index() const { return {index_offset, properties_offset - index_offset}; }
  BlockLocation properties() const {
    return {properties_offset, footer_offset() - properties_offset};
  }
};

std::string EncodeTableFooter(const TableFooter& footer);
// `bytes`: the last kTableFooterBytes of a file of `file_bytes`. DATA_LOSS; UNIMPLEMENTED for a
// whole footer of a format that this build cannot read.
absl::StatusOr<TableFooter> DecodeTableFooter(std::string_view file, std::string_view bytes,
                                              uint64_t file_bytes);

struct TableProperties {
  TableSummary summary;  // without file_bytes and file_checksum
  uint64_t data_blocks = 0;
  uint32_t block_bytes = 0;
  uint32_t bloom_bits_per_key = 0;
};

std::string EncodeTableProperties(const TableProperties& properties);
// The broken rule, or empty.
std::string_view DecodeTableProperties(std::string_view payload, TableProperties& properties);

}  // namespace lumen
