// Goal: a manifest and CURRENT are read as written, format 1 stays format 1, and damage is refused
// or a torn tail exactly as documented. Method: golden bytes; every byte changed and every length
// cut, the expected verdict from second_reader; edits that must not apply.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/format/coding.h"
#include "engine/format/crc32c.h"
#include "engine/manifest/manifest_file.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/second_reader.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0x0123456789abcdef;

std::string Golden(const std::string& name) {
  const auto bytes = ReadHexFile(std::string(LUMEN_TESTDATA) + "/" + name + ".hex");
  EXPECT_TRUE(bytes.has_value()) << name;
  return bytes.value_or("");
}

TableRecord Table(int level, uint64_t number) {
  TableRecord table;
  table.level = level;
  table.number = number;
  table.summary.file_bytes = 1000;
  table.summary.file_checksum = 0xcafef00d;
  table.summary.smallest_key = "apple";
  table.summary.largest_key = "pear";
  table.summary.smallest_sequence = 1;
  table.summary.largest_sequence = 200;
  table.summary.entries = 150;
  table.summary.tombstones = 3;
  table.summary.raw_bytes = 900;
  return table;
}

VersionEdit GoldenSnapshot() {
  VersionEdit edit;
  edit.added = {Table(0, 5)};
  edit.wal_floor = 6;
  edit.wal_floor_first_sequence = 201;
  edit.next_file_number = 8;
  edit.next_sequence = 201;
  return edit;
}

VersionEdit GoldenEdit() {
  VersionEdit edit;
  edit.removed = {{0, 5}};
  TableRecord table = Table(1, 9);
  table.summary.file_bytes = 1200;
  table.summary.file_checksum = 0x01020304;
  table.summary.largest_key = "zebra";
  table.summary.largest_sequence = 260;
  table.summary.entries = 170;
  table.summary.tombstones = 0;
  table.summary.raw_bytes = 1100;
  edit.added = {table};
  edit.wal_floor = 10;
  edit.wal_floor_first_sequence = 261;
  edit.next_file_number = 11;
  return edit;
}

void AppendEdit(FramedFileWriter& writer, uint64_t ordinal, const std::string& payload) {
  const std::string_view piece = payload;
  EXPECT_TRUE(writer.Append(ManifestFrame(ordinal), {&piece, 1}).ok());
  EXPECT_TRUE(writer.Sync().ok());
}

// Makes MANIFEST-7 and appends the payloads behind the golden snapshot.
std::string ManifestWith(const std::vector<std::string>& payloads) {
  TestDisk disk;
  ManifestMaker maker(disk, "db", kEpoch, 7, GoldenSnapshot());
  for (int step = 0; step < 4; ++step) EXPECT_TRUE(maker.Advance().ok());
  const auto writer = maker.TakeWriter();
  for (size_t i = 0; i < payloads.size(); ++i) AppendEdit(*writer, i + 2, payloads[i]);
  return disk.files.at("db/MANIFEST-7")->bytes;
}

TEST(ManifestGolden, TheWriterReproducesIt) {
  EXPECT_EQ(ManifestWith({GoldenEdit().Encode()}), Golden("MANIFEST-7"));
  EXPECT_EQ(EncodeCurrent(7), Golden("CURRENT"));
}

TEST(ManifestGolden, TheReaderAcceptsIt) {
  const auto state = ReadManifest(Golden("MANIFEST-7"), 7);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->epoch, kEpoch);
  EXPECT_EQ(state->manifest_number, 7u);
  EXPECT_EQ(state->edits, 2u);
  EXPECT_EQ(state->wal_floor, 10u);
  EXPECT_EQ(state->wal_floor_first_sequence, 261u);
  EXPECT_EQ(state->next_file_number, 11u);
  EXPECT_EQ(state->next_sequence, 201u);
  EXPECT_FALSE(state->torn_tail);
  ASSERT_EQ(state->tables.size(), 1u);
  EXPECT_EQ(state->tables[0].level, 1);
  EXPECT_EQ(state->tables[0].number, 9u);
  EXPECT_EQ(state->tables[0].summary.largest_key, "zebra");
  EXPECT_EQ(state->tables[0].summary.file_checksum, 0x01020304u);
  EXPECT_EQ(*DecodeCurrent(Golden("CURRENT")), 7u);
}

// The state's snapshot describes the state.
TEST(VersionEdit, SnapshotOfAStateGivesTheState) {
  const auto state = ReadManifest(Golden("MANIFEST-7"), 7);
  ASSERT_TRUE(state.ok());
  const auto decoded = VersionEdit::Decode(state->Snapshot().Encode());
  ASSERT_TRUE(decoded.ok());
  ManifestState again;
  ASSERT_TRUE(again.Apply(*decoded).ok());
  EXPECT_EQ(again.Snapshot().Encode(), state->Snapshot().Encode());
}

TEST(VersionEdit, NoBytesAreReadTwoWays) {
  const std::string encoded = GoldenEdit().Encode();
  for (size_t size = 0; size <= encoded.size(); ++size) {
    const auto edit = VersionEdit::Decode(encoded.substr(0, size));
    if (edit.ok()) {
      EXPECT_EQ(edit->Encode(), encoded.substr(0, size));
    }
  }
  for (size_t at = 0; at < encoded.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = encoded;
      changed[at] = static_cast<char>(value);
      const auto edit = VersionEdit::Decode(changed);
      if (edit.ok()) {
        ASSERT_EQ(edit->Encode(), changed) << at << " " << value;
      }
    }
  }
}

TEST(VersionEdit, NamesTheFieldAndByteItRefuses) {
  const auto message = [](const std::string& bytes) {
    return std::string(VersionEdit::Decode(bytes).status().message());
  };
  EXPECT_EQ(message(std::string("\x04\x08\x01", 3)),
            "field 1 at byte 2 of the edit is malformed");  // descending
  EXPECT_EQ(message("\x04\x08\x04\x09"), "field 4 at byte 2 of the edit is malformed");
  EXPECT_EQ(message(std::string("\0", 1)), "field 0 at byte 0 of the edit is malformed");
  EXPECT_EQ(message("\x01\x08\x05"), "field 1 at byte 0 of the edit is malformed");  // level 8
  const auto newer = VersionEdit::Decode("\x06\x01");
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kUnimplemented);
}

TEST(ManifestState, RefusesEditsThatCannotBeAndIsUnchanged) {
  ManifestState state;
  ASSERT_TRUE(state.Apply(GoldenSnapshot()).ok());
  const std::string before = state.Snapshot().Encode();
  const auto refused = [&](const std::function<void(VersionEdit&)>& fill) {
    VersionEdit edit;
    fill(edit);
    const absl::Status status = state.Apply(edit);
    return status.code() == absl::StatusCode::kInvalidArgument &&
           state.Snapshot().Encode() == before;
  };
  EXPECT_TRUE(refused([](auto& edit) { edit.removed = {{0, 6}}; }));
  EXPECT_TRUE(refused([](auto& edit) { edit.removed = {{1, 5}}; }));
  EXPECT_TRUE(refused([](auto& edit) { edit.removed = {{0, 5}, {0, 5}}; }));
  EXPECT_TRUE(refused([](auto& edit) { edit.added = {Table(3, 5)}; }));
  EXPECT_TRUE(refused([](auto& edit) { edit.added = {Table(0, 6), Table(1, 6)}; }));
  EXPECT_TRUE(refused([](auto& edit) {
    edit.removed = {{0, 5}};
    edit.wal_floor = 5;
    edit.wal_floor_first_sequence = 300;
  }));
  EXPECT_TRUE(refused([](auto& edit) {
    edit.wal_floor = 7;
    edit.wal_floor_first_sequence = 200;
  }));
}

TEST(ManifestState, KeepsTablesByLevelThenInTheOrderAddedAndMovesThem) {
  ManifestState state;
  VersionEdit edit;
  edit.added = {Table(1, 10), Table(0, 11), Table(1, 12), Table(0, 13)};
  ASSERT_TRUE(state.Apply(edit).ok());
  VersionEdit move;
  move.removed = {{0, 11}};
  move.added = {Table(1, 11)};
  ASSERT_TRUE(state.Apply(move).ok());
  std::vector<std::pair<int, uint64_t>> order;
  for (const TableRecord& table : state.tables) order.emplace_back(table.level, table.number);
  EXPECT_EQ(order, (std::vector<std::pair<int, uint64_t>>{{0, 13}, {1, 10}, {1, 12}, {1, 11}}));
}

std::map<std::string, int> fired;

// Both readers' verdicts of one manifest.
::testing::AssertionResult Agree(const std::string& bytes) {
  const auto state = ReadManifest(bytes, 7);
  const second::ManifestOpinion opinion = second::JudgeManifest(bytes, 7);
  ++fired[opinion.refused ? opinion.rule : opinion.torn ? "torn" : "good"];
  if (state.ok() == opinion.refused) {
    return ::testing::AssertionFailure() << "second: " << opinion.rule << ", " << state.status();
  }
  if (opinion.refused) {
    const bool newer = opinion.rule == "newer-format";
    const bool same =
        state.status().message().find("rule " + opinion.rule) != absl::string_view::npos &&
        absl::IsUnimplemented(state.status()) == newer &&
        absl::IsDataLoss(state.status()) == !newer;
    return same ? ::testing::AssertionSuccess()
                : ::testing::AssertionFailure()
                      << "second: " << opinion.rule << ", " << state.status();
  }
  if (state->edits == static_cast<uint64_t>(opinion.edits) && state->torn_tail == opinion.torn) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "edits " << state->edits << " torn " << state->torn_tail;
}

TEST(ManifestDamage, EveryByteChangedAndEveryLengthGivesTheSecondReadersVerdict) {
  VersionEdit third;
  third.next_file_number = 12;
  const std::string bytes = ManifestWith({GoldenEdit().Encode(), third.Encode()});
  ASSERT_TRUE(Agree(bytes));
  std::string damaged = bytes;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned pattern : {0x01u, 0x80u, 0xffu}) {
      damaged[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ pattern);
      ASSERT_TRUE(Agree(damaged)) << "byte " << at << " ^ " << pattern;
    }
    damaged[at] = bytes[at];
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_TRUE(Agree(bytes.substr(0, size))) << size;
  }
  for (size_t at = 0; at < bytes.size(); at += kSectorBytes) {
    damaged = bytes;
    damaged.replace(at, kSectorBytes, kSectorBytes, '\0');
    ASSERT_TRUE(Agree(damaged)) << "sector " << at;
  }
  // What the bytes of a healthy writer cannot show.
  ASSERT_TRUE(Agree(ManifestWith({std::string("\x06\x01", 2)})));
  ASSERT_TRUE(Agree(ManifestWith({GoldenEdit().Encode(), GoldenEdit().Encode()})));
  ASSERT_TRUE(Agree(ManifestWith({std::string("\x04", 1)})));
  for (const char* rule : {"good", "torn", "bad-header", "durable-promise", "first-frame-missing",
                           "newer-format", "bad-edit"}) {
    std::printf("%s: %d\n", rule, fired[rule]);
    EXPECT_GT(fired[rule], 0) << rule << " never fired";
  }
}

// A manifest whose frames are written by hand, so that they need not be edits in order.
std::string Forged(const std::vector<std::pair<FramedFileWriter::Frame, std::string>>& frames) {
  const FileIdentity identity = {.kind = FramedFileKind::kManifest, .epoch = kEpoch, .number = 7};
  std::string file = EncodeFileHeader({.identity = identity});
  for (const auto& [frame, payload] : frames) {
    EncodeFrame(identity, file.size(),
                {.type = frame.type,
                 .flags = frame.flags,
                 .operation_count = frame.operation_count,
                 .first_sequence = frame.first_sequence,
                 .durable_to = kHeaderBlockBytes},
                payload, file);
  }
  return file;
}

TEST(ManifestDamage, FramesThatManifestsDoNotHoldAndGapsAreRefused) {
  const std::string snapshot = GoldenSnapshot().Encode();
  VersionEdit bare;
  bare.next_sequence = 5;
  const FramedFileWriter::Frame note = {
      .type = FrameType::kNote, .flags = kFrameSync, .first_sequence = 2};
  FramedFileWriter::Frame unsynced = ManifestFrame(2);
  unsynced.flags = 0;
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(1), snapshot}})));
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(1), snapshot}, {note, ""}})));
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(1), snapshot}, {unsynced, bare.Encode()}})));
  fired.clear();
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(1), snapshot}, {ManifestFrame(3), bare.Encode()}})));
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(2), snapshot}})));
  EXPECT_EQ(fired["sequence-gap"], 2);
  EXPECT_TRUE(Agree(Forged({{ManifestFrame(1), bare.Encode()}})));
  EXPECT_EQ(fired["bad-edit"], 1);
}

TEST(Current, EveryOtherByteStringIsRefused) {
  for (const uint64_t number : {uint64_t{1}, uint64_t{7}, uint64_t{1234567890}}) {
    const std::string bytes = EncodeCurrent(number);
    ASSERT_TRUE(DecodeCurrent(bytes).ok());
    EXPECT_EQ(*DecodeCurrent(bytes), number);
    EXPECT_EQ(second::ReadCurrent(bytes), number);
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(value);
        const auto decoded = DecodeCurrent(damaged);
        ASSERT_EQ(decoded.ok(), damaged == bytes) << at << " " << value;
        ASSERT_EQ(second::ReadCurrent(damaged).has_value(), damaged == bytes);
        if (!decoded.ok()) {
          ASSERT_TRUE(absl::IsDataLoss(decoded.status()));
        }
      }
    }
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(DecodeCurrent(bytes.substr(0, size)).ok());
    }
    ASSERT_FALSE(DecodeCurrent(bytes + "\n").ok());
  }
}

TEST(FileName, EveryFileHasOneName) {
  EXPECT_EQ(ParseFileName("00000012.wal").kind, FileKind::kWal);
  EXPECT_EQ(ParseFileName("00000012.wal").number, 12u);
  EXPECT_EQ(ParseFileName("123456789.sst").kind, FileKind::kTable);
  EXPECT_EQ(ParseFileName(TableFileName(4)).number, 4u);
  EXPECT_EQ(ParseFileName("MANIFEST-12").kind, FileKind::kManifest);
  EXPECT_EQ(ParseFileName("CURRENT").kind, FileKind::kCurrent);
  EXPECT_EQ(ParseFileName("CURRENT.tmp").kind, FileKind::kTemporary);
  EXPECT_EQ(ParseFileName("LOCK").kind, FileKind::kLock);
  for (const char* name :
       {"", "12.wal", "000000012.wal", "00000000.wal", "MANIFEST-", "MANIFEST-012", "MANIFEST-0",
        "00000012.wal.bak", "MANIFEST-1x", "notes.txt", "x.tmp", "99999999999999999999.wal",
        "-1.sst", "MANIFEST-12.wal", "current"}) {
    EXPECT_EQ(ParseFileName(name).kind, FileKind::kUnknown) << name;
  }
}

TEST(ManifestFile, IsMadeAndInstalledOneOperationACall) {
  TestDisk disk;
  ManifestMaker maker(disk, "db", kEpoch, 7, GoldenSnapshot());
  int calls = 0;
  for (bool done = false; !done; ++calls) {
    const auto advanced = maker.Advance();
    ASSERT_TRUE(advanced.ok());
    done = *advanced;
    ASSERT_EQ(disk.trace.size(), static_cast<size_t>(calls) + 1);
  }
  EXPECT_EQ(maker.TakeWriter()->durable_to(), 4608u);
  EXPECT_EQ(disk.trace, (std::vector<std::string>{"create db/MANIFEST-7", "append db/MANIFEST-7",
                                                  "append db/MANIFEST-7", "sync db/MANIFEST-7"}));
  ASSERT_TRUE(ReadManifest(disk.files.at("db/MANIFEST-7")->bytes, 7).ok());

  // A left-over from a crash is in nobody's way.
  for (const bool left_over : {false, true}) {
    disk.trace.clear();
    if (left_over) {
      ASSERT_TRUE(disk.CreateLogFile("db/CURRENT.tmp").ok());
      disk.trace.clear();
    }
    CurrentInstaller installer(disk, "db", 7);
    for (bool done = false; !done;) {
      const auto advanced = installer.Advance();
      ASSERT_TRUE(advanced.ok());
      done = *advanced;
    }
    EXPECT_EQ(disk.trace,
              (std::vector<std::string>{"remove db/CURRENT.tmp", "create db/CURRENT.tmp",
                                        "append db/CURRENT.tmp", "sync db/CURRENT.tmp",
                                        "rename db/CURRENT.tmp db/CURRENT"}));
    EXPECT_EQ(disk.files.at("db/CURRENT")->bytes, EncodeCurrent(7));
    EXPECT_FALSE(disk.files.contains("db/CURRENT.tmp"));
  }
}

TEST(ManifestFile, EveryFailedOperationIsReportedAndCurrentStaysUntilTheRename) {
  for (uint64_t failing = 0; failing < 9; ++failing) {
    TestDisk disk;
    disk.files["db/CURRENT"] = std::make_shared<TestInode>();
    disk.files["db/CURRENT"]->Write(0, EncodeCurrent(3));
    disk.fail_at = failing;
    ManifestMaker maker(disk, "db", kEpoch, 7, GoldenSnapshot());
    CurrentInstaller installer(disk, "db", 7);
    absl::Status status;
    for (int calls = 0; status.ok() && calls < 4; ++calls) status = maker.Advance().status();
    EXPECT_EQ(status.ok(), failing >= 4);
    for (int calls = 0; status.ok() && calls < 5; ++calls) status = installer.Advance().status();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(*DecodeCurrent(disk.files.at("db/CURRENT")->bytes), 3u);
  }
}

// After any power loss in the middle of an edit, the manifest is readable, and every synced edit is
// in it.
TEST(ManifestCrash, NoLegalLossIsRefusedAndNoSyncedEditIsLost) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    std::mt19937_64 random(seed);
    TestDisk disk;
    ManifestMaker maker(disk, "db", kEpoch, 7, GoldenSnapshot());
    for (int step = 0; step < 4; ++step) ASSERT_TRUE(maker.Advance().ok());
    const auto writer = maker.TakeWriter();
    ASSERT_TRUE(disk.SyncDirectory("db").ok());
    uint64_t synced = 1;
    if (random() % 4 == 0) disk.fail_at = disk.trace.size() + random() % 10;
    const uint64_t edits = random() % 6;
    for (uint64_t i = 0; i < edits; ++i) {
      VersionEdit edit;
      edit.added = {Table(0, 100 + i)};
      edit.added[0].summary.largest_key.append(random() % 900, 'z');
      const std::string payload = edit.Encode();
      const std::string_view piece = payload;
      if (!writer->Append(ManifestFrame(i + 2), {&piece, 1}).ok()) break;
      if (random() % 8 == 0 || !writer->Sync().ok()) break;
      ++synced;
    }
    for (const auto loss : {TestDisk::Loss::kVersions, TestDisk::Loss::kVersionsZerosGarbage}) {
      const DiskImage image = disk.PowerLoss(random, loss);
      const auto state = ReadManifest(image.at("db/MANIFEST-7"), 7);
      ASSERT_TRUE(state.ok()) << "seed " << seed << ": " << state.status();
      ASSERT_GE(state->edits, synced) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace lumen
