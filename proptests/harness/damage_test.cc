// Goal: damage of the WAL excuses exactly the loss that nothing readable contradicts, and nothing
// more. Method: a workload's own disk, harmed by hand at the frames that its history names.
#include "proptests/harness/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {
namespace {

using faultfs::Operation;
using faultfs::OperationKind;

constexpr uint64_t kHeaderBytes = 4096;

// What a workload left behind, without a crash.
class Disk {
 public:
  explicit Disk(std::string_view text, std::string_view faults = "") {
    const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(faults);
    EXPECT_TRUE(plan.ok()) << plan.status();
    workload_ = *Workload::Parse(text);
    recording_ = Record(workload_, {.seed = 1, .plan = &*plan});
    EXPECT_FALSE(recording_.violation.has_value()) << recording_.violation->what;
    faultfs::DiskState state(faultfs::Profile::kKill, recording_.start);
    for (const Operation& operation : recording_.history) state.Apply(operation);
    image_ = faultfs::CrashSpace(state, 1).Sample(0).image;
  }

  // The appends of frames to WAL segments, in order.
  std::vector<Operation> frames() const {
    std::vector<Operation> frames;
    for (const Operation& operation : recording_.history) {
      const bool is_wal = absl::StartsWith(operation.tag, "wal ");
      if (operation.kind == OperationKind::kAppend && is_wal && operation.offset >= kHeaderBytes) {
        frames.push_back(operation);
      }
    }
    return frames;
  }

  Obligations Owed(bool process_crash) const {
    return ObligationsAt(recording_.log, recording_.history.size(), process_crash);
  }
  Obligations After(const std::vector<Operation>& harms, bool process_crash = false) const {
    Obligations obligations = Owed(process_crash);
    ExcuseTornDamage(harms, WithHarms(image_, harms), recording_.log, obligations);
    return obligations;
  }

  const Recording& recording() const { return recording_; }
  const Workload& workload() const { return workload_; }
  const faultfs::DiskImage& image() const { return image_; }

 private:
  Workload workload_;
  Recording recording_;
  faultfs::DiskImage image_;
};

Operation Garbage(const Operation& append, uint64_t at) {
  Operation harm;
  harm.kind = OperationKind::kDamage;
  harm.inode = append.inode;
  harm.offset = at / faultfs::kSectorBytes * faultfs::kSectorBytes;
  harm.data = std::make_shared<const std::string>(faultfs::kSectorBytes, 'x');
  harm.size = ~uint64_t{0};
  return harm;
}

constexpr char kThreeUnits[] = "write durable k00=20\nwrite durable k01=20\nwrite durable k02=20\n";

TEST(TornDamage, OfTheLastUnitMayTakeThatUnitAndNoOther) {
  const Disk disk(kThreeUnits);
  const std::vector<Operation> frames = disk.frames();
  const auto last = frames.back();  // a NOTE, in the sector behind the third unit
  const auto third = frames[frames.size() - 2];
  const Obligations both = disk.After({Garbage(third, third.offset), Garbage(last, last.offset)});
  EXPECT_TRUE(both.may_lose);
  EXPECT_EQ(both.may_lose_to, 2U) << "of three; the note costs no write";
}

TEST(TornDamage, WhatALaterFrameSaysIsDurableHasToBeThere) {
  const Disk disk(kThreeUnits);
  for (size_t i = 0; i + 1 < disk.frames().size(); ++i) {
    const Operation frame = disk.frames()[i];
    EXPECT_FALSE(disk.After({Garbage(frame, frame.offset)}).may_lose) << i;
  }
}

TEST(TornDamage, OfSpaceThatNothingUsesTakesNothing) {
  const Disk disk(kThreeUnits);
  const Operation last = disk.frames().back();
  EXPECT_FALSE(disk.After({Garbage(last, last.offset + 4096)}).may_lose);
}

TEST(TornDamage, WhatIsReadableBeforeItHasToBeThere) {
  // After the kill's recovery, relaxed frames in sectors of their own, none of which is promised.
  const Disk disk("write relaxed k00=600\nwrite relaxed k01=600\nwrite relaxed k02=600\n");
  const std::vector<Operation> frames = disk.frames();
  ASSERT_GE(frames.size(), 3U);
  const Operation& third = frames[2];
  const Obligations obligations =
      disk.After({Garbage(third, third.offset + 512)}, /*process_crash=*/true);
  EXPECT_TRUE(obligations.may_lose);
  EXPECT_EQ(obligations.may_lose_to, 2U) << "not nought: two frames before it verify";
  Operation cut;
  cut.kind = OperationKind::kDamage;
  cut.inode = third.inode;
  cut.size = frames[1].offset;
  EXPECT_EQ(disk.After({cut}, /*process_crash=*/true).may_lose_to, 1U);
}

TEST(TornDamage, BehindWhichASegmentHoldsAFrameIsNone) {
  // The second write does not fit the table, so that the third one goes to the next segment.
  const Disk disk("write durable k00=20\nwrite durable k01=5000\nwrite-async durable k02=20\n");
  const std::vector<Operation> frames = disk.frames();
  ASSERT_NE(frames.front().inode, frames.back().inode);
  std::vector<Operation> all;
  for (const Operation& frame : frames) {
    if (frame.inode != frames.front().inode) continue;
    const uint64_t end = frame.offset + frame.data->size();
    for (uint64_t at = frame.offset; at < end; at += 512) all.push_back(Garbage(frame, at));
  }
  EXPECT_FALSE(disk.After(all).may_lose);
}

TEST(TornDamage, AStaleReadInTheWorkloadMayTakeTheNewestAppendOnly) {
  // Which append is the newest one depends on what of the segment is read at a time.
  std::vector<size_t> bounds;
  for (int nth = 1; nth <= 4; ++nth) {
    const Disk disk(
        "write durable k00=20\nwrite relaxed k01=600\nwrite relaxed k02=600\nkill\nscan\n",
        absl::StrCat("stale-read of wal nth ", nth));
    for (const Recording::Excuse& excuse : disk.recording().excuses) {
      bounds.push_back(excuse.may_lose_to);
      EXPECT_NE(excuse.served, CommittedWrite::kNever);
      // A crash before it served may leave what it made of that; later ones may not.
      const auto owed = [&](uint64_t point) {
        return disk.recording().ObligationsAt(point, faultfs::Profile::kKill);
      };
      EXPECT_FALSE(owed(excuse.begun).may_lose);
      EXPECT_TRUE(owed(excuse.served - 1).may_lose);
      EXPECT_FALSE(owed(excuse.served).may_lose);
      EXPECT_FALSE(owed(excuse.served).may_refuse) << "the disk is sound";
    }
  }
  EXPECT_THAT(bounds, ::testing::Contains(2U)) << "not nought alone, as where all is excused";
}

// What a recovery that shows less than it has makes of a fault that excuses less than that.
class Without final : public Store {
 public:
  Without(std::unique_ptr<Store> target, std::string first)
      : target_(std::move(target)), first_(std::move(first)) {}
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    if (key >= first_) return std::nullopt;
    return target_->Get(key);
  }
  absl::Status Scan(bool reverse, const Visit& visit) override {
    return target_->Scan(reverse, [&](std::string_view key, std::string_view value) {
      if (key < first_) visit(key, value);
    });
  }
  absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) override {
    return target_->Put(key, value);
  }
  absl::Status Exercise() override { return target_->Exercise(); }
  absl::StatusOr<std::vector<std::string>> Orphans() override { return target_->Orphans(); }
  absl::Status Close() override { return target_->Close(); }

 private:
  const std::unique_ptr<Store> target_;
  const std::string first_;
};

std::optional<Violation> StaleRecovery(const Disk& disk, const std::string& first_missing) {
  const Opener engine = OpenEngineOf(disk.workload());
  const Opener opener = [&](FileSystem& files,
                            uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    auto store = engine(files, seed);
    if (!store.ok() || first_missing.empty()) return store;
    return std::make_unique<Without>(*std::move(store), first_missing);
  };
  const auto plan = faultfs::FaultPlan::Parse("stale-read of wal nth 2");
  const FaultyTrialResult result =
      RunFaultyTrial(opener, disk.image(), disk.recording().log, disk.Owed(false), 1, *plan);
  EXPECT_EQ(result.counts[0].observed, 1U) << "the fault did nothing";
  return result.violation;
}

TEST(TornDamage, AStaleReadInARecoveryMayNotTakeAllOfTheSuffix) {
  const Disk disk(kThreeUnits);
  const std::optional<Violation> right = StaleRecovery(disk, "");
  EXPECT_FALSE(right.has_value()) << right->what;
  const std::optional<Violation> wrong = StaleRecovery(disk, "k01");
  ASSERT_TRUE(wrong.has_value()) << "two units are lost, and one read was stale";
  EXPECT_EQ(wrong->rule, 2);
}

}  // namespace
}  // namespace lumen::crash
