// Goal: a frame is found exactly where it was written, by the file it was written for, and every
// field out of format 1 is told apart from damage. Method: frames and headers made one by one, each
// then changed in one respect.
#include "engine/format/frame.h"

#include <gtest/gtest.h>

#include "engine/format/coding.h"
#include "engine/format/crc32c.h"
#include "engine/format/entry.h"

namespace lumen {
namespace {

constexpr FileIdentity kIdentity = {
    .kind = FramedFileKind::kWal, .epoch = 0x1122334455667788, .number = 9};
constexpr uint64_t kFileBytes = 16384;

FrameHeader DataHeader() {
  return {.type = FrameType::kData,
          .flags = kFrameSync,
          .operation_count = 3,
          .first_sequence = 41,
          .durable_to = 4096};
}

// A file with one frame at `offset`.
std::string FileWith(const FileIdentity& identity, uint64_t offset, const FrameHeader& header,
                     std::string_view payload) {
  std::string file = EncodeFileHeader({.identity = identity, .file_bytes = kFileBytes});
  file.resize(offset, '\0');
  EncodeFrame(identity, offset, header, payload, file);
  file.resize(kFileBytes, '\0');
  return file;
}

TEST(FrameOffset, NextFrameIsAlignedHasItsHeaderInOneSectorAndFollowsASyncAtASector) {
  for (uint64_t offset = kHeaderBlockBytes; offset < kHeaderBlockBytes + 1024; offset += 8) {
    if (!IsFrameOffset(offset)) continue;
    for (uint32_t length = kFrameHeaderBytes; length < 1200; ++length) {
      const uint64_t next = NextFrameOffset(offset, length, false);
      ASSERT_TRUE(IsFrameOffset(next));
      ASSERT_GE(next, offset + length);
      // The nearest legal offset: none was passed over.
      for (uint64_t skipped = offset + length; skipped < next; ++skipped) {
        ASSERT_FALSE(IsFrameOffset(skipped)) << offset << " " << length;
      }
      const uint64_t after_sync = NextFrameOffset(offset, length, true);
      ASSERT_EQ(after_sync % kSectorBytes, 0u);
      ASSERT_GE(after_sync, offset + length);
      ASSERT_LT(after_sync, offset + length + kSectorBytes);
    }
  }
}

TEST(Frame, IsReadBackAsWritten) {
  const std::string payload = "0123456789";
  const std::string file = FileWith(kIdentity, 4608, DataHeader(), payload);
  const auto header = ReadFrameHeader(kIdentity, file, 4608);
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(header->known(4608));
  EXPECT_EQ(header->length, kFrameHeaderBytes + payload.size());
  EXPECT_EQ(header->type, FrameType::kData);
  EXPECT_EQ(header->flags, kFrameSync);
  EXPECT_EQ(header->operation_count, 3u);
  EXPECT_EQ(header->first_sequence, 41u);
  EXPECT_EQ(header->durable_to, 4096u);
  EXPECT_EQ(ReadFramePayload(kIdentity, file, 4608, *header), payload);
}

TEST(Frame, DoesNotVerifyInAnotherFileDatabaseKindOrPlace) {
  const std::string file = FileWith(kIdentity, 4608, DataHeader(), "0123456789");
  FileIdentity other = kIdentity;
  other.number = 10;
  EXPECT_FALSE(ReadFrameHeader(other, file, 4608).has_value());
  // The identity word is the same for this one: only the seed tells them apart.
  other.epoch = kIdentity.epoch ^ kIdentity.number ^ other.number;
  EXPECT_FALSE(ReadFrameHeader(other, file, 4608).has_value());
  other = kIdentity;
  other.epoch ^= uint64_t{1} << 40;
  EXPECT_FALSE(ReadFrameHeader(other, file, 4608).has_value());
  other = kIdentity;
  other.kind = FramedFileKind::kManifest;
  EXPECT_FALSE(ReadFrameHeader(other, file, 4608).has_value());

  std::string moved = file;
  moved.replace(8192, 512, file.substr(4608, 512));
  EXPECT_FALSE(ReadFrameHeader(kIdentity, moved, 8192).has_value());
}

TEST(Frame, EveryFlippedBitOfItUnmakesHeaderOrPayload) {
  const std::string payload = "0123456789";
  const std::string file = FileWith(kIdentity, 4608, DataHeader(), payload);
  for (size_t at = 4608; at < 4608 + kFrameHeaderBytes + payload.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto header = ReadFrameHeader(kIdentity, damaged, 4608);
      const bool in_header = at < 4608 + kFrameHeaderBytes;
      ASSERT_EQ(header.has_value(), !in_header) << at << " bit " << bit;
      if (header) {
        ASSERT_FALSE(ReadFramePayload(kIdentity, damaged, 4608, *header).has_value()) << at;
      }
    }
  }
}

TEST(Frame, CutAnywhereIsNotReadPastTheEnd) {
  const std::string payload = "0123456789";
  const std::string file = FileWith(kIdentity, 4608, DataHeader(), payload);
  for (size_t size = 0; size <= 4608 + kFrameHeaderBytes + payload.size(); ++size) {
    const std::string cut = file.substr(0, size);
    const auto header = ReadFrameHeader(kIdentity, cut, 4608);
    ASSERT_EQ(header.has_value(), size >= 4608 + kFrameHeaderBytes);
    if (header) {
      ASSERT_EQ(ReadFramePayload(kIdentity, cut, 4608, *header).has_value(),
                size == 4608 + kFrameHeaderBytes + payload.size());
    }
  }
}

TEST(FrameHeader, KnowsExactlyWhatFormat1Writes) {
  constexpr uint64_t kAt = 5120;
  const FrameHeader data = {.length = 60,
                            .type = FrameType::kData,
                            .operation_count = 2,
                            .first_sequence = 7,
                            .durable_to = 4608};
  const FrameHeader note = {
      .length = 40, .type = FrameType::kNote, .first_sequence = 7, .durable_to = 4608};
  const FrameHeader seal = {.length = 48,
                            .type = FrameType::kSeal,
                            .flags = kFrameSync,
                            .first_sequence = 7,
                            .durable_to = 4608};
  const auto with = [](FrameHeader header, auto change) {
    change(header);
    return header.known(kAt);
  };
  EXPECT_TRUE(data.known(kAt));
  EXPECT_TRUE(note.known(kAt));
  EXPECT_TRUE(seal.known(kAt));
  EXPECT_TRUE(with(data, [](auto& h) { h.flags = kFrameSync | kFrameLz4; }));
  EXPECT_TRUE(with(note, [](auto& h) { h.flags = kFrameSync | kFrameClose; }));
  EXPECT_TRUE(with(note, [](auto& h) { h.flags = kFrameSync; }));

  EXPECT_FALSE(with(data, [](auto& h) { h.type = static_cast<FrameType>(4); }));
  EXPECT_FALSE(with(data, [](auto& h) { h.type = static_cast<FrameType>(0); }));
  EXPECT_FALSE(with(data, [](auto& h) { h.flags = 8; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.flags = kFrameClose; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.reserved = 1; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.operation_count = 0; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.operation_count = 21; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.flags = kFrameLz4, h.length = 44; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.first_sequence = 0; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.first_sequence = kMaxSequence - 1; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.first_sequence = ~uint64_t{0}; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.durable_to = kAt + 512; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.durable_to = 4608 + 8; }));
  EXPECT_FALSE(with(data, [](auto& h) { h.durable_to = 0; }));
  EXPECT_FALSE(with(note, [](auto& h) { h.flags = kFrameClose; }));
  EXPECT_FALSE(with(note, [](auto& h) { h.operation_count = 1; }));
  EXPECT_FALSE(with(note, [](auto& h) { h.length = 48; }));
  EXPECT_FALSE(with(seal, [](auto& h) { h.flags = 0; }));
  EXPECT_FALSE(with(seal, [](auto& h) { h.length = 40; }));
  EXPECT_FALSE(with(seal, [](auto& h) { h.operation_count = 1; }));
}

TEST(FileHeader, IsReadBackAndRefusesAnotherNumberKindAndEveryFlippedBit) {
  const std::string block = EncodeFileHeader({.identity = kIdentity, .file_bytes = kFileBytes});
  ASSERT_EQ(block.size(), kHeaderBlockBytes);
  const FileHeaderReading reading = ReadFileHeader(block, FramedFileKind::kWal, 9);
  ASSERT_EQ(reading.state, FileHeaderState::kGood);
  EXPECT_EQ(reading.header.identity.epoch, kIdentity.epoch);
  EXPECT_EQ(reading.header.file_bytes, kFileBytes);
  EXPECT_EQ(ReadFileHeader(block, FramedFileKind::kWal, 10).state, FileHeaderState::kBad);
  EXPECT_EQ(ReadFileHeader(block, FramedFileKind::kManifest, 9).state, FileHeaderState::kBad);
  for (size_t at = 0; at < block.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = block;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      ASSERT_EQ(ReadFileHeader(damaged, FramedFileKind::kWal, 9).state, FileHeaderState::kBad);
    }
  }
  for (size_t size = 0; size < block.size(); ++size) {
    ASSERT_EQ(ReadFileHeader(block.substr(0, size), FramedFileKind::kWal, 9).state,
              FileHeaderState::kBad);
  }
}

// Changes a field, and mends the checksum as a newer program would.
FileHeaderState StateWith(size_t at, uint32_t value) {
  std::string block = EncodeFileHeader({.identity = kIdentity, .file_bytes = kFileBytes});
  StoreFixed<uint32_t>(block.data() + at, value);
  StoreFixed<uint32_t>(block.data() + 4092, Crc32c(std::string_view(block).substr(0, 4092)));
  return ReadFileHeader(block, FramedFileKind::kWal, 9).state;
}

TEST(FileHeader, TellsANewerFormatFromDamage) {
  EXPECT_EQ(StateWith(8, 1), FileHeaderState::kGood);
  EXPECT_EQ(StateWith(8, 2), FileHeaderState::kNewerFormat);
  EXPECT_EQ(StateWith(8, 0xffffffff), FileHeaderState::kNewerFormat);
  EXPECT_EQ(StateWith(8, 0), FileHeaderState::kBad);
  EXPECT_EQ(StateWith(12, 2), FileHeaderState::kBad);
  EXPECT_EQ(StateWith(32, 0), FileHeaderState::kBad);
  EXPECT_EQ(StateWith(40, 1), FileHeaderState::kBad);
  EXPECT_EQ(StateWith(4088, 1), FileHeaderState::kBad);
}

// Bit by bit, from the polynomial.
uint32_t SlowCrc32c(std::string_view data) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : data) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

TEST(Crc32c, IsTheSameForEveryLengthAndInPieces) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  std::string bytes;
  for (int i = 0; i < 400; ++i) bytes += static_cast<char>(i * i + (i >> 3));
  for (size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view data = std::string_view(bytes).substr(0, length);
    ASSERT_EQ(Crc32c(data), SlowCrc32c(data)) << length;
    for (const size_t cut : {size_t{1}, length / 2, length - length / 5}) {
      if (cut > length) continue;
      ASSERT_EQ(Crc32c(data.substr(cut), Crc32c(data.substr(0, cut))), Crc32c(data)) << length;
    }
  }
}

}  // namespace
}  // namespace lumen
