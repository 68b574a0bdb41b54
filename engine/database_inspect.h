#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/wal_inspect.h"

// Checking a whole database directory offline. Only reads and takes no lock: beside a running
// engine, files come and go while this reads, so a finding about a missing file or about the WAL's
// end may be of that moment only; damage found inside a table is not.
namespace lumen {

struct VerifiedTable {
  std::string name;
  int level = 0;
  uint64_t file_bytes = 0;  // as the manifest says
  uint64_t entries = 0;     // likewise
  // DATA_LOSS: missing, not the file that the manifest describes, or damaged; file, offset, rule.
  absl::Status status;
};

struct DatabaseReport {
  WalDirectoryReport wal;             // CURRENT, manifest and WAL
  std::vector<VerifiedTable> tables;  // that the manifest names; none where it cannot be read
  // Files of ours that nothing names: the next open deletes them. With no manifest, empty.
  std::vector<std::string> unnamed;
  // Files and directories that are nobody's: left alone by everyone.
  std::vector<std::string> foreign;

  // OK, or the first thing that is wrong.
  absl::Status verdict() const;
};

// How much of the tables has been read, after each.
using DirectoryProgress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;

// Everything that Engine::Open would check, and every byte of every table that the manifest names.
// NOT_FOUND: there is no database in `directory`, and nothing of one. Other errors: a file could
// not be read, or is of a newer format. Damage is no error here, but in the report.
absl::StatusOr<DatabaseReport> VerifyDatabase(FileSystem& file_system, const std::string& directory,
                                              const DirectoryProgress& progress = {});

}  // namespace lumen
