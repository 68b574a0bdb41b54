#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_system.h"
#include "engine/wal/wal_reader.h"

// What the tests of WAL and manifest share: a disk that forgets what was not synced, and the
// annotated hex of the golden files.
namespace lumen {

// Bytes of an annotated hex file: two digits a byte, `00*N` for N times a byte, `#` to the end of
// the line is a comment. Empty when it cannot be read or holds anything else.
std::optional<std::string> ReadHexFile(const std::string& path);

// ReadSegment of the whole file. Stops the program where it says anything else of the file's front,
// read up to where only zeros follow, or somewhat further.
SegmentReport ReadSegmentBothWays(const std::string& file, uint64_t number,
                                  std::optional<uint64_t> epoch);

// One file of TestDisk: its bytes as a process sees them, and for every 512-byte sector written
// since the last sync all its contents from the durable one on.
struct TestInode {
  std::string bytes;
  uint64_t append_at = 0;
  uint64_t durable_bytes = 0;  // size
  std::map<uint64_t, std::vector<std::string>> unsynced;

  void Write(uint64_t at, std::string_view data);
};

using DiskImage = std::map<std::string, std::string>;  // path -> bytes

// Counts and can fail its operations; survives power loss as engine/file_system.h allows, each
// sector and each name by itself.
class TestDisk : public FileSystem {
 public:
  // What may become of an unsynced sector beside one of its versions.
  enum class Loss { kVersions, kVersionsZerosGarbage };

  // The image after a power cut. `random` chooses.
  DiskImage PowerLoss(std::mt19937_64& random, Loss loss) const;
  // The image after the process died.
  DiskImage Killed() const;

  // The operation with this index (from 0) fails: an append after a part of its bytes, a sync after
  // losing track of its dirty sectors.
  std::optional<uint64_t> fail_at;
  std::vector<std::string> trace;
  std::map<std::string, std::shared_ptr<TestInode>> files;

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& existing, const std::string& added) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeSpace(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view owner) override;

  // Error when it is this operation's turn to fail.
  absl::Status Tick(const std::string& operation);

 private:
  std::map<std::string, std::shared_ptr<TestInode>> durable_names_;
};

}  // namespace lumen
