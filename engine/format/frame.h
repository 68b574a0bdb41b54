#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Header blocks and frames: what WAL segments and manifests are made of. Byte maps:
// docs/file_formats.md#frames.
namespace lumen {

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kHeaderBlockBytes = 4096;
inline constexpr uint64_t kFrameHeaderBytes = 40;
inline constexpr uint32_t kFormatVersion = 1;

enum class FramedFileKind : uint8_t { kWal = 1, kManifest = 2 };

// What every checksum in a framed file is seeded with, beside the offset: a stale, copied or
// misdirected frame never verifies.
struct FileIdentity {
  FramedFileKind kind = FramedFileKind::kWal;
  uint64_t epoch = 0;   // the database's, random
  uint64_t number = 0;  // the file's

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct FileHeader {
  FileIdentity identity;
  uint64_t file_bytes = 0;  // as preallocated; 0 for a manifest, which is not

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

std::string EncodeFileHeader(const FileHeader& header);  // kHeaderBlockBytes long

enum class FileHeaderState : uint8_t { kGood, kBad, kNewerFormat };
struct FileHeaderReading {
  FileHeaderState state = FileHeaderState::kBad;
  FileHeader header;            // kGood
  uint32_t format_version = 0;  // kGood, kNewerFormat

  friend bool operator==(const FileHeaderReading&, const FileHeaderReading&) = default;
};
// `expected_kind` and `expected_number` come from the file's name; a header that says otherwise is
// bad.
FileHeaderReading ReadFileHeader(std::string_view file, FramedFileKind expected_kind,
                                 uint64_t expected_number);

enum class FrameType : uint8_t { kData = 1, kNote = 2, kSeal = 3 };
inline constexpr uint8_t kFrameSync =
    1;  // a sync follows, and the next frame starts at the next sector
inline constexpr uint8_t kFrameLz4 = 2;  // payload: u32 uncompressed length, LZ4 block
// On a NOTE: the writer closed cleanly; nothing follows.
inline constexpr uint8_t kFrameClose = 4;

inline constexpr uint8_t kKnownFrameFlags = kFrameSync | kFrameLz4 | kFrameClose;

struct FrameHeader {
  uint32_t payload_checksum = 0;
  uint32_t length = 0;  // of the whole frame, header included, padding excluded
  FrameType type = FrameType::kData;
  uint8_t flags = 0;
  uint16_t reserved = 0;
  uint32_t operation_count = 0;
  uint64_t first_sequence = 0;
  uint64_t durable_to =
      0;  // every byte of this file before this offset was synced when this frame was appended

  bool sync() const { return (flags & kFrameSync) != 0; }

  // Whether every field is one that format 1 writes at `offset`. A header that verifies and is not
  // known was written by a newer format; no crash makes one.
  bool known(uint64_t offset) const;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// "DATA", "NOTE", "SEAL", or "type 9".
std::string FrameTypeName(FrameType type);

// Whether a frame may start there: 8-byte aligned, behind the header block, and its header in one
// sector.
bool IsFrameOffset(uint64_t offset);

// Where the frame after one that starts at `offset` and is `length` long begins.
uint64_t NextFrameOffset(uint64_t offset, uint32_t length, bool sync);

// Appends the frame and its padding up to NextFrameOffset. `payload` as it is stored.
// The header's length and payload checksum are filled in.
void EncodeFrame(const FileIdentity& identity, uint64_t offset, FrameHeader header,
                 std::string_view payload, std::string& to);
// The same in place: `frame` is kFrameHeaderBytes of anything, then the payload; afterwards the
// frame and its padding.
void FinishFrame(const FileIdentity& identity, uint64_t offset, FrameHeader header,
                 std::string& frame);

// The header of a frame at `offset` if one verifies there: legal offset, checksum, identity, a
// length of at least a header. It need not be known(). `file` is the whole file; the frame's length
// may pass its end.
std::optional<FrameHeader> ReadFrameHeader(const FileIdentity& identity, std::string_view file,
                                           uint64_t offset);
// The first place from `offset` on, in steps of 8 bytes, whose bytes do not rule out at a glance
// that a header verifies there; the end of the file if there is none.
uint64_t NextFrameCandidate(const FileIdentity& identity, std::string_view file, uint64_t offset);
// The stored payload if the whole frame is there and its payload verifies.
std::optional<std::string_view> ReadFramePayload(const FileIdentity& identity,
                                                 std::string_view file, uint64_t offset,
                                                 const FrameHeader& header);

}  // namespace lumen
