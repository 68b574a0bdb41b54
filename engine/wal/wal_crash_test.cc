// Goal, Property A: after any legal power loss, kill or failed sync the WAL is never refused, and
// what it gives back is a prefix of the commit order that covers every acknowledged sync unit; and
// no sequence that was handed out is handed out again. Property B: after one media fault in durable
// bytes a loss of acknowledged data is refused, except exactly where the documentation exempts it.
// Method: seeded random histories of groups, syncs, NOTEs, segments made ahead, rotations, failed
// syncs and appends, cut anywhere; each unsynced sector then survives in any of its versions, as
// zeros or as garbage. A failure prints its seed; LUMEN_SEED=n runs that history alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "engine/batch.h"
#include "engine/wal/framed_file_writer.h"
#include "engine/wal/second_reader.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0x5eed5eed12345678;
constexpr uint64_t kSegmentBytes = 8192;
constexpr uint64_t kFloor = 7;
constexpr uint64_t kHistories = 4000;

// One engine's life as the WAL sees it, until something stops it.
class History {
 public:
  explicit History(uint64_t seed)
      : random_(seed), first_sequence_(1 + Pick(1000)), next_sequence_(first_sequence_) {
    while (!maker_done_) MakeAhead();
    writer_ = ahead_->TakeWriter();
    ahead_.reset();
    const uint64_t steps = Pick(60);
    // One in three histories meets a failing operation.
    if (Pick(3) == 0) disk_.fail_at = disk_.trace.size() + Pick(80);
    for (uint64_t i = 0; i < steps && !stopped_; ++i) Step();
  }

  const TestDisk& disk() const { return disk_; }
  std::mt19937_64& random() { return random_; }
  uint64_t first_sequence() const { return first_sequence_; }
  // Of operations handed out, whether acknowledged or not.
  uint64_t next_sequence() const { return next_sequence_; }
  // Sequences before this one were acknowledged as synced; and before the last such
  // acknowledgement.
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t acknowledged_before() const { return acknowledged_before_; }
  const std::set<uint64_t>& group_ends() const { return group_ends_; }

  std::string KeyOf(uint64_t sequence) const { return "k" + std::to_string(sequence); }

 private:
  uint64_t Pick(uint64_t below) { return random_() % below; }

  void Step() {
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2:
        return Group(false);
      case 3:
      case 4:
      case 5:
      case 6:
        return Group(true);
      case 7:
        return Note();
      case 8:
      case 9:
        return MakeAhead();
      case 10:
        return Rotate();
      default:
        if (Pick(6) == 0) Close();
    }
  }

  bool Append(FrameType type, uint8_t flags, const std::string& payload, uint32_t operations) {
    const std::string_view piece = payload;
    const FramedFileWriter::Frame frame = {.type = type,
                                           .flags = flags,
                                           .operation_count = operations,
                                           .first_sequence = next_sequence_};
    next_sequence_ += operations;
    group_ends_.insert(next_sequence_);
    stopped_ = !writer_->Append(frame, {&piece, 1}, Pick(2) == 0).ok();
    return !stopped_;
  }

  // False: failed, or the power went off before it was tried.
  bool Sync() {
    stopped_ = Pick(25) == 0 || !writer_->Sync().ok();
    if (stopped_) return false;
    if (next_sequence_ > acknowledged_) acknowledged_before_ = acknowledged_;
    acknowledged_ = next_sequence_;
    return true;
  }

  void Group(bool sync) {
    WriteBatch batch;
    const uint64_t operations = 1 + Pick(4);
    const size_t value_bytes = Pick(8) == 0 ? Pick(2000) : Pick(100);
    for (uint64_t i = 0; i < operations; ++i) {
      batch.Put(KeyOf(next_sequence_ + i), std::string(value_bytes, Pick(4) == 0 ? '\0' : 'v'));
    }
    if (!WalFrameFits(writer_->offset(), batch.encoded().size(), kSegmentBytes)) return Rotate();
    if (Append(FrameType::kData, sync ? kFrameSync : uint8_t{0}, batch.encoded(),
               static_cast<uint32_t>(operations)) &&
        sync) {
      Sync();
    }
  }

  void Note() {
    if (!writer_->last_frame_synced_or_none()) return;
    if (WalFrameFits(writer_->offset(), 0, kSegmentBytes)) Append(FrameType::kNote, 0, "", 0);
  }

  // One file operation.
  void MakeAhead() {
    if (!ahead_) {
      maker_done_ = false;
      number_ += number_ == 0 ? kFloor : 1 + Pick(3);
      ahead_ = std::make_unique<WalSegmentMaker>(
          disk_, "db",
          FileIdentity{.kind = FramedFileKind::kWal, .epoch = kEpoch, .number = number_},
          kSegmentBytes);
    }
    if (maker_done_) return;
    const absl::StatusOr<bool> done = ahead_->Advance();
    if (!done.ok()) {
      // Soft: nothing names it yet. The file may come back after a power loss.
      (void)disk_.Remove("db/" + WalFileName(number_));
      ahead_.reset();
      return;
    }
    maker_done_ = *done;
  }

  void Rotate() {
    while (!maker_done_ || !ahead_) MakeAhead();
    if (!Append(FrameType::kSeal, kFrameSync, EncodeSuccessor(number_), 0) || !Sync()) return;
    writer_ = ahead_->TakeWriter();
    ahead_.reset();
  }

  void Close() {
    if (!WalFrameFits(writer_->offset(), 0, kSegmentBytes)) return;
    if (Append(FrameType::kNote, kFrameSync | kFrameClose, "", 0)) Sync();
    stopped_ = true;
  }

  std::mt19937_64 random_;
  TestDisk disk_;
  uint64_t first_sequence_;
  uint64_t next_sequence_;
  uint64_t acknowledged_ = first_sequence_;
  uint64_t acknowledged_before_ = first_sequence_;
  std::set<uint64_t> group_ends_ = {first_sequence_};
  uint64_t number_ = 0;
  std::unique_ptr<WalSegmentMaker> ahead_;
  bool maker_done_ = false;
  std::unique_ptr<FramedFileWriter> writer_;
  bool stopped_ = false;
};

struct Recovery {
  absl::Status status;
  uint64_t end_sequence = 0;  // one behind the last recovered
  uint64_t next_sequence = 0;
};

// Replays an image as Open does. Every recovered operation must be the one that had its sequence.
Recovery Recover(const History& history, const DiskImage& image) {
  std::vector<SegmentReport> reports;
  std::map<uint64_t, const std::string*> files;
  std::map<uint64_t, std::string> by_number;
  for (const auto& [path, bytes] : image) {
    const uint64_t number = std::stoull(path.substr(path.find('/') + 1));
    files[number] = &bytes;
  }
  for (const auto& [number, bytes] : files)
    reports.push_back(ReadSegmentBothWays(*bytes, number, kEpoch));
  const auto plan =
      JudgeWal({.epoch = kEpoch, .floor = kFloor, .floor_first_sequence = history.first_sequence()},
               reports);
  Recovery recovery;
  recovery.status = plan.status();
  if (!plan.ok()) return recovery;
  recovery.next_sequence = plan->next_sequence;
  uint64_t sequence = history.first_sequence();
  for (const SegmentReport& report : reports) {
    if (std::find(plan->replay.begin(), plan->replay.end(), report.number) == plan->replay.end()) {
      continue;
    }
    const absl::Status replayed =
        ForEachDataFrame(*files.at(report.number), report.header.header.identity, report.end,
                         [&](uint64_t, const FrameHeader& header, std::string_view payload) {
                           EXPECT_EQ(header.first_sequence, sequence);
                           BatchReader reader(payload);
                           while (const auto operation = reader.Next()) {
                             EXPECT_EQ(operation->key, history.KeyOf(sequence));
                             ++sequence;
                           }
                           EXPECT_TRUE(reader.ok());
                           return absl::OkStatus();
                         });
    EXPECT_TRUE(replayed.ok()) << replayed;
  }
  EXPECT_EQ(sequence, plan->last_sequence + 1);
  recovery.end_sequence = sequence;
  return recovery;
}

void CheckPropertyA(const History& history, const DiskImage& image, const char* what) {
  const Recovery recovery = Recover(history, image);
  ASSERT_TRUE(recovery.status.ok()) << what << ": " << recovery.status;
  EXPECT_GE(recovery.end_sequence, history.acknowledged()) << what;
  EXPECT_TRUE(history.group_ends().contains(recovery.end_sequence)) << what << ": half a group";
  EXPECT_GE(recovery.next_sequence, history.next_sequence())
      << what << ": a sequence is handed out twice";
}

struct Seeds {
  uint64_t first = 1;
  uint64_t count = kHistories;
};
Seeds SeedsToRun() {
  const char* const wanted = std::getenv("LUMEN_SEED");
  if (wanted == nullptr) return {};
  return {.first = std::stoull(wanted), .count = 1};
}

TEST(WalCrash, NoLegalLossIsRefusedAndNothingAcknowledgedIsLost) {
  const Seeds seeds = SeedsToRun();
  uint64_t images = 0;
  for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    History history(seed);
    for (int i = 0; i < 4 && !HasFailure(); ++i) {
      const auto loss =
          i % 2 == 0 ? TestDisk::Loss::kVersions : TestDisk::Loss::kVersionsZerosGarbage;
      CheckPropertyA(history, history.disk().PowerLoss(history.random(), loss), "power loss");
      ++images;
    }
    CheckPropertyA(history, history.disk().Killed(), "kill");
    ASSERT_FALSE(HasFailure()) << "again: LUMEN_SEED=" << seed << " wal_crash_test";
  }
  std::printf("%llu histories, %llu images after power loss\n",
              static_cast<unsigned long long>(seeds.count),
              static_cast<unsigned long long>(images));
}

// Whether the documentation exempts a loss by a fault at `at` of segment `number`.
bool Exempt(const DiskImage& image, uint64_t number, uint64_t at) {
  for (const auto& [path, bytes] : image) {
    const uint64_t other = std::stoull(path.substr(path.find('/') + 1));
    if (other > number && second::HoldsFrame(bytes, kEpoch, other)) return false;
    if (other == number && second::LargestPromise(bytes, kEpoch, number) > at) return false;
  }
  return true;
}

TEST(WalCrash, OneMediaFaultInDurableBytesIsRefusedOrExempt) {
  const Seeds seeds = SeedsToRun();
  std::map<std::string, int> outcomes;
  for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    History history(seed);
    std::mt19937_64& random = history.random();
    const DiskImage image = history.disk().PowerLoss(random, TestDisk::Loss::kVersions);
    for (int i = 0; i < 6; ++i) {
      DiskImage faulty = image;
      auto victim = faulty.begin();
      std::advance(victim, static_cast<long>(random() % faulty.size()));
      const auto inode = history.disk().files.find(victim->first);
      if (inode == history.disk().files.end() || victim->second.empty()) continue;
      const uint64_t sector = random() % (victim->second.size() / kSectorBytes);
      if (inode->second->unsynced.contains(sector)) continue;
      const uint64_t at = sector * kSectorBytes;
      const std::string before = victim->second.substr(at, kSectorBytes);
      std::string after = before;
      const uint64_t kind = random() % 3;
      if (kind == 0) after.assign(kSectorBytes, '\0');
      if (kind == 1) after[random() % kSectorBytes] ^= 0x20;
      if (kind == 2) {
        for (char& byte : after) byte = static_cast<char>(random());
      }
      victim->second.replace(at, kSectorBytes, after);
      const Recovery recovery = Recover(history, faulty);
      ASSERT_FALSE(HasFailure()) << "again: LUMEN_SEED=" << seed << " wal_crash_test";
      if (!recovery.status.ok()) {
        ++outcomes["refused"];
        continue;
      }
      EXPECT_TRUE(history.group_ends().contains(recovery.end_sequence)) << "half a group";
      if (recovery.end_sequence >= history.acknowledged()) {
        ++outcomes["harmless"];
        continue;
      }
      ++outcomes["exempt"];
      const uint64_t number = std::stoull(victim->first.substr(3));
      // The end of the damaged sector: the frame that was lost may start anywhere in it.
      EXPECT_TRUE(Exempt(faulty, number, at + kSectorBytes - 1))
          << "silent loss by a fault in sector " << at << " of " << victim->first;
      EXPECT_GE(recovery.end_sequence, history.acknowledged_before())
          << "more than the last acknowledged unit was lost";
      ASSERT_FALSE(HasFailure()) << "again: LUMEN_SEED=" << seed << " wal_crash_test";
    }
  }
  for (const auto& [outcome, times] : outcomes) std::printf("%s: %d\n", outcome.c_str(), times);
  if (seeds.count == 1) return;
  EXPECT_GT(outcomes["refused"], 100);
  EXPECT_GT(outcomes["harmless"], 100);
  EXPECT_GT(outcomes["exempt"], 10);
}

}  // namespace
}  // namespace lumen
