#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/file_system.h"
#include "engine/format/frame.h"

namespace lumen {

// Appends frames to one WAL segment or manifest whose header block is written and synced. Keeps the
// rules that recovery relies on: frames at legal offsets, a SYNC frame at the end of every sync
// unit, no append while a sync runs, durable_to, and nothing at all after an error. Not
// thread-safe.
class FramedFileWriter {
 public:
  // `file`'s append position is right behind the header block.
  FramedFileWriter(std::unique_ptr<LogFile> file, const FileIdentity& identity);

  struct Frame {
    FrameType type = FrameType::kData;
    uint8_t flags = 0;
    uint32_t operation_count = 0;
    uint64_t first_sequence = 0;
  };
  // Appends one frame. `pieces` together are the payload. `lz4`: compress it when it is at least 1
  // KiB, that saves an eighth, and leaves a byte for each operation (the sequence jump after a
  // crash counts on that). OK: the frame survives a process crash. Error: poisoned; every later
  // call returns the same error. CHECKed: sequences continue, nothing follows a SEAL or a close
  // NOTE.
  absl::Status Append(const Frame& frame, std::span<const std::string_view> pieces,
                      bool lz4 = false);

  // The last frame must carry kFrameSync (CHECK). OK: everything appended survives power loss.
  // Error: poisoned.
  absl::Status Sync();

  // Where the next frame starts, and the end of the last synced unit. Bytes from the start of the
  // file.
  uint64_t offset() const { return offset_; }
  uint64_t durable_to() const { return durable_to_; }
  bool last_frame_synced_or_none() const { return durable_to_ == offset_; }
  const absl::Status& poison() const { return poison_; }
  const FileIdentity& identity() const { return identity_; }

 private:
  void BuildPayload(std::span<const std::string_view> pieces);
  // Replaces the payload in buffer_ by its compressed form where that pays.
  bool Compress(std::span<const std::string_view> pieces, uint32_t operation_count);

  std::unique_ptr<LogFile> file_;
  FileIdentity identity_;
  uint64_t offset_ = kHeaderBlockBytes;
  uint64_t durable_to_ = kHeaderBlockBytes;
  bool last_frame_has_sync_ = true;        // the header block was synced
  std::optional<uint64_t> next_sequence_;  // once a frame was appended
  bool ended_ = false;                     // by a SEAL or a close NOTE
  absl::Status poison_;
  std::string buffer_;  // reused
  std::string joined_;  // reused: a payload to be compressed
};

}  // namespace lumen
