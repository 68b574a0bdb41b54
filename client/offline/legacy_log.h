#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/batch.h"
#include "engine/file_system.h"

namespace lumen {

// Reads the wal.log of the original LumenKV front to back, one record in memory at a time:
//   op u8 (1 put, 2 delete) | CRC32 | key length u64 | value length u64 | key | value
// Numbers are big-endian; the checksum is CRC-32 (IEEE) of everything but itself.
class LegacyLog {
 public:
  struct Record {
    EntryKind kind = EntryKind::kPut;
    std::string_view key;  // both good until the next call
    std::string_view value;
  };

  // A record that LumenKV cannot hold is larger than this.
  static constexpr uint64_t kMostKeyBytes = uint64_t{64} << 10;
  static constexpr uint64_t kMostValueBytes = uint64_t{16} << 20;

  static absl::StatusOr<LegacyLog> Open(FileSystem& file_system, const std::string& path);

  // Empty: the end of the file, or a torn tail (see torn()). DATA_LOSS: the record at offset() is
  // damaged; what came before is good. FAILED_PRECONDITION: it is good, and LumenKV takes no such
  // key. Others: the file cannot be read. After an error the log is at its end.
  //
  // A tail is torn if the file ends within the record, or only zeros follow, and no record
  // verifies anywhere behind its start. A length that was damaged looks the same but for that.
  absl::StatusOr<std::optional<Record>> Next();

  uint64_t offset() const { return offset_; }  // of the next record, or of what ended the log
  uint64_t file_bytes() const { return file_->size(); }
  bool torn() const { return torn_; }

 private:
  struct Header;
  LegacyLog(std::unique_ptr<ReadFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  // `length` bytes from `offset` on, which the file has.
  absl::StatusOr<std::string_view> Read(uint64_t offset, uint64_t length);
  absl::StatusOr<std::optional<Record>> ReadRecord();
  absl::StatusOr<std::optional<Record>> EndHere(const std::string& why);
  absl::Status Damaged(const std::string& why) const;

  std::unique_ptr<ReadFile> file_;
  std::string path_;
  uint64_t offset_ = 0;
  bool torn_ = false;
  bool ended_ = false;
  std::string buffer_;
  uint64_t buffer_offset_ = 0;
};

}  // namespace lumen
