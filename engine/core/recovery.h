#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/engine_context.h"
#include "engine/core/version.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/framed_file_writer.h"

namespace lumen {

// What the last Open found, for Stats.
struct RecoveryReport {
  uint64_t bytes = 0;
  uint64_t operations = 0;
  uint64_t segments = 0;
  bool torn_tail = false;
  uint64_t torn_frames_discarded = 0;
};

// What Open starts serving from. All of it is durable, and CURRENT names it.
struct RecoveredDatabase {
  ManifestState manifest;
  std::unique_ptr<FramedFileWriter> manifest_writer;
  std::unique_ptr<FramedFileWriter> wal_writer;
  uint64_t wal_segment_bytes = 0;
  VersionPtr version;
  SequenceNumber next_sequence = 1;

  RecoveryReport report;
};

// Makes `path` and what is missing above it, and syncs every directory on the way, whoever made it:
// an earlier creation may have been cut short by a crash before its syncs. Directories that were
// there and may not be read are passed over.
absl::Status CreateDirectories(FileSystem& file_system, const std::string& path);

// A file in a directory that was made by an Open, whose parent's sync then failed, and that could
// not be removed: a power loss may take the directory with all that is ever written to it.
inline constexpr char kNameInDoubt[] = "NAME-IN-DOUBT";

// What in `directory`, if anything, tells that a database was there: empty, or words that follow
// the file's name. Nothing was ever acknowledged before CURRENT was durable.
absl::StatusOr<std::string> EvidenceOfData(FileSystem& file_system, const std::string& directory,
                                           const std::string& name);

// Makes `database` what the directory holds: a WAL segment and a manifest that names
// database.manifest's tables (synced, their names not yet durable), then CURRENT. Fills in the
// writers and the rest of the manifest from database.next_sequence. `current_attempted`: after an
// error, whether CURRENT may lead to it.
absl::Status CommitDatabase(EngineContext& context, RecoveredDatabase& database,
                            bool& current_attempted);

// After a failure: removes the files of ours that are not among `before`, sorted. Nothing names
// them yet, and on a full disk every further attempt would find less room.
void RemoveMadeSince(EngineContext& context, const std::vector<std::string>& before);

// Recovers the database in the context's directory, which exists and is locked, or creates one;
// sets the context's epoch and next file number. Runs before anything else touches the directory.
//
// One commit (files.py of the model that the order was checked with; docs/durability.md#open):
// verify that every named table is there, judge the WAL, write what it holds to new tables, make a
// WAL segment and a manifest, sync all, sync the directory, rename CURRENT, sync the directory;
// only then remove what the new manifest does not name. What is read may sit in the page cache
// only, and a later sync may lie about it, so none of it is appended to or relied upon. A crash
// before the rename is durable leaves the old state and unnamed files; after it, the new state.
absl::StatusOr<RecoveredDatabase> RecoverDatabase(EngineContext& context);

}  // namespace lumen
