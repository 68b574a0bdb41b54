// Shrinking by a harness whose bug is known: each step is one operation of the history, and what is
// lost is a write of key 33, when a flush came behind it and the fault "bad" is in the plan.
#include "proptests/harness/shrinking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "faultfs/fault_plan.h"

namespace lumen::crash {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = ClientStep::Kind;

bool Writes(const ClientStep& step, uint32_t key) {
  return std::any_of(step.changes.begin(), step.changes.end(),
                     [key](const ClientStep::Change& change) { return change.key == key; });
}

class PlantedBug {
 public:
  ShrinkTools tools() {
    return {.replay = [this](const Case& failing) { return Replay(failing); },
            .find = [this](const Case& base, const Failure& known,
                           uint64_t states) { return Find(base, known.violation.rule, states); },
            .kinder = [](const Case& failing, size_t crash) { return Kinder(failing, crash); }};
  }
  uint64_t replays() const { return replays_; }
  // Keys of a planted bug's write: numbering may give it another one.
  uint32_t lost_key = 33;
  uint32_t flushes = 1;              // that have to come behind it; where many, one compaction does
  std::string fault = "bad";         // in the plan
  uint64_t steps_of_one_nth = 1000;  // the plan's n-th call comes in the n-th so many steps

 private:
  bool Broken(const Case& failing) const {
    if (failing.crashes.empty() || !absl::StrContains(failing.faults, fault)) return false;
    if (!Reaches(failing)) return false;
    const auto& steps = failing.workload.steps;
    const uint64_t end = failing.crashes[0].point;
    bool written = false;
    uint32_t flushed = 0;
    for (uint64_t i = 0; i < end; ++i) {
      if (steps[i].kind == Kind::kCompact && written && flushes > 1) return true;
      flushed += steps[i].kind == Kind::kFlush && written ? 1 : 0;
      if (flushed == flushes) return true;
      written |= Writes(steps[i], lost_key);
    }
    return false;
  }
  bool Reaches(const Case& failing) const {
    const auto plan = faultfs::FaultPlan::Parse(failing.faults);
    if (!plan.ok()) return true;
    return std::all_of(plan->rules().begin(), plan->rules().end(), [&](const auto& rule) {
      return rule.when.nth == 0 ||
             (rule.when.nth - 1) * steps_of_one_nth < failing.workload.steps.size();
    });
  }
  absl::StatusOr<Replayed> Replay(const Case& failing) {
    ++replays_;
    if (!failing.crashes.empty() && failing.crashes[0].point > failing.workload.steps.size()) {
      return absl::InvalidArgumentError("beyond the history");
    }
    Replayed replayed;
    if (Broken(failing)) replayed.violation = Violation{.rule = 2, .what = "k33 is missing"};
    // Something else goes wrong where nothing is written: shrinking must not slip into that.
    if (failing.workload.steps.empty()) replayed.violation = Violation{.rule = 1, .what = "closed"};
    return replayed;
  }
  ShrinkTools::Found Find(const Case& base, int rule, uint64_t states) {
    ShrinkTools::Found found;
    Case candidate = base;
    candidate.crashes.resize(1);
    for (uint64_t point = 0; point <= base.workload.steps.size() && found.tested < states;
         ++point) {
      candidate.crashes[0] = {.point = point, .survivors = {}};
      ++found.tested;
      const auto replayed = Replay(candidate);
      if (!replayed->violation.has_value() || replayed->violation->rule != rule) continue;
      found.failure = Failure{};
      found.failure->failing = candidate;
      found.failure->violation = *replayed->violation;
      return found;
    }
    return found;
  }
  // Operation 0 may survive, and 1 as well; both: nothing is lost, and that is no kinder choice.
  static std::vector<faultfs::Survivors> Kinder(const Case&, size_t) {
    faultfs::Survivors one;
    one.entries = {0};
    return {one};
  }

  uint64_t replays_ = 0;
};

Failure FoundIn(Workload workload) {
  Failure failure;
  failure.failing.workload = std::move(workload);
  failure.failing.faults = "eio-before on append\nbad\nenospc-after on create\n";
  failure.failing.crashes.resize(2);
  failure.failing.crashes[0].point = failure.failing.workload.steps.size();
  failure.violation = {.rule = 2, .what = "k33 is missing"};
  return failure;
}

ClientStep Write(std::vector<uint32_t> keys) {
  ClientStep step;
  for (const uint32_t key : keys) step.changes.push_back({.key = key, .value_bytes = 4000});
  step.precondition = 1;
  return step;
}

ClientStep Of(Kind kind) {
  ClientStep step;
  step.kind = kind;
  return step;
}

Workload LongWorkload(size_t steps) {
  Workload workload;
  workload.wal_lz4 = true;
  workload.memtable_bytes = 1 << 10;
  for (size_t i = 0; i < steps; ++i) {
    workload.steps.push_back(i % 3 == 0 ? Of(Kind::kScan) : Write({static_cast<uint32_t>(i % 30)}));
  }
  workload.steps[steps / 3] = Write({5, 33, 8});
  workload.steps[2 * steps / 3] = Of(Kind::kFlush);
  return workload;
}

TEST(Shrinking, LeavesTheTwoStepsThatItTakes) {
  PlantedBug bug;
  const Failure shrunk = ShrinkWith(bug.tools(), FoundIn(LongWorkload(60)), 20'000);
  const auto& steps = shrunk.failing.workload.steps;
  ASSERT_EQ(steps.size(), 2);
  ASSERT_EQ(steps[0].changes.size(), 1);
  EXPECT_EQ(steps[0].changes[0].key, 33);
  EXPECT_LE(steps[0].changes[0].value_bytes, 8);
  EXPECT_EQ(steps[0].precondition, 0);
  EXPECT_EQ(steps[1].kind, Kind::kFlush);
  EXPECT_EQ(shrunk.violation.rule, 2);
  EXPECT_EQ(shrunk.steps_before, 60);
  EXPECT_EQ(shrunk.steps_after, 2);
}

TEST(Shrinking, LeavesTheOneFaultTheOneCrashAndPlainOptions) {
  PlantedBug bug;
  const Failure shrunk = ShrinkWith(bug.tools(), FoundIn(LongWorkload(12)), 20'000);
  EXPECT_EQ(shrunk.failing.faults, "bad");
  ASSERT_EQ(shrunk.failing.crashes.size(), 1);
  EXPECT_EQ(shrunk.failing.crashes[0].point, 2) << "and no later than it has to be";
  EXPECT_THAT(shrunk.failing.crashes[0].survivors.entries, ElementsAre(0)) << "less is lost";
  EXPECT_FALSE(shrunk.failing.workload.wal_lz4);
  EXPECT_EQ(shrunk.failing.workload.memtable_bytes, Workload{}.memtable_bytes);
}

TEST(Shrinking, OneStepOfAnotherKindTakesThePlaceOfMany) {
  PlantedBug bug;
  bug.flushes = 20;
  Workload workload = LongWorkload(6);
  for (int i = 0; i < 20; ++i) workload.steps.push_back(Of(Kind::kFlush));
  const Failure shrunk = ShrinkWith(bug.tools(), FoundIn(workload), 20'000);
  const auto& steps = shrunk.failing.workload.steps;
  ASSERT_EQ(steps.size(), 2) << "the case itself has no compaction";
  EXPECT_TRUE(Writes(steps[0], 33));
  EXPECT_EQ(steps[1].kind, Kind::kCompact);
}

TEST(Shrinking, AFaultComesWithAnEarlierCall) {
  PlantedBug bug;
  bug.fault = "eio-before on append";
  bug.steps_of_one_nth = 2;
  Failure failure = FoundIn(LongWorkload(60));
  failure.failing.faults = "eio-before on append nth 30";
  const Failure shrunk = ShrinkWith(bug.tools(), failure, 20'000);
  EXPECT_EQ(shrunk.failing.workload.steps.size(), 2) << "60 steps have a thirtieth such call";
  EXPECT_THAT(shrunk.failing.faults, ::testing::StartsWith("eio-before on append"));
}

TEST(Shrinking, SpendsNoMoreThanItMay) {
  for (const uint64_t replays : std::vector<uint64_t>{0, 1, 10, 100}) {
    PlantedBug bug;
    const Failure shrunk = ShrinkWith(bug.tools(), FoundIn(LongWorkload(60)), replays);
    EXPECT_LE(bug.replays(), replays);
    EXPECT_EQ(shrunk.violation.rule, 2);
    EXPECT_LE(shrunk.failing.workload.steps.size(), 60);
  }
}

TEST(Shrinking, WhatBreaksAnotherRuleIsNoSmallerCase) {
  PlantedBug bug;
  Failure failure = FoundIn(LongWorkload(12));
  failure.failing.workload.steps.resize(1);
  failure.failing.crashes.resize(1);
  const Failure shrunk = ShrinkWith(bug.tools(), failure, 1000);
  EXPECT_EQ(shrunk.failing.workload.steps.size(), 1) << "none at all breaks rule 1";
}

TEST(Shrinking, NumbersKeysFromNought) {
  PlantedBug bug;
  bug.lost_key = 0;
  Workload workload;
  workload.steps = {Write({0}), Write({7}), Of(Kind::kFlush)};
  const Failure shrunk = ShrinkWith(bug.tools(), FoundIn(workload), 1000);
  ASSERT_EQ(shrunk.failing.workload.steps.size(), 2);
  EXPECT_EQ(shrunk.failing.workload.steps[0].changes[0].key, 0);
  EXPECT_THAT(shrunk.failing.recovery_faults, IsEmpty());
}

}  // namespace
}  // namespace lumen::crash
