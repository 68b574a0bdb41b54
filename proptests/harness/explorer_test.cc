// Goal: the explorer finds what is wrong and nothing else, counts what it tested, and does the same
// again from the same seed. Method: the engine under every profile; programs in the engine's place
// that forget, each of which has to be found by its rule.
#include "proptests/harness/explorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/base/status.h"
#include "faultfs/disk_state.h"
#include "proptests/harness/checkpoint_trial.h"
#include "proptests/harness/distinct_set.h"
#include "proptests/harness/exploring.h"
#include "proptests/harness/hashing.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::Profile;

// A store that passes everything on; what is planted overrides one call.
class Forwarding : public Store {
 public:
  explicit Forwarding(std::unique_ptr<Store> target) : target_(std::move(target)) {}
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    return target_->Get(key);
  }
  absl::Status Scan(bool reverse, const Visit& visit) override {
    return target_->Scan(reverse, visit);
  }
  absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) override {
    return target_->Put(key, value);
  }
  absl::Status Exercise() override { return target_->Exercise(); }
  absl::StatusOr<std::vector<std::string>> Orphans() override { return target_->Orphans(); }
  absl::Status Close() override { return target_->Close(); }

 protected:
  const std::unique_ptr<Store> target_;
};

// Consistently without one key.
class Forgetful final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    if (key == "k01") return std::nullopt;
    return target_->Get(key);
  }
  absl::Status Scan(bool reverse, const Visit& visit) override {
    return target_->Scan(reverse, [&](std::string_view key, std::string_view value) {
      if (key != "k01") visit(key, value);
    });
  }
};

class FailingToExercise final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  absl::Status Exercise() override { return absl::InternalError("planted"); }
};

template <typename Planted>
Opener Plant(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    ASSIGN_OR_RETURN(std::unique_ptr<Store> store, open(files, seed));
    return std::make_unique<Planted>(std::move(store));
  };
}

// Deletes the newest WAL segment before it lets the engine open: what was there is lost.
Opener PlantLostSegment(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    const absl::StatusOr<std::vector<std::string>> names = files.List(kDatabaseDirectory);
    if (names.ok()) {
      for (const std::string& name : *names) {
        if (name.size() > 4 && name.substr(name.size() - 4) == ".wal") {
          files.Remove(std::string(kDatabaseDirectory) + "/" + name).IgnoreError();
        }
      }
    }
    return open(files, seed);
  };
}

// A recovery that is not finished leaves a mark, and the next one then serves something else.
Opener PlantMark(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    ASSIGN_OR_RETURN(const bool marked, files.Exists("/mark"));
    if (!marked) RETURN_IF_ERROR(files.CreateLogFile("/mark").status());
    RETURN_IF_ERROR(files.SyncDirectory("/"));
    ASSIGN_OR_RETURN(std::unique_ptr<Store> store, open(files, seed));
    if (!marked) RETURN_IF_ERROR(files.Remove("/mark"));
    if (!marked) RETURN_IF_ERROR(files.SyncDirectory("/"));
    return marked ? std::make_unique<Forgetful>(std::move(store)) : std::move(store);
  };
}

struct Found {
  Totals totals;
  std::vector<Failure> failures;
};
Found ExploreAll(const OpenerFor& open_for, const ExploreSettings& settings) {
  Found found;
  found.totals =
      ExploreWith(open_for, settings,
                  {.failure = [&](const Failure& failure) { found.failures.push_back(failure); }});
  return found;
}

ExploreSettings Settings(Profile profile, uint64_t states) {
  return {.profile = profile, .seed = 7, .states = states};
}

std::string Described(const Failure& failure) {
  return failure.violation.what + "\nexpected " + failure.expected + "\ngot " + failure.got +
         "\nfaults " + failure.failing.faults + "\nrecovery faults " +
         failure.failing.recovery_faults + "\ncrashes " +
         std::to_string(failure.failing.crashes.size()) + "\n" +
         failure.failing.workload.ToString();
}

class EveryProfile : public ::testing::TestWithParam<Profile> {};
INSTANTIATE_TEST_SUITE_P(Profiles, EveryProfile, ::testing::ValuesIn(faultfs::kProfiles),
                         [](const auto& profile) {
                           std::string name(faultfs::ProfileName(profile.param));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(EveryProfile, TheEngineBreaksNoRule) {
  constexpr uint64_t kStates = LUMEN_SANITIZED ? 3'000 : 20'000;  // ten times as slow
  const Found found = ExploreAll(OpenEngineOf, Settings(GetParam(), kStates));
  for (const Failure& failure : found.failures) ADD_FAILURE() << Described(failure);
  EXPECT_EQ(found.totals.violations, 0U);
  EXPECT_GE(found.totals.distinct, kStates);
  EXPECT_EQ(found.totals.recovered + found.totals.refused, found.totals.distinct);
  EXPECT_GE(found.totals.generated, found.totals.distinct);
  EXPECT_GT(found.totals.in_recovery, kStates / 50);
  EXPECT_GT(found.totals.in_second_recovery, 0U);
  EXPECT_GE(found.totals.exercised * 20, found.totals.distinct);
  EXPECT_GT(found.totals.repeated, 0U);
}

TEST(ExplorerTest, ALostKeyIsFound) {
  const Found found = ExploreAll(Plant<Forgetful>, Settings(Profile::kStrictPosix, 2000));
  ASSERT_EQ(found.failures.size(), 1U);
  // Or 5, where the key is the one that the oracle writes anew.
  EXPECT_THAT(found.failures[0].violation.rule, ::testing::AnyOf(2, 5));
  EXPECT_EQ(found.failures[0].failing.crashes.size(), 1U);
}

TEST(ExplorerTest, ALostSegmentIsFound) {
  const Found found = ExploreAll(PlantLostSegment, Settings(Profile::kDropUnsynced, 2000));
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].violation.rule, ::testing::AnyOf(1, 2, 5));
}

TEST(ExplorerTest, AProgramThatOnlyFailsLaterIsFoundByExercise) {
  const Found found = ExploreAll(Plant<FailingToExercise>, Settings(Profile::kXfs, 2000));
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_EQ(found.failures[0].violation.rule, 5);
}

TEST(ExplorerTest, ARecoveryThatDoesNotConvergeIsFound) {
  ExploreSettings settings = Settings(Profile::kStrictPosix, 20'000);
  settings.faults = false;  // a recovery that an error ends would show it after one crash
  const Found found = ExploreAll(PlantMark, settings);
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_GE(found.failures[0].failing.crashes.size(), 2U);
}

std::map<std::string, uint64_t> Numbers(const Totals& totals) {
  std::map<std::string, uint64_t> numbers = {{"cases", totals.cases},
                                             {"generated", totals.generated},
                                             {"distinct", totals.distinct},
                                             {"recovered", totals.recovered},
                                             {"refused", totals.refused},
                                             {"in_recovery", totals.in_recovery},
                                             {"in_second_recovery", totals.in_second_recovery},
                                             {"exercised", totals.exercised},
                                             {"repeated", totals.repeated}};
  for (const auto& [name, fault] : totals.faults) {
    numbers[name + " fired"] = fault.fired;
    numbers[name + " observed"] = fault.observed;
  }
  numbers.insert(totals.coverage.begin(), totals.coverage.end());
  return numbers;
}

// Takes every error for an empty disk.
Opener PlantFreshStart(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    absl::StatusOr<std::unique_ptr<Store>> store = open(files, seed);
    if (store.ok()) return store;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(kDatabaseDirectory));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(files.Remove(std::string(kDatabaseDirectory) + "/" + name));
    }
    return open(files, seed);
  };
}

TEST(ExplorerTest, APlanOfTheUsersIsAllThatRecoveriesMeet) {
  ExploreSettings settings = Settings(Profile::kStrictPosix, 4000);
  settings.fault_plan = "eio-before on open of wal\n";
  const Found found = ExploreAll(PlantFreshStart, settings);
  ASSERT_EQ(found.failures.size(), 1U) << "a recovery met the fault";
  EXPECT_EQ(found.failures[0].failing.recovery_faults, settings.fault_plan);
  EXPECT_THAT(found.totals.faults, ::testing::ElementsAre(::testing::Key("eio-before")));
  settings.fault_plan = "latency on list\n";
  const Found harmless = ExploreAll(PlantFreshStart, settings);
  EXPECT_THAT(harmless.failures, ::testing::IsEmpty()) << "nothing that is not in the plan comes";
  EXPECT_THAT(harmless.totals.faults, ::testing::ElementsAre(::testing::Key("latency")));
  EXPECT_GT(harmless.totals.faults.at("latency").fired, harmless.totals.cases);
}

// Tries again for ever, as long as there is an error.
Opener PlantPatience(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    for (;;) {
      absl::StatusOr<std::unique_ptr<Store>> store = open(files, seed);
      const absl::StatusOr<bool> exists = files.Exists("/patience");
      if (store.ok() || !exists.ok()) return store;
    }
  };
}

// Waits for a file that never comes.
Opener PlantWaiting(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    for (;;) {
      ASSIGN_OR_RETURN(const bool exists, files.Exists("/never"));
      if (exists) return open(files, seed);
    }
  };
}

TEST(ExplorerTest, ARecoveryThatHangsEndsAndIsNoAnswer) {
  ExploreSettings settings = Settings(Profile::kKill, 1000);
  settings.faults = false;
  const Found waiting = ExploreAll(PlantWaiting, settings);
  ASSERT_EQ(waiting.failures.size(), 1U);
  EXPECT_EQ(waiting.failures[0].violation.rule, kHung) << waiting.failures[0].violation.what;

  settings.faults = true;
  settings.fault_plan = "hang on open of wal times always\n";
  const Found patient = ExploreAll(PlantPatience, settings);
  ASSERT_EQ(patient.failures.size(), 1U);
  EXPECT_EQ(patient.failures[0].violation.rule, kHung) << patient.failures[0].violation.what;
  EXPECT_EQ(patient.failures[0].failing.recovery_faults, settings.fault_plan);
}

TEST(ExplorerTest, OneSeedGivesOneExploration) {
  for (const Profile profile : {Profile::kStrictPosix, Profile::kZombie}) {
    std::vector<uint64_t> hashes[2];
    std::map<std::string, uint64_t> numbers[2];
    for (int i = 0; i < 2; ++i) {
      numbers[i] =
          Numbers(Explore(Settings(profile, 3000),
                          {.distinct = [&, i](uint64_t hash) { hashes[i].push_back(hash); }}));
    }
    EXPECT_EQ(numbers[0], numbers[1]);
    EXPECT_EQ(hashes[0], hashes[1]);
    EXPECT_EQ(hashes[0].size(), numbers[0]["distinct"]);
    EXPECT_EQ(std::set<uint64_t>(hashes[0].begin(), hashes[0].end()).size(), hashes[0].size());
  }
}

TEST(ExplorerTest, ShardsShareTheCasesAmongThem) {
  std::vector<std::string> expected;
  for (uint64_t number = 0; number < 9; ++number) {
    expected.push_back(CaseNumber(Settings(Profile::kXfs, 0), number).workload.ToString());
  }
  for (uint64_t shard = 0; shard < 3; ++shard) {
    ExploreSettings settings = Settings(Profile::kXfs, 1500);
    settings.shard = shard;
    settings.shards = 3;
    std::vector<std::string> run;
    ExploreWith(
        [&](const Workload& workload) {
          run.push_back(workload.ToString());
          return OpenEngineOf(workload);
        },
        settings, {});
    for (size_t i = 0; i < run.size() && 3 * i + shard < expected.size(); ++i) {
      EXPECT_EQ(run[i], expected[3 * i + shard]);
    }
    EXPECT_GE(run.size(), 1U);
  }
}

TEST(ExplorerTest, AStopEndsIt) {
  const std::atomic<bool> stop = true;
  ExploreSettings settings = Settings(Profile::kXfs, 0);
  settings.stop = &stop;
  EXPECT_EQ(Explore(settings, {}).distinct, 0U);
}

TEST(ExplorerTest, ACaseReplaysTheSameAHundredTimes) {
  for (const Profile profile : {Profile::kStrictPosix, Profile::kTornPage}) {
    Case one = CaseNumber(Settings(profile, 0), 3);
    one.faults.clear();
    const Recording recording = Record(one.workload, {});
    faultfs::DiskState state(profile, recording.start);
    const uint64_t point = recording.history.size() * 2 / 3;
    for (uint64_t i = 0; i < point; ++i) state.Apply(recording.history[i]);
    const faultfs::CrashSpace space(state, one.seed, state.unlinked());
    one.crashes.push_back({point, space.Sample(5).survivors});
    const absl::StatusOr<Replayed> first = Replay(one);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_FALSE(first->violation.has_value()) << first->violation->what;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(Replay(one)->trace_hash, first->trace_hash);
    one.crashes[0].point = recording.history.size() + 1;
    EXPECT_FALSE(Replay(one).ok());
  }
}

TEST(ExplorerTest, ACaseIsExploredByItself) {
  Case one = CaseNumber(Settings(Profile::kExt4Ordered, 0), 1);
  const Totals totals = ExploreCase(one, Settings(Profile::kExt4Ordered, 500), {});
  EXPECT_GE(totals.distinct, 100U);
  EXPECT_EQ(totals.violations, 0U);
}

TEST(ExplorerTest, SmallWorkloadsAreExhausted) {
  const Exhausted exhausted = Exhaust(Settings(Profile::kExt4Ordered, 0), {.length = 1}, {});
  EXPECT_TRUE(exhausted.complete);
  EXPECT_EQ(exhausted.totals.cases, SmallWorkloads(1));
  EXPECT_GT(exhausted.totals.crash_points, SmallWorkloads(1));
  EXPECT_EQ(exhausted.totals.exhaustive_points, exhausted.totals.crash_points);
  EXPECT_EQ(exhausted.totals.violations, 0U);
  const Exhausted stopped = Exhaust(Settings(Profile::kStrictPosix, 50), {.length = 2}, {});
  EXPECT_FALSE(stopped.complete);
}

TEST(ExplorerTest, CrashPointsThatAreNotExhaustedSayWhy) {
  const ExploreSettings settings = Settings(Profile::kExt4Ordered, 0);
  const auto exhaust = [&settings](const ExhaustBounds& bounds) {
    const Exhausted exhausted = Exhaust(settings, bounds, {});
    EXPECT_TRUE(exhausted.complete) << "it went through all of them all the same";
    const Totals& totals = exhausted.totals;
    EXPECT_EQ(totals.exhaustive_points + totals.many_pending_points + totals.many_images_points,
              totals.crash_points);
    return totals;
  };
  const Totals all = exhaust({.length = 1});
  const Totals pending = exhaust({.length = 1, .most_pending = 1});
  EXPECT_GT(pending.many_pending_points, 0U);
  EXPECT_EQ(pending.many_images_points, 0U);
  EXPECT_GT(pending.distinct, all.distinct / 2) << "systematic ones and random ones are tested";
  const Totals images = exhaust({.length = 1, .most_images = 2});
  EXPECT_GT(images.many_images_points, 0U);
  EXPECT_EQ(images.many_pending_points, 0U);
  EXPECT_EQ(images.crash_points, all.crash_points);
}

// What workloads share is tested once, which must not leave anything out: each of them alone has no
// image that all of them together have not.
TEST(ExplorerTest, WhatWorkloadsShareIsExhaustedOnce) {
  ExploreSettings settings = Settings(Profile::kExt4Ordered, 0);
  settings.faults = false;
  std::set<uint64_t> together;
  const ExploreEvents collect{.distinct = [&](uint64_t hash) { together.insert(hash); }};
  const Totals once = Exhaust(settings, {.length = 1}, collect).totals;
  std::set<uint64_t> apart;
  uint64_t generated = 0;
  settings.shards = SmallWorkloads(1);
  for (settings.shard = 0; settings.shard < settings.shards; ++settings.shard) {
    const ExploreEvents add{.distinct = [&](uint64_t hash) { apart.insert(hash); }};
    generated += Exhaust(settings, {.length = 1}, add).totals.generated;
  }
  EXPECT_EQ(together, apart);
  EXPECT_LT(once.generated, generated / 2);
}

TEST(CheckpointTrialTest, ACheckpointThatIsLostOrBrokenIsFound) {
  const Workload workload = *Workload::Parse("write durable k01=20\ncheckpoint\n");
  const Recording recording = Record(workload, {});
  faultfs::DiskState state(Profile::kKill, recording.start);
  for (const faultfs::Operation& operation : recording.history) state.Apply(operation);
  const uint64_t end = recording.history.size();
  const faultfs::DiskImage whole = faultfs::CrashSpace(state, 1).Sample(1).image;
  EXPECT_FALSE(CheckCheckpoints(workload, recording, end, whole, 1).has_value());

  faultfs::DiskImage lost = whole;
  lost.SetEntry(faultfs::kRootInode, "copies", 0);
  EXPECT_TRUE(CheckCheckpoints(workload, recording, end, lost, 1).has_value());
  EXPECT_FALSE(
      CheckCheckpoints(workload, recording, recording.checkpoints[0].asked, lost, 1).has_value());

  const faultfs::InodeNumber copy = whole.Find(CheckpointDirectory(0));
  for (const auto& [name, inode] : *whole.Directory(copy)) {
    if (name == "LOCK") continue;
    faultfs::DiskImage broken = whole;
    broken.SetEntry(copy, name, 0);
    EXPECT_TRUE(CheckCheckpoints(workload, recording, end, broken, 1).has_value()) << name;
  }
}

TEST(CheckpointTrialTest, ACheckpointNeedNotHoldWhatAKillHadTaken) {
  const Workload workload = *Workload::Parse(
      "write durable k01=20\nwrite-async relaxed k02=26\nkill\ncheckpoint\nwrite durable k03=9\n");
  const Recording recording = Record(workload, {});
  ASSERT_NE(recording.log.writes()[1].lost, CommittedWrite::kNever);
  faultfs::DiskState state(Profile::kKill, recording.start);
  for (const faultfs::Operation& operation : recording.history) state.Apply(operation);
  const auto violation = CheckCheckpoints(workload, recording, recording.history.size(),
                                          faultfs::CrashSpace(state, 1).Sample(1).image, 1);
  EXPECT_FALSE(violation.has_value()) << violation->what;
}

TEST(DistinctSetTest, HoldsWhatItWasGiven) {
  DistinctSet set;
  EXPECT_TRUE(set.Insert(0));
  EXPECT_FALSE(set.Insert(0));
  for (uint64_t i = 2; i < 100'000; ++i) EXPECT_TRUE(set.Insert(Mixed(i)));
  for (uint64_t i = 2; i < 100'000; ++i) EXPECT_FALSE(set.Insert(Mixed(i)));
  EXPECT_EQ(set.count(), 99'999U);
}

}  // namespace
}  // namespace lumen::crash
