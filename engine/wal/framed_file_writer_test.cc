// Goal: what the writer leaves on disk is what recovery relies on: durable_to, padding, nothing
// after an error. Method: one small file on a TestDisk, read back frame by frame.
#include "engine/wal/framed_file_writer.h"

#include <gtest/gtest.h>

#include "engine/batch.h"
#include "engine/wal/frame_walk.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

constexpr FileIdentity kIdentity = {
    .kind = FramedFileKind::kWal, .epoch = 0x1122334455667788, .number = 1};

class FramedFileWriterTest : public testing::Test {
 protected:
  std::unique_ptr<FramedFileWriter> NewWriter(uint64_t bytes = 65536) {
    WalSegmentMaker maker(disk_, "db", kIdentity, bytes);
    while (true) {
      const absl::StatusOr<bool> done = maker.Advance();
      EXPECT_TRUE(done.ok());
      if (!done.ok() || *done) break;
    }
    return maker.TakeWriter();
  }

  absl::Status Append(FramedFileWriter& writer, FrameType type, uint8_t flags,
                      std::string_view payload, uint32_t operations, bool lz4 = false) {
    const absl::Status status = writer.Append(
        {.type = type, .flags = flags, .operation_count = operations, .first_sequence = sequence_},
        {&payload, 1}, lz4);
    if (status.ok()) sequence_ += operations;
    return status;
  }

  const std::string& file() const { return disk_.files.at("db/00000001.wal")->bytes; }

  TestDisk disk_;
  uint64_t sequence_ = 1;
};

TEST_F(FramedFileWriterTest, DurableToIsTheEndOfTheLastUnitWhoseSyncReturned) {
  const auto writer = NewWriter();
  EXPECT_TRUE(writer->last_frame_synced_or_none());
  ASSERT_TRUE(Append(*writer, FrameType::kData, kFrameSync, "aaaa", 1).ok());
  EXPECT_EQ(writer->durable_to(), 4096u);
  EXPECT_EQ(writer->offset(), 4608u);
  EXPECT_FALSE(writer->last_frame_synced_or_none());
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(writer->durable_to(), 4608u);
  ASSERT_TRUE(Append(*writer, FrameType::kData, 0, "bbbb", 1).ok());
  ASSERT_TRUE(Append(*writer, FrameType::kData, kFrameSync, "cccc", 1).ok());
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(Append(*writer, FrameType::kNote, 0, "", 0).ok());
  const uint64_t promised[] = {4096, 4608, 4608, 5120};
  uint64_t at = kHeaderBlockBytes;
  for (const uint64_t durable_to : promised) {
    const auto frame = ReadGoodFrame(kIdentity, file(), at);
    ASSERT_TRUE(frame.has_value()) << at;
    EXPECT_EQ(frame->header.durable_to, durable_to);
    at = frame->next;
  }
  EXPECT_EQ(at, writer->offset());
  EXPECT_FALSE(ReadGoodFrame(kIdentity, file(), at).has_value());
}

TEST_F(FramedFileWriterTest, AppendsEndWhereTheNextFrameMayStart) {
  const auto writer = NewWriter();
  for (size_t size = 1; size < 600; size += 7) {
    ASSERT_TRUE(Append(*writer, FrameType::kData, size % 5 == 0 ? kFrameSync : uint8_t{0},
                       std::string(size, 'x'), 1)
                    .ok());
    EXPECT_TRUE(IsFrameOffset(writer->offset()));
    EXPECT_EQ(disk_.files.at("db/00000001.wal")->append_at, writer->offset());
  }
}

TEST_F(FramedFileWriterTest, NothingIsAppendedOrSyncedAfterAFailedAppend) {
  const auto writer = NewWriter();
  disk_.fail_at = disk_.trace.size();
  const absl::Status failed = Append(*writer, FrameType::kData, kFrameSync, "aaaa", 1);
  EXPECT_FALSE(failed.ok());
  const size_t operations = disk_.trace.size();
  EXPECT_EQ(Append(*writer, FrameType::kData, kFrameSync, "bbbb", 1), failed);
  EXPECT_EQ(writer->Sync(), failed);
  EXPECT_EQ(writer->poison(), failed);
  EXPECT_EQ(disk_.trace.size(), operations);
  EXPECT_EQ(writer->durable_to(), 4096u);
}

TEST_F(FramedFileWriterTest, NothingIsAppendedOrSyncedAfterAFailedSync) {
  const auto writer = NewWriter();
  ASSERT_TRUE(Append(*writer, FrameType::kData, kFrameSync, "aaaa", 1).ok());
  disk_.fail_at = disk_.trace.size();
  const absl::Status failed = writer->Sync();
  EXPECT_FALSE(failed.ok());
  const size_t operations = disk_.trace.size();
  EXPECT_EQ(writer->Sync(), failed);
  EXPECT_EQ(Append(*writer, FrameType::kNote, 0, "", 0), failed);
  EXPECT_EQ(disk_.trace.size(), operations);
  EXPECT_EQ(writer->durable_to(), 4096u);
}

TEST_F(FramedFileWriterTest, CompressesOnlyLargePayloadsThatShrinkAnEighth) {
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 3000; ++i) {
    x = x * 1664525 + 1013904223;
    noise.push_back(static_cast<char>(x >> 24));
  }
  const struct {
    std::string payload;
    uint32_t operations;
    bool lz4;
  } cases[] = {{std::string(1023, 'a'), 1, false},
               {std::string(1024, 'a'), 1, true},
               {noise, 1, false},
               {noise + std::string(3000, 'a'), 1, true},
               // As many operations as stored bytes at the least: the sequence jump counts on it.
               {std::string(4096, 'a'), 1000, false}};
  const auto writer = NewWriter();
  uint64_t at = kHeaderBlockBytes;
  for (const auto& c : cases) {
    ASSERT_TRUE(Append(*writer, FrameType::kData, 0, c.payload, c.operations, true).ok());
    const auto frame = ReadGoodFrame(kIdentity, file(), at);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ((frame->header.flags & kFrameLz4) != 0, c.lz4);
    EXPECT_GE(frame->payload.size(), c.operations);
    std::string decompressed;
    EXPECT_EQ(StoredDataPayload(frame->header, frame->payload, decompressed), c.payload);
    at = frame->next;
  }
}

TEST_F(FramedFileWriterTest, PiecesMakeOnePayload) {
  const auto writer = NewWriter();
  const std::string_view pieces[] = {"one,", "", "two"};
  ASSERT_TRUE(writer->Append({.operation_count = 2, .first_sequence = 1}, pieces).ok());
  const std::string large(900, 'b');
  const std::string_view large_pieces[] = {large, large};
  ASSERT_TRUE(writer->Append({.operation_count = 2, .first_sequence = 3}, large_pieces, true).ok());
  std::vector<std::string> payloads;
  ASSERT_TRUE(ForEachDataFrame(file(), kIdentity, writer->offset(),
                               [&](uint64_t, const FrameHeader&, std::string_view payload) {
                                 payloads.emplace_back(payload);
                                 return absl::OkStatus();
                               })
                  .ok());
  EXPECT_EQ(payloads, (std::vector<std::string>{"one,two", large + large}));
}

using FramedFileWriterDeathTest = FramedFileWriterTest;

TEST_F(FramedFileWriterDeathTest, WrongOrderIsABugOfTheCaller) {
  const auto writer = NewWriter();
  ASSERT_TRUE(Append(*writer, FrameType::kData, 0, "aaaa", 1).ok());
  EXPECT_DEATH((void)writer->Sync(), "last_frame_has_sync_");
  EXPECT_DEATH((void)writer->Append({.first_sequence = 9}, {}), "first_sequence");
  ASSERT_TRUE(Append(*writer, FrameType::kSeal, kFrameSync, EncodeSuccessor(2), 0).ok());
  EXPECT_DEATH((void)Append(*writer, FrameType::kNote, 0, "", 0), "ended_");
}

TEST_F(FramedFileWriterTest, ASegmentIsMadeInAnOrderThatMakesEveryPrefixHarmless) {
  NewWriter();
  EXPECT_EQ(disk_.trace,
            (std::vector<std::string>{"create db/00000001.wal", "allocate db/00000001.wal",
                                      "sync db/00000001.wal", "append db/00000001.wal",
                                      "sync db/00000001.wal", "sync directory db"}));
}

TEST_F(FramedFileWriterTest, EveryFailedOperationOfASegmentsMakingIsReported) {
  for (uint64_t failing = 0; failing < 6; ++failing) {
    TestDisk disk;
    disk.fail_at = failing;
    WalSegmentMaker maker(disk, "db", kIdentity, 65536);
    absl::Status status;
    for (int calls = 0; status.ok() && calls < 6; ++calls) status = maker.Advance().status();
    EXPECT_FALSE(status.ok()) << failing;
    EXPECT_EQ(disk.trace.size(), failing + 1);
  }
}

TEST_F(FramedFileWriterTest, ASegmentHoldsTheFrameItWasSizedForAndTheSealBehindIt) {
  for (uint64_t payload = 1; payload < 9000; payload += 61) {
    disk_ = TestDisk();
    sequence_ = 1;
    const uint64_t bytes = WalSegmentBytesFor(payload);
    EXPECT_TRUE(WalFrameFits(kHeaderBlockBytes, payload, bytes));
    const auto writer = NewWriter(bytes);
    ASSERT_TRUE(Append(*writer, FrameType::kData, kFrameSync, std::string(payload, 'x'), 1).ok());
    ASSERT_TRUE(Append(*writer, FrameType::kSeal, kFrameSync, EncodeSuccessor(2), 0).ok());
    EXPECT_LE(writer->offset(), bytes);
    EXPECT_EQ(file().size(), bytes);
  }
}

TEST(WalFileName, HasEightDigitsOrMore) {
  EXPECT_EQ(WalFileName(12), "00000012.wal");
  EXPECT_EQ(WalFileName(123456789), "123456789.wal");
}

}  // namespace
}  // namespace lumen
