#include "engine/format/frame.h"

#include <limits>

#include "engine/base/check.h"
#include "engine/format/coding.h"
#include "engine/format/crc32c.h"
#include "engine/format/entry.h"

namespace lumen {
namespace {

constexpr uint64_t kFrameAlignment = 8;
constexpr size_t kMagicBytes = 8;
constexpr std::string_view kWalMagic = "LUMENWAL";
constexpr std::string_view kManifestMagic = "LUMENMAN";

// Header block. Version and checksum stay where they are in every later format.
constexpr size_t kVersionAt = 8;
constexpr size_t kKindAt = 12;
constexpr size_t kNumberAt = 16;
constexpr size_t kEpochAt = 24;
constexpr size_t kFileBytesAt = 32;
constexpr size_t kReservedAt = 40;
constexpr size_t kBlockChecksumAt = kHeaderBlockBytes - 4;

// Frame header.
constexpr size_t kPayloadChecksumAt = 4;
constexpr size_t kLengthAt = 8;
constexpr size_t kTypeAt = 12;
constexpr size_t kFlagsAt = 13;
constexpr size_t kReservedFieldAt = 14;
constexpr size_t kCountAt = 16;
constexpr size_t kIdentityAt = 20;
constexpr size_t kFirstSequenceAt = 24;
constexpr size_t kDurableToAt = 32;

constexpr uint64_t kSealFrameBytes = kFrameHeaderBytes + 8;
constexpr uint64_t kLz4PrefixBytes = 4;

std::string_view Magic(FramedFileKind kind) {
  return kind == FramedFileKind::kWal ? kWalMagic : kManifestMagic;
}

uint32_t IdentityWord(const FileIdentity& identity) {
  return static_cast<uint32_t>(identity.epoch ^ identity.number);
}

uint32_t ChecksumSeed(const FileIdentity& identity, uint64_t offset) {
  char bytes[32];
  StoreFixed<uint64_t>(bytes, identity.epoch);
  StoreFixed<uint64_t>(bytes + 8, identity.number);
  StoreFixed<uint64_t>(bytes + 16, static_cast<uint64_t>(identity.kind));
  StoreFixed<uint64_t>(bytes + 24, offset);
  return Crc32c({bytes, sizeof bytes});
}

uint32_t HeaderChecksum(uint32_t seed, const char* header) {
  return Crc32c({header + kPayloadChecksumAt, kFrameHeaderBytes - kPayloadChecksumAt}, seed);
}

bool KnownShape(const FrameHeader& header) {
  const bool lz4 = (header.flags & kFrameLz4) != 0;
  const bool close = (header.flags & kFrameClose) != 0;
  const uint64_t payload_bytes = header.length - kFrameHeaderBytes;
  switch (header.type) {
    case FrameType::kData:
      return !close && header.operation_count > 0 && header.operation_count <= payload_bytes &&
             (!lz4 || payload_bytes > kLz4PrefixBytes);
    case FrameType::kNote:
      return !lz4 && (!close || header.sync()) && header.operation_count == 0 && payload_bytes == 0;
    case FrameType::kSeal:
      return !lz4 && !close && header.sync() && header.operation_count == 0 &&
             header.length == kSealFrameBytes;
  }
  return false;
}

}  // namespace

std::string EncodeFileHeader(const FileHeader& header) {
  std::string block(kHeaderBlockBytes, '\0');
  const FileIdentity& identity = header.identity;
  Magic(identity.kind).copy(block.data(), kMagicBytes);
  StoreFixed<uint32_t>(block.data() + kVersionAt, kFormatVersion);
  StoreFixed<uint32_t>(block.data() + kKindAt, static_cast<uint32_t>(identity.kind));
  StoreFixed<uint64_t>(block.data() + kNumberAt, identity.number);
  StoreFixed<uint64_t>(block.data() + kEpochAt, identity.epoch);
  StoreFixed<uint64_t>(block.data() + kFileBytesAt, header.file_bytes);
  StoreFixed<uint32_t>(block.data() + kBlockChecksumAt,
                       Crc32c(std::string_view(block).substr(0, kBlockChecksumAt)));
  return block;
}

FileHeaderReading ReadFileHeader(std::string_view file, FramedFileKind expected_kind,
                                 uint64_t expected_number) {
  FileHeaderReading reading;
  if (file.size() < kHeaderBlockBytes) return reading;
  const std::string_view block = file.substr(0, kHeaderBlockBytes);
  if (block.substr(0, kMagicBytes) != Magic(expected_kind)) return reading;
  if (LoadFixed<uint32_t>(block.data() + kBlockChecksumAt) !=
      Crc32c(block.substr(0, kBlockChecksumAt))) {
    return reading;
  }
  const auto version = LoadFixed<uint32_t>(block.data() + kVersionAt);
  if (version > kFormatVersion) {
    reading.state = FileHeaderState::kNewerFormat;
    reading.format_version = version;
    return reading;
  }
  const FileHeader header = {.identity = {.kind = expected_kind,
                                          .epoch = LoadFixed<uint64_t>(block.data() + kEpochAt),
                                          .number = LoadFixed<uint64_t>(block.data() + kNumberAt)},
                             .file_bytes = LoadFixed<uint64_t>(block.data() + kFileBytesAt)};
  const std::string_view reserved = block.substr(kReservedAt, kBlockChecksumAt - kReservedAt);
  const bool sized = header.file_bytes != 0;
  if (version != kFormatVersion || header.identity.number != expected_number ||
      LoadFixed<uint32_t>(block.data() + kKindAt) != static_cast<uint32_t>(expected_kind) ||
      sized != (expected_kind == FramedFileKind::kWal) || !IsZero(reserved)) {
    return reading;
  }
  return {.state = FileHeaderState::kGood, .header = header, .format_version = version};
}

bool FrameHeader::known(uint64_t offset) const {
  return (flags & ~kKnownFrameFlags) == 0 && reserved == 0 && KnownShape(*this) &&
         durable_to >= kHeaderBlockBytes && durable_to <= offset &&
         durable_to % kSectorBytes == 0 && first_sequence > 0 && first_sequence <= kMaxSequence &&
         operation_count <= kMaxSequence - first_sequence;
}

std::string FrameTypeName(FrameType type) {
  switch (type) {
    case FrameType::kData:
      return "DATA";
    case FrameType::kNote:
      return "NOTE";
    case FrameType::kSeal:
      return "SEAL";
  }
  return "type " + std::to_string(static_cast<int>(type));
}

bool IsFrameOffset(uint64_t offset) {
  return offset >= kHeaderBlockBytes && offset % kFrameAlignment == 0 &&
         kSectorBytes - offset % kSectorBytes >= kFrameHeaderBytes;
}

uint64_t NextFrameOffset(uint64_t offset, uint32_t length, bool sync) {
  const uint64_t end = offset + length;
  if (sync) return RoundUp(end, kSectorBytes);
  const uint64_t aligned = RoundUp(end, kFrameAlignment);
  return IsFrameOffset(aligned) ? aligned : RoundUp(aligned, kSectorBytes);
}

void FinishFrame(const FileIdentity& identity, uint64_t offset, FrameHeader header,
                 std::string& frame) {
  CHECK(IsFrameOffset(offset));
  CHECK(frame.size() >= kFrameHeaderBytes);
  CHECK(frame.size() <= std::numeric_limits<uint32_t>::max());
  header.length = static_cast<uint32_t>(frame.size());
  CHECK(header.known(offset));

  const uint32_t seed = ChecksumSeed(identity, offset);
  char* to = frame.data();
  StoreFixed<uint32_t>(to + kPayloadChecksumAt,
                       Crc32c(std::string_view(frame).substr(kFrameHeaderBytes), seed));
  StoreFixed<uint32_t>(to + kLengthAt, header.length);
  StoreFixed<uint8_t>(to + kTypeAt, static_cast<uint8_t>(header.type));
  StoreFixed<uint8_t>(to + kFlagsAt, header.flags);
  StoreFixed<uint16_t>(to + kReservedFieldAt, header.reserved);
  StoreFixed<uint32_t>(to + kCountAt, header.operation_count);
  StoreFixed<uint32_t>(to + kIdentityAt, IdentityWord(identity));
  StoreFixed<uint64_t>(to + kFirstSequenceAt, header.first_sequence);
  StoreFixed<uint64_t>(to + kDurableToAt, header.durable_to);
  StoreFixed<uint32_t>(to, HeaderChecksum(seed, to));
  frame.resize(static_cast<size_t>(NextFrameOffset(offset, header.length, header.sync()) - offset),
               '\0');
}

void EncodeFrame(const FileIdentity& identity, uint64_t offset, FrameHeader header,
                 std::string_view payload, std::string& to) {
  std::string frame(kFrameHeaderBytes, '\0');
  frame.append(payload);
  FinishFrame(identity, offset, header, frame);
  to.append(frame);
}

std::optional<FrameHeader> ReadFrameHeader(const FileIdentity& identity, std::string_view file,
                                           uint64_t offset) {
  if (!IsFrameOffset(offset) || offset > file.size() || file.size() - offset < kFrameHeaderBytes) {
    return std::nullopt;
  }
  const char* from = file.data() + offset;
  const auto length = LoadFixed<uint32_t>(from + kLengthAt);
  if (LoadFixed<uint32_t>(from + kIdentityAt) != IdentityWord(identity) ||
      length < kFrameHeaderBytes ||
      LoadFixed<uint32_t>(from) != HeaderChecksum(ChecksumSeed(identity, offset), from)) {
    return std::nullopt;
  }
  return FrameHeader{.payload_checksum = LoadFixed<uint32_t>(from + kPayloadChecksumAt),
                     .length = length,
                     .type = static_cast<FrameType>(from[kTypeAt]),
                     .flags = LoadFixed<uint8_t>(from + kFlagsAt),
                     .reserved = LoadFixed<uint16_t>(from + kReservedFieldAt),
                     .operation_count = LoadFixed<uint32_t>(from + kCountAt),
                     .first_sequence = LoadFixed<uint64_t>(from + kFirstSequenceAt),
                     .durable_to = LoadFixed<uint64_t>(from + kDurableToAt)};
}

uint64_t NextFrameCandidate(const FileIdentity& identity, std::string_view file, uint64_t offset) {
  const uint32_t word = IdentityWord(identity);
  for (offset = RoundUp(offset, kFrameAlignment); offset + kFrameHeaderBytes <= file.size();
       offset += kFrameAlignment) {
    if (LoadFixed<uint32_t>(file.data() + offset + kIdentityAt) == word) return offset;
  }
  return file.size();
}

std::optional<std::string_view> ReadFramePayload(const FileIdentity& identity,
                                                 std::string_view file, uint64_t offset,
                                                 const FrameHeader& header) {
  if (offset > file.size() || header.length > file.size() - offset ||
      header.length < kFrameHeaderBytes) {
    return std::nullopt;
  }
  const std::string_view payload =
      file.substr(static_cast<size_t>(offset) + kFrameHeaderBytes,
                  static_cast<size_t>(header.length) - kFrameHeaderBytes);
  if (Crc32c(payload, ChecksumSeed(identity, offset)) != header.payload_checksum) {
    return std::nullopt;
  }
  return payload;
}

}  // namespace lumen
