// Every fault at every place where it can come: an error is reported, an acknowledged write is
// never lost, a wrong answer never given, and afterwards the engine serves again.
//
// Method: one story, played once for each call that it makes with a fault at that call; then the
// oracle judges what a kill and what several power losses leave. Counters prove that the faults
// made a difference.

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proptests/fault_matrix/faulted_run.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/engine_store.h"

namespace lumen::crash {
namespace {

using faultfs::CallKind;
using faultfs::Fault;
using faultfs::FaultKind;
using faultfs::FileRole;

constexpr uint64_t kSeed = 7;

uint64_t CallsAt(FaultSite site) {
  site.nth = 0;
  OneFault none(site, {});
  FaultedRun run(kSeed, none);
  run.Play();
  EXPECT_EQ(run.problem(), "");
  return none.matching_calls();
}

std::string Describe(const FaultSite& site, const Fault& fault) {
  std::string text(FaultName(fault.kind));
  text += " at call " + std::to_string(site.nth);
  if (site.call.has_value()) text += " of kind " + std::to_string(static_cast<int>(*site.call));
  if (site.role.has_value()) text += " on " + std::string(RoleName(*site.role));
  return text;
}

struct Expectation {
  bool must_report = false;       // a client or the engine's status says it
  bool may_refuse_kill = false;   // to open what a kill leaves
  FaultedRun::Excuse power_loss;  // what a power loss may cost
  uint64_t images = 3;
};

// One run with one fault, and everything that has to hold of it.
void PlayWith(const FaultSite& site, const Fault& fault, const Expectation& expected,
              FaultTally& tally) {
  SCOPED_TRACE(Describe(site, fault));
  OneFault once(site, fault);
  FaultedRun run(kSeed, once);
  run.Play();
  tally.Add(once, run.reported());
  EXPECT_EQ(run.problem(), "");
  if (expected.must_report && once.fired()) {
    EXPECT_TRUE(run.reported());
  }
  const auto killed = run.JudgeKill(expected.may_refuse_kill && once.fired());
  EXPECT_FALSE(killed.has_value()) << "kill: rule " << killed->rule << ": " << killed->what;
  const auto lost = run.JudgePowerLoss(expected.images, expected.power_loss);
  EXPECT_FALSE(lost.has_value()) << "power loss: rule " << lost->rule << ": " << lost->what;
}

void ExpectFired(const FaultTally& tally, const std::vector<FaultKind>& kinds, uint64_t least) {
  for (const FaultKind kind : kinds) {
    const auto found = tally.counts.find(kind);
    ASSERT_TRUE(found != tally.counts.end()) << FaultName(kind);
    EXPECT_GE(found->second.fired, least) << FaultName(kind);
    EXPECT_GE(found->second.changed + found->second.observed, least) << FaultName(kind);
  }
}

// ---- a full disk

Fault FullDisk(FaultKind kind, uint64_t amount = 0) {
  return {.kind = kind,
          .error = absl::ResourceExhaustedError("append: No space left on device (injected)"),
          .amount = amount};
}

class FullDiskTest : public testing::TestWithParam<CallKind> {};
INSTANTIATE_TEST_SUITE_P(WriteSites, FullDiskTest,
                         testing::Values(CallKind::kCreate, CallKind::kAllocate, CallKind::kAppend,
                                         CallKind::kSync, CallKind::kRename, CallKind::kLink,
                                         CallKind::kCreateDirectory, CallKind::kSyncDirectory));

TEST_P(FullDiskTest, HealsWhereverItComes) {
  FaultTally tally;
  std::vector<FaultKind> kinds = {FaultKind::kErrorBefore, FaultKind::kErrorAfter};
  if (GetParam() == CallKind::kAppend) kinds.push_back(FaultKind::kShortWrite);
  FaultSite site{.call = GetParam()};
  const uint64_t calls = CallsAt(site);
  ASSERT_GT(calls, 0u);
  for (const FaultKind kind : kinds) {
    for (site.nth = 1; site.nth <= calls; ++site.nth) {
      PlayWith(site, FullDisk(kind, 13 * site.nth), {}, tally);
      if (HasFailure()) return;
    }
  }
  ExpectFired(tally, kinds, calls);
}

// Not one call but every one, until there is room again.
TEST(FullDiskCapacityTest, RefusesServesAndHeals) {
  uint64_t refused = 0;
  for (uint64_t capacity_bytes = 200'000; capacity_bytes <= 260'000; capacity_bytes += 4096) {
    SCOPED_TRACE(capacity_bytes);
    OneFault none({}, {});
    FaultedRun run(kSeed, none);
    refused += run.FillAndHeal(capacity_bytes);
    EXPECT_EQ(run.problem(), "");
    const auto killed = run.JudgeKill(false);
    EXPECT_FALSE(killed.has_value()) << "kill: rule " << killed->rule << ": " << killed->what;
    const auto lost = run.JudgePowerLoss(3, {});
    EXPECT_FALSE(lost.has_value()) << "power loss: rule " << lost->rule << ": " << lost->what;
  }
  EXPECT_GT(refused, 10u);
}

// ---- syncs that fail or lie

class SyncFailureTest : public testing::TestWithParam<FaultKind> {};
INSTANTIATE_TEST_SUITE_P(Modes, SyncFailureTest,
                         testing::Values(FaultKind::kSyncMarkedClean, FaultKind::kSyncLate,
                                         FaultKind::kSyncReverted, FaultKind::kSyncFailedDurable,
                                         FaultKind::kSyncFailedPartly, FaultKind::kSyncLied));

TEST_P(SyncFailureTest, LosesNothingAcknowledgedOfAnyFile) {
  FaultTally tally;
  const Fault fault{.kind = GetParam(),
                    .error = absl::InternalError("sync: Input/output error (injected)"),
                    .seed = 11};
  const bool lies = GetParam() == FaultKind::kSyncLate || GetParam() == FaultKind::kSyncLied;
  const Expectation expected{.power_loss = {.may_refuse = lies, .may_lose = lies}};
  uint64_t sites = 0;
  for (const FileRole role :
       {FileRole::kWal, FileRole::kManifest, FileRole::kTemp, FileRole::kSst}) {
    FaultSite site{.call = CallKind::kSync, .role = role};
    const uint64_t calls = CallsAt(site);
    EXPECT_GT(calls, 0u) << RoleName(role);
    sites += calls;
    for (site.nth = 1; site.nth <= calls && !HasFailure(); ++site.nth) {
      PlayWith(site, fault, expected, tally);
    }
  }
  FaultSite directories{.call = CallKind::kSyncDirectory};
  const uint64_t calls = CallsAt(directories);
  sites += calls;
  for (directories.nth = 1; directories.nth <= calls && !HasFailure(); ++directories.nth) {
    PlayWith(directories, fault, expected, tally);
  }
  if (!HasFailure()) ExpectFired(tally, {GetParam()}, sites / 2);
}

// ---- media

struct Damage {
  FaultKind kind = FaultKind::kNone;
  CallKind call = CallKind::kOpen;
  uint64_t places = 1;  // how many amounts are tried at each call
};

class MediaTest : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(Damages, MediaTest,
                         testing::Values(Damage{FaultKind::kBitFlip, CallKind::kOpen, 4},
                                         Damage{FaultKind::kSectorGarbage, CallKind::kOpen, 4},
                                         Damage{FaultKind::kTruncated, CallKind::kOpen, 4},
                                         Damage{FaultKind::kLostWrite, CallKind::kAppend},
                                         Damage{FaultKind::kMisdirectedWrite, CallKind::kAppend, 2},
                                         Damage{FaultKind::kStaleRead, CallKind::kRead},
                                         Damage{FaultKind::kReadErrorOnce, CallKind::kRead},
                                         Damage{FaultKind::kReadErrorSticky, CallKind::kRead}));

TEST_P(MediaTest, DamageIsReportedOrHarmless) {
  FaultTally tally;
  const Damage damage = GetParam();
  // CURRENT is never written: it is renamed into its place.
  const FileRole current = damage.call == CallKind::kAppend ? FileRole::kTemp : FileRole::kCurrent;
  for (const FileRole role : {FileRole::kWal, FileRole::kManifest, current, FileRole::kSst}) {
    FaultSite site{.call = damage.call, .role = role};
    const uint64_t calls = CallsAt(site);
    EXPECT_GT(calls, 0u) << RoleName(role);
    for (site.nth = 1; site.nth <= calls && !HasFailure(); ++site.nth) {
      for (uint64_t place = 0; place < damage.places; ++place) {
        const uint64_t amount = (site.nth * 7919 + place * 104'729) * 31;
        PlayWith(site,
                 {.kind = damage.kind,
                  .error = absl::InternalError("read: Input/output error (injected)"),
                  .amount = amount,
                  .seed = amount},
                 {.may_refuse_kill = true, .power_loss = {.may_refuse = true}, .images = 1}, tally);
      }
    }
  }
  if (HasFailure()) return;
  ExpectFired(tally, {damage.kind}, 10);
  EXPECT_GT(tally.counts[damage.kind].reported, 0u);
}

// ---- faults inside a recovery

class RecoveryFaultTest : public testing::TestWithParam<FaultKind> {};
INSTANTIATE_TEST_SUITE_P(Variants, RecoveryFaultTest,
                         testing::Values(FaultKind::kErrorBefore, FaultKind::kErrorAfter));

TEST_P(RecoveryFaultTest, OpenReportsAndTheNextOneServes) {
  OneFault none({}, {});
  FaultedRun run(kSeed, none);
  run.Play();
  ASSERT_EQ(run.problem(), "");
  const Opener open = EngineOpener(FaultMatrixOptions());
  const Obligations obligations = ObligationsAt(run.log(), run.now(), true);
  uint64_t refusals = 0, calls = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    OneFault fault({.nth = nth}, {.kind = GetParam(),
                                  .error = absl::InternalError("Input/output error (injected)")});
    faultfs::Volume volume(run.volume().current(), {.faults = &fault});
    auto process = volume.Start();
    auto first = open(*process, kSeed);
    if (!fault.fired()) break;
    ++calls;
    volume.SetFaults(nullptr);
    if (!first.ok()) {
      ++refusals;
      EXPECT_THAT(std::string(first.status().message()), testing::HasSubstr("/db"))
          << first.status();
    }
    process->Kill();
    first = absl::CancelledError();  // the store goes before its process
    process = volume.Start();
    const auto violation =
        Check(open, *process, kSeed, run.log(), obligations, {.exercise = nth % 4 == 0});
    EXPECT_FALSE(violation.has_value()) << violation->rule << ": " << violation->what;
    if (HasFailure()) return;
  }
  // All but the removal of files that nothing names has to succeed.
  EXPECT_GE(calls, 30u);
  EXPECT_GE(refusals, calls * 3 / 4);
}

}  // namespace
}  // namespace lumen::crash
