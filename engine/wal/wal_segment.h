#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/wal/framed_file_writer.h"

namespace lumen {

// "00000012.wal" and back. Numbers of more than 8 digits just take more.
std::string WalFileName(uint64_t number);
// Of the number in it, at least; of a table's name as well.
inline constexpr size_t kFileNameDigits = 8;

// Bytes a segment must have so that a first frame with this payload and the SEAL behind it fit.
uint64_t WalSegmentBytesFor(uint64_t payload_bytes);
// Whether a frame with this payload at `offset`, and the SEAL behind it, fit. Frames that would
// take the SEAL's place must not be appended, NOTEs included.
bool WalFrameFits(uint64_t offset, uint64_t payload_bytes, uint64_t segment_bytes);
// The payload of a SEAL.
std::string EncodeSuccessor(uint64_t successor);

// Makes a segment ahead of need, one file operation a call, so that a step can be interleaved:
// create -> allocate -> sync -> header -> sync -> sync the directory.
// A crash before the last leaves a segment in which nothing verifies, or no name at all: recovery
// ignores and deletes it.
class WalSegmentMaker {
 public:
  WalSegmentMaker(FileSystem& file_system, std::string directory, const FileIdentity& identity,
                  uint64_t bytes);

  // True: finished, TakeWriter() is next. Error: the file is to be removed and the number never
  // used again.
  absl::StatusOr<bool> Advance();
  std::unique_ptr<FramedFileWriter> TakeWriter();
  const FileIdentity& identity() const { return identity_; }
  uint64_t bytes() const { return bytes_; }

 private:
  enum class Stage : uint8_t {
    kCreate,
    kAllocate,
    kSyncAllocation,
    kHeader,
    kSyncHeader,
    kSyncDirectory,
    kDone
  };
  FileSystem& file_system_;
  std::string directory_;
  FileIdentity identity_;
  uint64_t bytes_;
  Stage stage_ = Stage::kCreate;
  std::unique_ptr<LogFile> file_;
};

}  // namespace lumen
