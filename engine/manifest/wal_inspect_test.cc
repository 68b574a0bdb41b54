// Goal: dump and verify say of a directory what an open would, and show every frame. Method: a
// small database directory made with the writers, whole and damaged.
#include "engine/wal_inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/batch.h"
#include "engine/manifest/manifest_file.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kEpoch = 99;

class WalInspectTest : public testing::Test {
 protected:
  void SetUp() override {
    VersionEdit snapshot;
    snapshot.wal_floor = 2;
    snapshot.wal_floor_first_sequence = 1;
    snapshot.next_file_number = 3;
    snapshot.next_sequence = 1;
    ManifestMaker manifest(disk_, "db", kEpoch, 1, snapshot);
    while (!*manifest.Advance()) {
    }
    CurrentInstaller current(disk_, "db", 1);
    while (!*current.Advance()) {
    }
    auto writer = Segment(2);
    WriteBatch batch;
    batch.Put("k\n\"", std::string(300, 'v'));
    batch.Delete("gone");
    Append(*writer, FrameType::kData, kFrameSync, batch.encoded(), 2, 1);
    Append(*writer, FrameType::kSeal, kFrameSync, EncodeSuccessor(12), 0, 3);
    writer = Segment(12);
    Append(*writer, FrameType::kData, kFrameSync, batch.encoded(), 2, 3);
    Append(*writer, FrameType::kNote, 0, "", 0, 5);
    Segment(1);  // older than the floor
  }

  std::unique_ptr<FramedFileWriter> Segment(uint64_t number) {
    WalSegmentMaker maker(disk_, "db",
                          {.kind = FramedFileKind::kWal, .epoch = kEpoch, .number = number}, 8192);
    while (!*maker.Advance()) {
    }
    return maker.TakeWriter();
  }

  static void Append(FramedFileWriter& writer, FrameType type, uint8_t flags,
                     const std::string& payload, uint32_t operations, uint64_t sequence) {
    const std::string_view piece = payload;
    EXPECT_TRUE(writer
                    .Append({.type = type,
                             .flags = flags,
                             .operation_count = operations,
                             .first_sequence = sequence},
                            {&piece, 1})
                    .ok());
    if ((flags & kFrameSync) != 0) {
      EXPECT_TRUE(writer.Sync().ok());
    }
  }

  std::vector<std::string> Dump(const std::string& path) {
    std::vector<std::string> lines;
    const absl::Status status =
        DumpWalAsText(disk_, path, [&](std::string_view line) { lines.emplace_back(line); });
    EXPECT_TRUE(status.ok()) << status;
    return lines;
  }

  std::string& Bytes(const std::string& path) { return disk_.files.at(path)->bytes; }

  TestDisk disk_;
};

TEST_F(WalInspectTest, ADumpShowsHeaderFramesOperationsAndVerdict) {
  EXPECT_THAT(
      Dump("db/00000002.wal"),
      ElementsAre(
          "WAL segment 2: header good, format 1, epoch 99, preallocated 8192 bytes, has 8192",
          "4096: DATA SYNC, sequence 1, operations 2, length 354, durable to 4096",
          "    put \"k\\x0a\\\"\" 300 bytes", "    delete \"gone\"",
          "4608: SEAL SYNC, sequence 3, operations 0, length 48, durable to 4608",
          "    successor 00000012.wal",
          "2 good frames, 2 operations, up to offset 5120: nothing but zeros or the end of the "
          "file behind the good frames"));
  EXPECT_THAT(Dump("db/MANIFEST-1"),
              ElementsAre(HasSubstr("manifest 1: header good"), HasSubstr("4096: DATA SYNC"),
                          "    WAL floor 00000002.wal from sequence 1", "    next file number 3",
                          "    next sequence 1", HasSubstr("1 good frames")));
}

TEST_F(WalInspectTest, ADumpOfADamagedFileShowsWhatIsNotReplayedAndWhy) {
  Bytes("db/00000002.wal")[4096 + 50] ^= 1;
  const auto lines = Dump("db/00000002.wal");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[1], HasSubstr("4096: DATA SYNC NOT REPLAYED"));
  EXPECT_THAT(lines[2], HasSubstr("4608: SEAL SYNC NOT REPLAYED"));
  EXPECT_THAT(lines[3], HasSubstr("DAMAGED: 0 good frames"));
  EXPECT_THAT(lines[3], HasSubstr("durable-promise"));
}

TEST_F(WalInspectTest, OnlySegmentsAndManifestsAreDumped) {
  const absl::Status status = DumpWalAsText(disk_, "db/CURRENT", [](std::string_view) {});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
}

TEST_F(WalInspectTest, AGoodDirectoryIsGoodAndNothingIsChanged) {
  const DiskImage before = disk_.Killed();
  const size_t operations = disk_.trace.size();
  const auto report = VerifyWalDirectory(disk_, "db");
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->verdict.ok()) << report->verdict;
  EXPECT_EQ(report->last_sequence, 4u);
  EXPECT_EQ(report->next_sequence, 5u + 8192u);
  EXPECT_THAT(
      DescribeWalDirectory(*report),
      ElementsAre(
          "MANIFEST-1: epoch 99, 1 edits, 0 tables, WAL floor 00000002.wal from sequence 1",
          "00000001.wal: 8192 bytes, header good, 0 frames, 0 operations up to offset 4096, "
          "unused, older than the floor",
          "00000002.wal: 8192 bytes, header good, 2 frames, 2 operations up to offset 5120, "
          "sealed, successor 00000012.wal",
          "00000012.wal: 8192 bytes, header good, 2 frames, 2 operations up to offset 4648, "
          "open",
          "good: last sequence 4, next sequence 8197"));
  EXPECT_EQ(disk_.Killed(), before);
  EXPECT_EQ(disk_.trace.size(), operations);
}

TEST_F(WalInspectTest, EveryKindOfDamageIsTheVerdict) {
  const auto verdict = [&] {
    const auto report = VerifyWalDirectory(disk_, "db");
    EXPECT_TRUE(report.ok());
    EXPECT_THAT(DescribeWalDirectory(*report).back(), HasSubstr("REFUSED: "));
    return std::string(report->verdict.message());
  };
  const auto files = disk_.files;
  const auto damage = [&](const std::string& path, size_t at) {
    Bytes(path)[at] ^= 1;
    const std::string message = verdict();
    Bytes(path)[at] ^= 1;
    return message;
  };
  EXPECT_THAT(damage("db/00000002.wal", 4096 + 50), HasSubstr("rule later-segment-used"));
  EXPECT_THAT(damage("db/MANIFEST-1", 4096 + 41), HasSubstr("rule first-frame-missing"));
  EXPECT_THAT(damage("db/CURRENT", 3), HasSubstr("rule current-checksum"));
  disk_.files.erase("db/MANIFEST-1");
  EXPECT_THAT(verdict(), HasSubstr("MANIFEST-1, which is missing"));
  disk_.files.erase("db/CURRENT");
  EXPECT_THAT(verdict(), HasSubstr("there is no CURRENT"));
  disk_.files = files;
  disk_.files.erase("db/00000012.wal");
  EXPECT_THAT(verdict(), HasSubstr("rule successor-missing"));
}

// The checksums say that the bytes are what was written; that they are operations is checked too.
TEST_F(WalInspectTest, AFrameThatVerifiesButHoldsNoOperationsIsTheVerdict) {
  disk_.files.erase("db/00000012.wal");
  auto writer = Segment(12);
  Append(*writer, FrameType::kData, kFrameSync, "nonsense", 2, 3);
  const auto report = VerifyWalDirectory(disk_, "db");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(std::string(report->verdict.message()), HasSubstr("db/00000012.wal: offset 4096"));
  EXPECT_THAT(Dump("db/00000012.wal")[2], HasSubstr("MALFORMED"));
}

}  // namespace
}  // namespace lumen
