#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/table/table_summary.h"

namespace lumen {

// Levels that tables are on.
inline constexpr int kTableLevels = 8;

struct TableRecord {
  int level = 0;
  uint64_t number = 0;
  TableSummary summary;
};

// A change of the set of tables and of the WAL floor: the payload of a manifest frame. The first
// frame of a manifest holds a full snapshot as an edit to nothing. Format:
// docs/file_formats.md#manifest.
struct VersionEdit {
  std::vector<TableRecord> added;
  std::vector<std::pair<int, uint64_t>> removed;  // level, number
  // The oldest WAL segment still needed, with the sequence of its first frame.
  std::optional<uint64_t> wal_floor;
  uint64_t wal_floor_first_sequence = 0;
  std::optional<uint64_t> next_file_number;
  std::optional<uint64_t> next_sequence;

  std::string Encode() const;
  // INVALID_ARGUMENT saying which field at which byte; UNIMPLEMENTED for a field that a newer
  // format added.
  static absl::StatusOr<VersionEdit> Decode(std::string_view payload);
};

// The state a manifest describes.
struct ManifestState {
  uint64_t epoch = 0;
  uint64_t manifest_number = 0;
  std::vector<TableRecord> tables;  // by level, then in the order added
  uint64_t wal_floor = 0;
  uint64_t wal_floor_first_sequence = 0;
  uint64_t next_file_number = 0;
  uint64_t next_sequence = 0;
  uint64_t edits = 0;  // frames read, the snapshot included
  bool torn_tail = false;

  // Removals come before additions. INVALID_ARGUMENT, and nothing changed: removes a table that is
  // not there, adds a number twice, moves the floor back.
  absl::Status Apply(const VersionEdit& edit);
  VersionEdit Snapshot() const;
  // Empty, or which two tables of a level below 0 have a key in common, which no edit may bring
  // about.
  std::string OverlappingTables() const;
};

// Pure function of a manifest's bytes. DATA_LOSS naming file, offset, rule; UNIMPLEMENTED:
// written by a newer format.
absl::StatusOr<ManifestState> ReadManifest(std::string_view file, uint64_t number);

// "MANIFEST-12" and back; "00000012.sst" and back.
std::string ManifestFileName(uint64_t number);
std::string TableFileName(uint64_t number);

// A database's directory as its paths begin with it, and messages name it: without slashes at its
// end, which would stand twice in them.
std::string DirectoryPath(std::string directory);

// CURRENT: "MANIFEST-n <crc32c of that name, 8 hex digits>\n".
std::string EncodeCurrent(uint64_t manifest_number);
absl::StatusOr<uint64_t> DecodeCurrent(std::string_view file);  // DATA_LOSS

// What a name in a database directory is.
enum class FileKind : uint8_t { kWal, kTable, kManifest, kCurrent, kTemporary, kLock, kUnknown };
struct ParsedName {
  FileKind kind = FileKind::kUnknown;
  uint64_t number = 0;  // kWal, kTable, kManifest
};
ParsedName ParseFileName(std::string_view name);

}  // namespace lumen
