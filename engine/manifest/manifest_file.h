#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/framed_file_writer.h"

// Making a manifest and making it the current one, one file operation a call, so that a step can be
// interleaved. The order, with the caller's directory syncs:
//   ManifestMaker -> sync the directory -> CurrentInstaller -> sync the directory -> unlink,
//   append.
// What a crash between any two leaves behind: docs/file_formats.md#crash-prefixes.
namespace lumen {

// How the `ordinal`th edit of a manifest is appended; the snapshot is the first. Sync() follows.
FramedFileWriter::Frame ManifestFrame(uint64_t ordinal);

// create -> header block -> snapshot frame -> sync.
class ManifestMaker {
 public:
  // `snapshot` holds a floor and both next numbers (CHECKed).
  ManifestMaker(FileSystem& file_system, std::string directory, uint64_t epoch, uint64_t number,
                const VersionEdit& snapshot);

  // True: finished, TakeWriter() is next. Error: the file is to be removed and the number never
  // used again.
  absl::StatusOr<bool> Advance();
  // Goes on with ManifestFrame(2).
  std::unique_ptr<FramedFileWriter> TakeWriter();
  uint64_t number() const { return identity_.number; }

 private:
  enum class Stage : uint8_t { kCreate, kHeader, kSnapshot, kSync, kDone };
  FileSystem& file_system_;
  std::string directory_;
  FileIdentity identity_;
  std::string snapshot_;
  Stage stage_ = Stage::kCreate;
  std::unique_ptr<LogFile> file_;
  std::unique_ptr<FramedFileWriter> writer_;
};

// remove CURRENT.tmp -> create it -> append -> sync -> rename to CURRENT.
class CurrentInstaller {
 public:
  CurrentInstaller(FileSystem& file_system, std::string directory, uint64_t manifest_number);

  // True: finished; nothing old may be unlinked, and no edit appended to the new manifest, before
  // the directory is synced. Error: which manifest is current is unknown if it came from the
  // rename, else the old one still is. May be started anew with another object.
  absl::StatusOr<bool> Advance();
  bool rename_attempted() const { return rename_attempted_; }

 private:
  enum class Stage : uint8_t { kRemove, kCreate, kAppend, kSync, kRename, kDone };
  FileSystem& file_system_;
  std::string temporary_;
  std::string current_;
  uint64_t manifest_number_;
  bool rename_attempted_ = false;
  Stage stage_ = Stage::kRemove;
  std::unique_ptr<LogFile> file_;
};

}  // namespace lumen
