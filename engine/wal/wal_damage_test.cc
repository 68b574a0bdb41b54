// Goal: whatever happens to the bytes of a WAL, recovery says what the documentation says. Method:
// every byte of a small WAL changed in several ways, every file cut at every length or lost, and
// constructed cases that damage alone cannot make (mended checksums). The expected verdict comes
// from second_reader, which shares no code with the reader. Every rule must have fired.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "engine/batch.h"
#include "engine/format/coding.h"
#include "engine/format/crc32c.h"
#include "engine/wal/framed_file_writer.h"
#include "engine/wal/second_reader.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0xfeedface12345678;
constexpr uint64_t kSegmentBytes = 8192;

using Files = std::map<uint64_t, std::string>;

FileIdentity Identity(uint64_t number) {
  return {.kind = FramedFileKind::kWal, .epoch = kEpoch, .number = number};
}

// Builds a WAL: segments of 8 KiB, numbers as given.
class WalBuilder {
 public:
  void Segment(uint64_t number) {
    WalSegmentMaker maker(disk_, "db", Identity(number), kSegmentBytes);
    for (int step = 0; step < 6; ++step) EXPECT_TRUE(maker.Advance().ok());
    writer_ = maker.TakeWriter();
    numbers_.push_back(number);
  }
  // A group of two operations.
  void Group(bool sync, size_t value_bytes = 40) {
    WriteBatch batch;
    batch.Put("key" + std::to_string(sequence_), std::string(value_bytes, 'v'));
    batch.Delete("other");
    Append(FrameType::kData, sync ? kFrameSync : uint8_t{0}, batch.encoded(), 2);
  }
  // A group of one operation whose payload ends in zeros.
  void GroupOfZeros(size_t value_bytes) {
    WriteBatch batch;
    batch.Put("key" + std::to_string(sequence_), std::string(value_bytes, '\0'));
    Append(FrameType::kData, kFrameSync, batch.encoded(), 1);
  }
  void Note() { Append(FrameType::kNote, 0, "", 0); }
  void Close() { Append(FrameType::kNote, kFrameSync | kFrameClose, "", 0); }
  void Seal(uint64_t successor) {
    Append(FrameType::kSeal, kFrameSync, EncodeSuccessor(successor), 0);
  }
  // A segment with a good header that holds nothing.
  void Spare(uint64_t number) {
    auto writer = std::move(writer_);
    Segment(number);
    writer_ = std::move(writer);
  }
  uint64_t durable_to() const { return writer_->durable_to(); }

  Files Take() const {
    Files files;
    for (const uint64_t number : numbers_) {
      files[number] = disk_.files.at("db/" + WalFileName(number))->bytes;
    }
    return files;
  }

 private:
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

  TestDisk disk_;
  std::unique_ptr<FramedFileWriter> writer_;
  std::vector<uint64_t> numbers_;
  uint64_t sequence_ = 1;
};

// Puts both readers' verdicts side by side, and counts the rules that fired.
class Bench {
 public:
  explicit Bench(Files files) : files_(std::move(files)), floor_(files_.begin()->first) {
    for (const auto& [number, bytes] : files_)
      reports_[number] = ReadSegmentBothWays(bytes, number, kEpoch);
  }

  // Both readers' verdict of the WAL with segment `number` replaced (empty: lost).
  ::testing::AssertionResult Agree(uint64_t number, const std::optional<std::string>& bytes) {
    Files files = files_;
    auto reports = reports_;
    files.erase(number);
    reports.erase(number);
    if (bytes) {
      files[number] = *bytes;
      reports[number] = ReadSegmentBothWays(*bytes, number, kEpoch);
    }
    return Compare(files, reports);
  }
  ::testing::AssertionResult AgreeUndamaged() { return Compare(files_, reports_); }

  std::map<std::string, int> fired;
  uint64_t floor_first_sequence = 1;
  absl::Status last_status;

 private:
  ::testing::AssertionResult Compare(const Files& files,
                                     const std::map<uint64_t, SegmentReport>& reports) {
    std::vector<SegmentReport> ascending;
    for (const auto& [number, report] : reports) ascending.push_back(report);
    const auto plan =
        JudgeWal({.epoch = kEpoch, .floor = floor_, .floor_first_sequence = floor_first_sequence},
                 ascending);
    const second::Opinion opinion = second::JudgeWal(files, kEpoch, floor_, floor_first_sequence);
    last_status = plan.status();
    if (plan.ok() == opinion.refused) {
      return ::testing::AssertionFailure() << "second: " << opinion.rule << ", " << plan.status();
    }
    if (opinion.refused) {
      const auto rule = RefusalRule(plan.status());
      if (!rule) return ::testing::AssertionFailure() << "no rule in " << plan.status();
      ++fired[std::string(WalRuleName(*rule))];
      if (opinion.rule == WalRuleName(*rule)) return ::testing::AssertionSuccess();
      return ::testing::AssertionFailure() << "second: " << opinion.rule << ", " << plan.status();
    }
    for (const auto& [rule, times] : opinion.ignored) fired[rule] += times;
    if (plan->last_sequence == opinion.last_sequence &&
        plan->next_sequence == opinion.next_sequence && plan->torn_tail == opinion.torn &&
        plan->torn_description.empty() != opinion.torn) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << "last " << plan->last_sequence << "/" << opinion.last_sequence << " next "
           << plan->next_sequence << "/" << opinion.next_sequence << " torn " << plan->torn_tail
           << "/" << opinion.torn;
  }

  Files files_;
  uint64_t floor_;
  std::map<uint64_t, SegmentReport> reports_;
};

// Three segments in use with gaps between their numbers, and one made ahead.
Files UsedWal(bool closed) {
  WalBuilder wal;
  wal.Segment(3);
  wal.Group(true);
  wal.Note();
  wal.Group(false);
  wal.Group(false, 700);
  wal.Group(true);
  wal.Seal(5);
  wal.Segment(5);
  wal.Group(false);
  wal.Seal(8);
  wal.Segment(8);
  wal.Group(true);
  wal.Group(true, 600);
  wal.Note();
  wal.Group(false);
  if (closed) wal.Close();
  wal.Spare(9);
  return wal.Take();
}

std::map<std::string, int> total_fired;

void AddFired(const Bench& bench) {
  for (const auto& [rule, times] : bench.fired) total_fired[rule] += times;
}

TEST(WalDamage, EveryByteChangedGivesTheSecondReadersVerdict) {
  for (const bool closed : {false, true}) {
    const Files files = UsedWal(closed);
    Bench bench(files);
    ASSERT_TRUE(bench.AgreeUndamaged());
    const std::vector<unsigned> patterns =
        closed ? std::vector<unsigned>{0x10} : std::vector<unsigned>{0x01, 0x80, 0xff};
    for (const auto& [number, bytes] : files) {
      std::string damaged = bytes;
      for (size_t at = 0; at < bytes.size(); ++at) {
        for (const unsigned pattern : patterns) {
          damaged[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ pattern);
          ASSERT_TRUE(bench.Agree(number, damaged))
              << WalFileName(number) << " byte " << at << " ^ " << pattern;
        }
        damaged[at] = bytes[at];
      }
    }
    AddFired(bench);
  }
}

TEST(WalDamage, EverySectorZeroedOrFilledWithGarbageGivesTheSecondReadersVerdict) {
  for (const bool closed : {false, true}) {
    const Files files = UsedWal(closed);
    Bench bench(files);
    for (const auto& [number, bytes] : files) {
      for (size_t at = 0; at < bytes.size(); at += kSectorBytes) {
        for (const char fill : {'\0', '\x5a'}) {
          std::string damaged = bytes;
          damaged.replace(at, kSectorBytes, kSectorBytes, fill);
          ASSERT_TRUE(bench.Agree(number, damaged)) << WalFileName(number) << " sector " << at;
        }
      }
    }
    AddFired(bench);
  }
}

// One fault leaves the promise in the frame at the next sector; several leave promises only where
// the search of every 8-byte position finds them.
TEST(WalDamage, SeveralDamagedPlacesGiveTheSecondReadersVerdict) {
  const Files files = UsedWal(false);
  Bench bench(files);
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937_64 random(seed);
    auto victim = files.begin();
    std::advance(victim, static_cast<long>(random() % files.size()));
    std::string damaged = victim->second;
    for (uint64_t i = 0; i < 2 + random() % 3; ++i) {
      const uint64_t at = kHeaderBlockBytes + random() % 2048;
      damaged[at] = static_cast<char>(random());
    }
    ASSERT_TRUE(bench.Agree(victim->first, damaged)) << "seed " << seed;
  }
  AddFired(bench);
}

TEST(WalDamage, EveryLengthAndEveryLossGivesTheSecondReadersVerdict) {
  const Files files = UsedWal(true);
  Bench bench(files);
  for (const auto& [number, bytes] : files) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_TRUE(bench.Agree(number, bytes.substr(0, size))) << WalFileName(number) << " " << size;
      if (number != 9) {
        ASSERT_FALSE(bench.last_status.ok()) << WalFileName(number) << " " << size;
      }
    }
    ASSERT_TRUE(bench.Agree(number, std::nullopt)) << WalFileName(number) << " lost";
  }
  AddFired(bench);
}

// Damage in the open tail of the WAL never refuses, whatever it is, unless a durable frame vouches
// for the bytes.
TEST(WalDamage, UnpromisedBytesNeverRefuse) {
  WalBuilder wal;
  wal.Segment(1);
  wal.Group(true);
  wal.Group(false);
  wal.Group(false, 900);
  const uint64_t promised = wal.durable_to();
  const std::string bytes = wal.Take().at(1);
  Bench bench({{1, bytes}});
  for (size_t at = promised; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ASSERT_TRUE(bench.Agree(1, damaged));
    ASSERT_TRUE(bench.last_status.ok()) << at << " " << bench.last_status;
  }
  AddFired(bench);
}

TEST(WalDamage, AMessageSaysFileOffsetFrameRuleSequenceBytesAndBothCommands) {
  Files files = UsedWal(false);
  files[3][4096 + 45] ^= 1;  // the first group's payload
  std::vector<SegmentReport> reports;
  for (const auto& [number, bytes] : files) {
    reports.push_back(ReadSegmentBothWays(bytes, number, kEpoch));
    reports.back().name = "/data/db/" + reports.back().name;
  }
  const absl::Status status =
      JudgeWal({.epoch = kEpoch, .floor = 3, .floor_first_sequence = 1}, reports).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  const std::string message(status.message());
  for (const char* part :
       {"/data/db/00000003.wal", "offset 4096", "DATA frame", "later-segment-used",
        "last good sequence 0", "4096 bytes follow", "lumen wal dump /data/db/00000003.wal - ",
        "lumen verify /data/db - ", "lumen repair /data/db"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " not in: " << message;
  }
}

// Rewrites a frame with `change` applied to its header, checksums mended.
std::string Reforged(const std::string& file, const FileIdentity& identity, uint64_t offset,
                     const std::function<void(std::string& header)>& change) {
  std::string to = file;
  std::string header = to.substr(offset, kFrameHeaderBytes);
  change(header);
  std::string seed_bytes;
  AppendFixed<uint64_t>(seed_bytes, identity.epoch);
  AppendFixed<uint64_t>(seed_bytes, identity.number);
  AppendFixed<uint64_t>(seed_bytes, static_cast<uint64_t>(identity.kind));
  AppendFixed<uint64_t>(seed_bytes, offset);
  StoreFixed<uint32_t>(header.data(),
                       Crc32c(std::string_view(header).substr(4), Crc32c(seed_bytes)));
  to.replace(offset, kFrameHeaderBytes, header);
  return to;
}

TEST(WalDamage, AFrameThatFormat1DoesNotHaveIsRefusedAsNewerWhereverItStands) {
  const Files files = UsedWal(false);
  const std::string& last = files.at(8);
  const struct {
    size_t at;
    char value;
  } changes[] = {{12, 4}, {12, 0}, {13, 8}, {14, 1}, {16, 0}, {32, 8}, {39, 1}};
  for (const auto& change : changes) {
    // The first frame of the open segment; beyond it everything is good.
    Bench bench(files);
    const std::string forged =
        Reforged(last, Identity(8), kHeaderBlockBytes,
                 [&](std::string& header) { header[change.at] = change.value; });
    ASSERT_TRUE(bench.Agree(8, forged)) << change.at;
    EXPECT_EQ(bench.last_status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_EQ(RefusalRule(bench.last_status), WalRule::kNewerFormat);
    AddFired(bench);
  }
}

TEST(WalDamage, ANewerHeaderIsRefusedByName) {
  const Files files = UsedWal(false);
  for (const auto& [number, bytes] : files) {
    Bench bench(files);
    std::string newer = bytes;
    newer[8] = 2;
    newer.replace(16, 4000, 4000, 'x');
    StoreFixed<uint32_t>(newer.data() + 4092, Crc32c(std::string_view(newer).substr(0, 4092)));
    ASSERT_TRUE(bench.Agree(number, newer));
    EXPECT_EQ(bench.last_status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_NE(bench.last_status.message().find("format 2"), absl::string_view::npos);
    AddFired(bench);
  }
}

TEST(WalDamage, ASequenceGapIsRefusedAtTheFloorBetweenFramesAndBetweenSegments) {
  const Files files = UsedWal(false);
  for (const uint64_t floor_first : {uint64_t{2}, uint64_t{100}}) {
    Bench bench(files);
    bench.floor_first_sequence = floor_first;
    ASSERT_TRUE(bench.AgreeUndamaged());
    EXPECT_EQ(RefusalRule(bench.last_status), WalRule::kSequenceGap);
    AddFired(bench);
  }
  const std::pair<uint64_t, uint64_t> frames[] = {{3, 4608}, {5, 4096}, {8, 4096}};
  for (const auto& [number, offset] : frames) {
    Bench bench(files);
    const std::string forged = Reforged(files.at(number), Identity(number), offset,
                                        [](std::string& header) { header[24] ^= 0x40; });
    ASSERT_TRUE(bench.Agree(number, forged));
    EXPECT_EQ(RefusalRule(bench.last_status), WalRule::kSequenceGap) << bench.last_status;
    AddFired(bench);
  }
}

TEST(WalDamage, ASegmentOfAnotherDatabaseIsRefusedWhenUsedAndIgnoredWhenNot) {
  const Files files = UsedWal(false);
  Bench bench(files);
  const FileIdentity foreign = {.kind = FramedFileKind::kWal, .epoch = 77, .number = 9};
  std::string unused = EncodeFileHeader({.identity = foreign, .file_bytes = kSegmentBytes});
  unused.resize(kSegmentBytes, '\0');
  ASSERT_TRUE(bench.Agree(9, unused));
  EXPECT_TRUE(bench.last_status.ok()) << bench.last_status;

  std::string used = unused.substr(0, kHeaderBlockBytes);
  EncodeFrame(foreign, kHeaderBlockBytes,
              {.operation_count = 1, .first_sequence = 1, .durable_to = 4096}, "abcd", used);
  used.resize(kSegmentBytes, '\0');
  ASSERT_TRUE(bench.Agree(9, used));
  EXPECT_EQ(RefusalRule(bench.last_status), WalRule::kBadHeaderUsed);
  AddFired(bench);
}

// A segment that was made ahead and given up (its directory sync failed, say) is in nobody's way.
TEST(WalDamage, AnUnusedSegmentBetweenUsedOnesIsIgnored) {
  WalBuilder wal;
  wal.Segment(1);
  wal.Group(true);
  wal.Spare(2);
  wal.Seal(3);
  wal.Segment(3);
  wal.Group(true);
  Bench bench(wal.Take());
  ASSERT_TRUE(bench.AgreeUndamaged());
  EXPECT_TRUE(bench.last_status.ok()) << bench.last_status;
}

TEST(WalDamage, TheNextSequenceJumpsUnlessTheWalWasClosed) {
  for (const bool closed : {false, true}) {
    Files files = UsedWal(closed);
    std::vector<SegmentReport> reports;
    for (const auto& [number, bytes] : files)
      reports.push_back(ReadSegmentBothWays(bytes, number, kEpoch));
    const auto plan = JudgeWal({.epoch = kEpoch, .floor = 3, .floor_first_sequence = 1}, reports);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->last_sequence, 16u);
    EXPECT_EQ(plan->next_sequence, closed ? 17u : 17u + kSegmentBytes);
  }
}

// Method: values of zeros that end everywhere around the ends of sectors; whole, and damaged.
TEST(WalDamage, ZerosThatAreDataAreNotTakenForUnusedSpace) {
  for (size_t value_bytes = 1; value_bytes < 2 * kSectorBytes; value_bytes += 3) {
    WalBuilder wal;
    wal.Segment(1);
    wal.Group(true);
    wal.GroupOfZeros(value_bytes);
    std::string bytes = wal.Take().at(1);
    const SegmentReport good = ReadSegmentBothWays(bytes, 1, kEpoch);
    ASSERT_EQ(good.frames, 2u);
    ASSERT_EQ(good.operations, 3u);
    ASSERT_GT(good.end, bytes.find_last_not_of('\0') + 1);
    bytes[bytes.find_last_not_of('\0')] ^= 1;
    ASSERT_EQ(ReadSegmentBothWays(bytes, 1, kEpoch).frames, 1u);
  }
}

class EveryRule : public ::testing::Environment {
 public:
  void TearDown() override {
    if (::testing::GTEST_FLAG(filter) != "*") return;
    for (const WalRule rule :
         {WalRule::kLaterSegmentUsed, WalRule::kDurablePromise, WalRule::kTornTail,
          WalRule::kFloorMissing, WalRule::kSuccessorMissing, WalRule::kSequenceGap,
          WalRule::kBadHeaderUsed, WalRule::kShorterThanHeader, WalRule::kNewerFormat,
          WalRule::kNeverUsed}) {
      const std::string name(WalRuleName(rule));
      std::printf("rule %s fired %d times\n", name.c_str(), total_fired[name]);
      EXPECT_GT(total_fired[name], 0) << name << " never fired";
    }
  }
};
const auto* const every_rule = ::testing::AddGlobalTestEnvironment(new EveryRule);

}  // namespace
}  // namespace lumen
