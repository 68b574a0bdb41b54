#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/batch.h"
#include "engine/file_system.h"

// Looking into one SSTable without an engine, for people and tools. Only reads; needs no lock,
// since a table never changes. Format: docs/file_formats.md#sstable.
namespace lumen {

// Footer, properties and filter, all of which verify.
struct DumpedTable {
  uint32_t format_version = 0;
  uint32_t oldest_reader_version = 0;
  uint64_t file_bytes = 0;
  uint32_t checksum = 0;  // CRC-32C of the whole file
  uint64_t filter_offset = 0;
  uint64_t index_offset = 0;
  uint64_t properties_offset = 0;
  uint64_t footer_offset = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_bytes = 0;  // keys and values, uncompressed
  uint64_t smallest_sequence = 0;
  uint64_t largest_sequence = 0;
  std::string smallest_key;
  std::string largest_key;
  uint64_t data_blocks = 0;
  uint32_t block_bytes = 0;
  uint32_t bloom_bits_per_key = 0;
  uint64_t filter_lines = 0;  // of 64 bytes
  uint32_t filter_probes = 0;
};

struct DumpedBlock {
  uint32_t number = 0;
  uint64_t offset = 0;
  uint64_t length = 0;  // as stored
  // What the index says: no entry lies before this key and, where it is there, this sequence.
  std::optional<std::string> from_key = {};
  std::optional<uint64_t> from_sequence = {};
  // DATA_LOSS: the block does not verify, and nothing below is known.
  absl::Status status = {};
  uint32_t entries = 0;
  std::string common_prefix = {};
  bool lz4 = false;
  uint64_t payload_bytes = 0;  // uncompressed
};

// Good during the call.
struct DumpedEntry {
  uint64_t sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string_view key;
  std::string_view value;
};

class TableDumpSink {
 public:
  virtual ~TableDumpSink() = default;
  virtual void OnTable(const DumpedTable& table) = 0;
  virtual void OnBlock(const DumpedBlock& block) = 0;
  virtual void OnEntry(const DumpedEntry& entry) = 0;  // of the block before it
};

// Everything in one table, in order of offsets, a block in memory at a time; `entries`: every
// key-version too. A data block that does not verify is told to the sink, and the dump goes on;
// then, and where footer, properties, index or filter do not verify, DATA_LOSS naming the first
// such place. Other errors end it: the file cannot be read.
absl::Status DumpTable(FileSystem& file_system, const std::string& path, bool entries,
                       TableDumpSink& sink);

struct TableTextOptions {
  bool entries = false;  // every key-version too, not only blocks
  // Longer keys and values are shown up to here, with their full size. Bytes.
  size_t shown_bytes = 64;
};

// The same as lines of text, without line ends. Bytes other than printable ASCII are shown as \xNN.
absl::Status DumpTableAsText(FileSystem& file_system, const std::string& path,
                             const TableTextOptions& options,
                             const std::function<void(std::string_view line)>& line);

// Reads every byte: all checksums, the order of entries, index, filter and properties against the
// entries. DATA_LOSS naming file, offset and rule.
absl::Status VerifyTable(FileSystem& file_system, const std::string& path);

}  // namespace lumen
