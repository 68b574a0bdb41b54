// Goal: format 1 stays format 1. Method: annotated bytes in testdata/, worked out apart from the
// writer, which the reader must accept and the writer must reproduce byte for byte.
#include <gtest/gtest.h>

#include "engine/batch.h"
#include "engine/wal/framed_file_writer.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0x0123456789abcdef;

std::string Golden(const std::string& name) {
  const auto bytes = ReadHexFile(std::string(LUMEN_TESTDATA) + "/" + name + ".hex");
  EXPECT_TRUE(bytes.has_value()) << name;
  return bytes.value_or("");
}

FileIdentity Identity(uint64_t number) {
  return {.kind = FramedFileKind::kWal, .epoch = kEpoch, .number = number};
}

// Writes a segment's frames in order.
class Writing {
 public:
  Writing(uint64_t number, uint64_t sequence) : sequence_(sequence) {
    WalSegmentMaker maker(disk_, "db", Identity(number), 8192);
    for (int step = 0; step < 6; ++step) EXPECT_TRUE(maker.Advance().ok());
    writer_ = maker.TakeWriter();
  }
  void Append(FrameType type, uint8_t flags, const std::string& payload, uint32_t operations) {
    const std::string_view piece = payload;
    EXPECT_TRUE(writer_
                    ->Append({.type = type,
                              .flags = flags,
                              .operation_count = operations,
                              .first_sequence = sequence_},
                             {&piece, 1})
                    .ok());
    sequence_ += operations;
    if ((flags & kFrameSync) != 0) {
      EXPECT_TRUE(writer_->Sync().ok());
    }
  }
  const std::string& bytes() const { return disk_.files.begin()->second->bytes; }

 private:
  TestDisk disk_;
  uint64_t sequence_;
  std::unique_ptr<FramedFileWriter> writer_;
};

std::string Puts(std::initializer_list<std::pair<std::string, std::string>> pairs) {
  WriteBatch batch;
  for (const auto& [key, value] : pairs) batch.Put(key, value);
  return batch.encoded();
}

TEST(WalGolden, TheWriterReproducesASealedSegment) {
  Writing writing(12, 1);
  WriteBatch first;
  first.Put("a", "1");
  first.Delete("b");
  writing.Append(FrameType::kData, kFrameSync, first.encoded(), 2);
  writing.Append(FrameType::kNote, 0, "", 0);
  writing.Append(FrameType::kData, 0, Puts({{"k", "xyz"}}), 1);
  writing.Append(FrameType::kData, 0, Puts({{"key", std::string(350, 'v')}}), 1);
  writing.Append(FrameType::kSeal, kFrameSync, EncodeSuccessor(13), 0);
  EXPECT_EQ(writing.bytes(), Golden("00000012.wal"));
}

TEST(WalGolden, TheWriterReproducesAClosedSegment) {
  Writing writing(13, 5);
  writing.Append(FrameType::kData, 0, Puts({{"l", "2"}}), 1);
  writing.Append(FrameType::kNote, kFrameSync | kFrameClose, "", 0);
  EXPECT_EQ(writing.bytes(), Golden("00000013.wal"));
}

TEST(WalGolden, TheReaderAcceptsBoth) {
  const SegmentReport segments[] = {ReadSegmentBothWays(Golden("00000012.wal"), 12, kEpoch),
                                    ReadSegmentBothWays(Golden("00000013.wal"), 13, std::nullopt)};
  EXPECT_EQ(segments[0].frames, 5u);
  EXPECT_EQ(segments[0].end, 5632u);
  EXPECT_EQ(segments[0].successor, 13u);
  EXPECT_EQ(segments[0].next_sequence, 5u);
  EXPECT_EQ(segments[1].frames, 2u);
  EXPECT_TRUE(segments[1].closed);
  EXPECT_EQ(segments[1].header.header.identity.epoch, kEpoch);
  const auto plan = JudgeWal({.epoch = kEpoch, .floor = 12, .floor_first_sequence = 1}, segments);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->replay, (std::vector<uint64_t>{12, 13}));
  EXPECT_EQ(plan->operations, 5u);
  EXPECT_EQ(plan->last_sequence, 5u);
  EXPECT_EQ(plan->next_sequence, 6u);
  EXPECT_FALSE(plan->torn_tail);
}

TEST(WalGolden, TheReaderDecompresses) {
  const std::string file = Golden("00000014.wal");
  const SegmentReport segment = ReadSegmentBothWays(file, 14, kEpoch);
  ASSERT_EQ(segment.frames, 1u);
  std::string seen;
  ASSERT_TRUE(ForEachDataFrame(file, Identity(14), segment.end,
                               [&](uint64_t, const FrameHeader&, std::string_view payload) {
                                 seen = payload;
                                 return absl::OkStatus();
                               })
                  .ok());
  EXPECT_EQ(seen, Puts({{"k", std::string(1040, 'z')}}));
}

}  // namespace
}  // namespace lumen
