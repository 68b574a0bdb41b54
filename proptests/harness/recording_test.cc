// Goal: what a recording says was promised is what a client was promised, and running a workload
// again gives the same recording. Method: hand-made workloads whose promises are known; generated
// ones, with and without faults, none of which may show a wrong answer.
#include "proptests/harness/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "faultfs/disk_image.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/fault_choice.h"

namespace lumen::crash {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Key;
using ::testing::SizeIs;

Recording RecordText(std::string_view text, std::string_view faults = "") {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(faults);
  EXPECT_TRUE(workload.ok()) << workload.status();
  EXPECT_TRUE(plan.ok()) << plan.status();
  return Record(*workload, {.seed = 1, .plan = &*plan, .notes = true});
}

TEST(RecordingTest, ADurableWriteIsDurableWhenAcknowledgedAndARelaxedOneIsNot) {
  const Recording recording = RecordText("write durable k01=20\nwrite relaxed k02=20\n");
  ASSERT_FALSE(recording.violation.has_value()) << recording.violation->what;
  ASSERT_THAT(recording.log.writes(), SizeIs(2));
  const CommittedWrite& durable = recording.log.writes()[0];
  const CommittedWrite& relaxed = recording.log.writes()[1];
  EXPECT_LT(durable.issued, durable.acknowledged);
  EXPECT_EQ(durable.durable, durable.acknowledged);
  EXPECT_NE(relaxed.acknowledged, CommittedWrite::kNever);
  EXPECT_EQ(relaxed.durable, CommittedWrite::kNever);
}

TEST(RecordingTest, AFlushACleanCloseAndALaterDurableWriteMakeRelaxedWritesDurable) {
  for (const char* later : {"flush\n", "compact\n", "reopen\n", "write durable k02=1\n"}) {
    const Recording recording = RecordText(std::string("write relaxed k01=20\n") + later);
    ASSERT_FALSE(recording.violation.has_value()) << recording.violation->what;
    EXPECT_NE(recording.log.writes()[0].durable, CommittedWrite::kNever) << later;
  }
}

TEST(RecordingTest, WhatAKillSparesIsDurableOnceItIsServedAgain) {
  const Recording recording = RecordText("write relaxed k01=20\nkill\nwrite durable k02=5\n");
  ASSERT_FALSE(recording.violation.has_value()) << recording.violation->what;
  const CommittedWrite& write = recording.log.writes()[0];
  EXPECT_GT(write.durable, write.acknowledged);
  EXPECT_LE(write.durable, recording.log.writes()[1].issued);
}

TEST(RecordingTest, AnUnmetConditionLeavesNoWrite) {
  const Recording recording =
      RecordText("write durable k01=20\nwrite durable if-absent k01=5\nscan\nget k01\n");
  ASSERT_FALSE(recording.violation.has_value()) << recording.violation->what;
  EXPECT_THAT(recording.log.writes(), SizeIs(1));
  EXPECT_THAT(recording.coverage, Contains(Key("unmet condition")));
}

TEST(RecordingTest, AWriteWhoseSyncFailsIsInDoubtAndLaterOnesAreRefused) {
  const Recording recording =
      RecordText("write durable k01=20\nwrite durable k02=20\nwrite durable k03=20\nreopen\nscan\n",
                 "sync-marked-clean in \"/db/00000001.wal\" "
                 "after append in \"/db/00000001.wal\" nth 2\n");
  ASSERT_FALSE(recording.violation.has_value()) << recording.violation->what;
  EXPECT_THAT(recording.coverage,
              AllOf(Contains(Key("write in doubt")), Contains(Key("refused write"))));
}

TEST(RecordingTest, WhileACallIsLateTheTimersOfTheProcessRunOut) {
  const auto trace = [](uint64_t seed, const char* faults) {
    const auto plan = faultfs::FaultPlan::Parse(faults);
    EXPECT_TRUE(plan.ok());
    const Recording recording = Record(GenerateWorkload(seed, 64), {.seed = 1, .plan = &*plan});
    EXPECT_FALSE(recording.violation.has_value()) << recording.violation->what;
    return recording.trace_hash;
  };
  int differences = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const uint64_t in_time = trace(seed, "latency on append times always amount 1ns");
    EXPECT_EQ(trace(seed, "latency on append times always amount 1ns"), in_time);
    differences += trace(seed, "latency on append times always amount 2s") != in_time ? 1 : 0;
  }
  EXPECT_GT(differences, 0);
}

TEST(RecordingTest, NoAnswerIsWrongAndEverythingHappens) {
  std::map<std::string, uint64_t> coverage;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Workload workload = GenerateWorkload(seed, 64);
    const Recording recording = Record(workload, {});
    ASSERT_FALSE(recording.violation.has_value())
        << "seed " << seed << ": " << recording.violation->what << "\nexpected "
        << recording.violation->expected << "\ngot " << recording.violation->got << "\n"
        << workload.ToString();
    EXPECT_EQ(recording.trace_hash, Record(workload, {}).trace_hash) << seed;
    for (const auto& [event, times] : recording.coverage) coverage[event] += times;
  }
  for (const char* event : {"flush", "compaction", "trivial move", "kill", "reopen", "checkpoint",
                            "snapshot", "unmet condition", "replayed operation"}) {
    EXPECT_GT(coverage[event], 10U) << event;
  }
}

TEST(RecordingTest, NoAnswerIsWrongUnderFaults) {
  std::map<std::string, uint64_t> coverage;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const Workload workload = GenerateWorkload(seed, 64);
    const std::string faults = ChooseFaults(faultfs::Profile::kStrictPosix, seed);
    const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(faults);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const RecordSettings settings{.seed = seed, .plan = &*plan};
    const Recording recording = Record(workload, settings);
    ASSERT_FALSE(recording.violation.has_value())
        << "seed " << seed << ": " << recording.violation->what << "\nexpected "
        << recording.violation->expected << "\ngot " << recording.violation->got << "\n"
        << faults << workload.ToString();
    EXPECT_EQ(recording.trace_hash, Record(workload, settings).trace_hash) << seed;
    for (const auto& [event, times] : recording.coverage) coverage[event] += times;
  }
  for (const char* event : {"write in doubt", "refused write", "read-only", "background retry"}) {
    EXPECT_GT(coverage[event], 0U) << event;
  }
}

// What a failed sync could lose is there when it fails: the names that a directory's would have
// made durable, and the bytes of a WAL that clients were to be promised.
TEST(RecordingTest, FailedSyncsHaveSomethingToLose) {
  uint64_t names = 0;
  uint64_t promised = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const auto plan = faultfs::FaultPlan::Parse(ChooseFaults(faultfs::Profile::kStrictPosix, seed));
    ASSERT_TRUE(plan.ok()) << plan.status();
    const Recording recording = Record(GenerateWorkload(seed, 64), {.seed = seed, .plan = &*plan});
    for (size_t i = 0; i < plan->rules().size(); ++i) {
      const faultfs::FaultSelector& when = plan->rules()[i].when;
      if (when.after == nullptr) continue;
      const uint64_t changed = recording.fault_counts[i].changed;
      if (when.calls[0] == faultfs::CallKind::kSyncDirectory) names += changed;
      if (when.role == faultfs::FileRole::kWal) promised += changed;
    }
  }
  EXPECT_GT(names, 150U);
  EXPECT_GT(promised, 75U);
}

// Of the plans for many workloads and recoveries.
std::set<std::string> SyncFailuresUnder(faultfs::Profile profile) {
  const faultfs::DiskImage image = faultfs::DiskImage::FromPlain({{"/db", std::nullopt}});
  std::set<std::string> names;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    for (const std::string& text :
         {ChooseFaults(profile, seed), ChooseRecoveryFault(profile, image, seed)}) {
      const auto plan = faultfs::FaultPlan::Parse(text);
      EXPECT_TRUE(plan.ok()) << plan.status();
      for (const faultfs::FaultRule& rule : plan->rules()) {
        if (rule.name.rfind("sync-", 0) == 0) names.insert(rule.name);
      }
    }
  }
  return names;
}

TEST(RecordingTest, SyncsFailAsThoseOfTheProfilesFileSystemDo) {
  using faultfs::Profile;
  using ::testing::ElementsAre;
  for (const Profile profile : {Profile::kExt4Ordered, Profile::kExt4Writeback, Profile::kXfs}) {
    EXPECT_THAT(SyncFailuresUnder(profile), ElementsAre("sync-marked-clean"));
  }
  EXPECT_THAT(SyncFailuresUnder(Profile::kBtrfs), ElementsAre("sync-reverted"));
  for (const Profile profile : {Profile::kStrictPosix, Profile::kKill, Profile::kDropUnsynced,
                                Profile::kTornPage, Profile::kZombie}) {
    EXPECT_THAT(SyncFailuresUnder(profile),
                ElementsAre("sync-failed-durable", "sync-failed-partly", "sync-late",
                            "sync-marked-clean", "sync-reverted"))
        << ProfileName(profile);
  }
}

// Where of a file the rule strikes, in bytes.
uint64_t PlaceOf(const faultfs::FaultRule& rule) {
  const bool bit = rule.fault.kind == faultfs::FaultKind::kBitFlip;
  return bit ? rule.fault.amount / 8 : rule.fault.amount * faultfs::kSectorBytes;
}

TEST(RecordingTest, DamageBeforeARecoveryStrikesTheFramesOfEverySegmentAndTheOtherFiles) {
  constexpr uint64_t kHeaderBytes = 4096;
  const std::string block(kHeaderBytes, 'h');
  const std::string unused(60'000, '\0');
  const faultfs::DiskImage image =
      faultfs::DiskImage::FromPlain({{"/db", std::nullopt},
                                     {"/db/00000001.wal", block + std::string(900, 'f') + unused},
                                     {"/db/00000002.wal", block + std::string(900, 'f') + unused},
                                     {"/db/00000003.wal", block + unused},
                                     {"/db/CURRENT", "MANIFEST-1"},
                                     {"/db/LOCK", ""},
                                     {"/db/MANIFEST-1", block + "edits"}});
  std::map<std::string, uint64_t> struck;
  std::map<std::string, uint64_t> frames_struck;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const auto plan =
        faultfs::FaultPlan::Parse(ChooseRecoveryFault(faultfs::Profile::kStrictPosix, image, seed));
    ASSERT_TRUE(plan.ok()) << plan.status();
    const faultfs::FaultRule& rule = plan->rules()[0];
    if (rule.when.path_glob.empty()) continue;
    ++struck[rule.when.path_glob];
    if (PlaceOf(rule) >= kHeaderBytes) ++frames_struck[rule.when.path_glob];
    EXPECT_LT(PlaceOf(rule), kHeaderBytes + 900) << "zeros: no damage changes them much";
  }
  EXPECT_GT(frames_struck["/db/00000001.wal"], 100U);
  EXPECT_GT(frames_struck["/db/00000002.wal"], 100U);
  EXPECT_EQ(frames_struck["/db/00000003.wal"], 0U);
  for (const char* file : {"/db/00000003.wal", "/db/CURRENT", "/db/MANIFEST-1"}) {
    EXPECT_GT(struck[file], 20U) << file;
  }
  EXPECT_EQ(struck["/db/LOCK"], 0U) << "it is empty";
}

}  // namespace
}  // namespace lumen::crash
