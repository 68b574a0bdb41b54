// Goal: each clause of a rule narrows what it fires on as the grammar says, equal runs meet equal
// faults, and the counters count. Method: calls by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "faultfs/fault_plan.h"

namespace lumen::faultfs {
namespace {

using enum CallKind;
using testing::ElementsAre;
using testing::IsEmpty;

FaultPlan Plan(std::string_view text) {
  auto plan = FaultPlan::Parse(text);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

Call Of(CallKind kind, std::string_view path, std::string_view to_path = {}) {
  return {.kind = kind, .role = RoleOf(path), .path = path, .to_path = to_path};
}

// Which of the calls met a fault, counted from 1.
std::vector<size_t> Fired(PlannedFaults& faults, const std::vector<Call>& calls) {
  std::vector<size_t> fired;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (faults.Decide(calls[i]).kind != FaultKind::kNone) fired.push_back(i + 1);
  }
  return fired;
}
std::vector<size_t> Fired(std::string_view plan, const std::vector<Call>& calls) {
  PlannedFaults faults(Plan(plan), 1);
  return Fired(faults, calls);
}

const std::vector<Call> kCalls = {
    Of(kCreate, "/db/00000001.wal"),                // 1
    Of(kAppend, "/db/00000001.wal"),                // 2
    Of(kSync, "/db/00000001.wal"),                  // 3
    Of(kAppend, "/db/MANIFEST-1"),                  // 4
    Of(kRename, "/db/CURRENT.tmp", "/db/CURRENT"),  // 5
    Of(kSyncDirectory, "/db"),                      // 6
    Of(kAppend, "/db/00000002.wal"),                // 7
    Of(kSync, "/db/00000002.wal"),                  // 8
    Of(kRead, "/db/000003.sst"),                    // 9
    Of(kAppend, "/db/00000002.wal"),                // 10
};

TEST(PlannedFaultsTest, ARuleFiresOnceOnTheFirstCallThatItCanMeet) {
  EXPECT_THAT(Fired("eio-before", kCalls), ElementsAre(1));
  EXPECT_THAT(Fired("short-write", kCalls), ElementsAre(2));
  EXPECT_THAT(Fired("sync-lied", kCalls), ElementsAre(3));
  EXPECT_THAT(Fired("stale-read", kCalls), ElementsAre(9));
}

TEST(PlannedFaultsTest, EachClauseNarrows) {
  EXPECT_THAT(Fired("eio-before on append times always", kCalls), ElementsAre(2, 4, 7, 10));
  EXPECT_THAT(Fired("eio-before of wal times always", kCalls), ElementsAre(1, 2, 3, 7, 8, 10));
  EXPECT_THAT(Fired("eio-before on append of manifest times always", kCalls), ElementsAre(4));
  EXPECT_THAT(Fired("eio-before in \"/db/*2.wal\" times always", kCalls), ElementsAre(7, 8, 10));
  EXPECT_THAT(Fired("eio-before on append,sync nth 3", kCalls), ElementsAre(4));
  EXPECT_THAT(Fired("eio-before on append nth 2 times 2", kCalls), ElementsAre(4, 7));
  EXPECT_THAT(Fired("eio-before on append nth 5", kCalls), IsEmpty());
}

TEST(PlannedFaultsTest, ARenameIsOfBothItsNames) {
  EXPECT_THAT(Fired("eio-before on rename of current", kCalls), ElementsAre(5));
  EXPECT_THAT(Fired("eio-before on rename of temp", kCalls), ElementsAre(5));
  EXPECT_THAT(Fired("eio-before on rename in \"**/CURRENT\"", kCalls), ElementsAre(5));
  EXPECT_THAT(Fired("eio-before on rename of wal", kCalls), IsEmpty());
}

TEST(PlannedFaultsTest, CountingBeginsAfterTheEvent) {
  EXPECT_THAT(Fired("eio-before on append after rename of current", kCalls), ElementsAre(7));
  EXPECT_THAT(Fired("eio-before on append nth 2 after rename of current", kCalls), ElementsAre(10));
  EXPECT_THAT(Fired("eio-before on append after append of wal", kCalls), ElementsAre(4));
  EXPECT_THAT(Fired("eio-before on append after append of wal nth 2", kCalls), ElementsAre(10));
  EXPECT_THAT(Fired("eio-before after remove", kCalls), IsEmpty());
}

TEST(PlannedFaultsTest, OfSeveralRulesTheFirstFires) {
  PlannedFaults faults(Plan("enospc-before on append\neio-before on append\neio-after on append"),
                       1);
  EXPECT_THAT(faults.Decide(Of(kAppend, "/x")).rule, 0);
  EXPECT_THAT(faults.Decide(Of(kAppend, "/x")).rule, 1);
  EXPECT_THAT(faults.Decide(Of(kAppend, "/x")).rule, 2);
  EXPECT_THAT(faults.Decide(Of(kAppend, "/x")).kind, FaultKind::kNone);
  for (const FaultCount& count : faults.counts()) {
    EXPECT_EQ(count.armed, 4u);
    EXPECT_EQ(count.fired, 1u);
  }
}

TEST(PlannedFaultsTest, ErrorsSayWhatTheDiskWouldAndThatTheyAreInjected) {
  const auto message = [](std::string_view plan, CallKind kind) {
    PlannedFaults faults(Plan(plan), 1);
    return faults.Decide(Of(kind, "/db/x")).error;
  };
  EXPECT_EQ(message("eio-before", kAppend),
            absl::InternalError("append: Input/output error (injected)"));
  EXPECT_EQ(message("enospc-after", kCreate),
            absl::ResourceExhaustedError("create: No space left on device (injected)"));
  EXPECT_EQ(message("edquot-before", kSync),
            absl::ResourceExhaustedError("sync: Disk quota exceeded (injected)"));
  EXPECT_EQ(message("emfile-before", kOpen),
            absl::ResourceExhaustedError("open: Too many open files (injected)"));
  EXPECT_EQ(message("erofs-before", kRename),
            absl::PermissionDeniedError("rename: Read-only file system (injected)"));
  EXPECT_EQ(message("sync-lied", kSync), absl::OkStatus());
}

std::vector<size_t> FiredWith(uint64_t seed, int calls, std::string_view plan) {
  PlannedFaults faults(Plan(plan), seed);
  return Fired(faults, std::vector<Call>(static_cast<size_t>(calls), Of(kAppend, "/x")));
}

TEST(PlannedFaultsTest, EqualSeedsMeetEqualFaultsAndOthersOthers) {
  const char* plan = "eio-before on append probability 0.3 times always";
  EXPECT_EQ(FiredWith(7, 1000, plan), FiredWith(7, 1000, plan));
  EXPECT_NE(FiredWith(7, 1000, plan), FiredWith(8, 1000, plan));
}

TEST(PlannedFaultsTest, AProbabilityIsHowOftenItFires) {
  constexpr int kMany = 20'000;
  for (const double probability : {0.01, 0.3, 0.9}) {
    const std::string plan =
        "eio-before on append times always probability " + std::to_string(probability);
    const double fired = static_cast<double>(FiredWith(3, kMany, plan).size());
    const double deviation = std::sqrt(kMany * probability * (1 - probability));
    EXPECT_NEAR(fired, kMany * probability, 4 * deviation);
  }
}

TEST(PlannedFaultsTest, CallsThatARuleIsNotAboutMakeNoDifferenceToIt) {
  PlannedFaults alone(Plan("bit-flip on append probability 0.3 times always"), 5);
  PlannedFaults among(Plan("bit-flip on append probability 0.3 times always"), 5);
  for (int i = 0; i < 200; ++i) {
    for (int other = 0; other < i % 3; ++other) (void)among.Decide(Of(kExists, "/y"));
    const Fault a = alone.Decide(Of(kAppend, "/x"));
    const Fault b = among.Decide(Of(kAppend, "/x"));
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.amount, b.amount);
    EXPECT_EQ(a.seed, b.seed);
  }
}

TEST(PlannedFaultsTest, AnAmountIsTheGivenOneOrRandom) {
  PlannedFaults given(Plan("bit-flip amount 4711 times 2"), 5);
  EXPECT_EQ(given.Decide(Of(kRead, "/x")).amount, 4711u);
  EXPECT_EQ(given.Decide(Of(kRead, "/x")).amount, 4711u);
  PlannedFaults random(Plan("bit-flip times 2"), 5);
  EXPECT_NE(random.Decide(Of(kRead, "/x")).amount, random.Decide(Of(kRead, "/x")).amount);
}

TEST(PlannedFaultsTest, CountsWhatItWasToldOnceAFiring) {
  PlannedFaults faults(Plan("eio-before on read\nbit-flip on append times 2"), 1);
  (void)faults.Decide(Of(kAppend, "/x"));
  const Fault flip = faults.Decide(Of(kAppend, "/x"));
  (void)faults.Decide(Of(kAppend, "/x"));
  faults.Changed(flip);
  faults.Changed(flip);
  faults.Observed(flip);
  faults.Observed(flip);
  const auto counts = faults.counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].armed, 0u);
  EXPECT_EQ(counts[1].armed, 3u);
  EXPECT_EQ(counts[1].fired, 2u);
  EXPECT_EQ(counts[1].changed, 1u);
  EXPECT_EQ(counts[1].observed, 1u) << "one firing, told of twice";
}

TEST(PlannedFaultsTest, TellsTheFiringsOfOneRuleApart) {
  PlannedFaults faults(Plan("read-eio-sticky times always"), 1);
  const Fault first = faults.Decide(Of(kRead, "/x"));
  const Fault second = faults.Decide(Of(kRead, "/x"));
  for (const Fault& fault : {first, second, first}) faults.Observed(fault);
  EXPECT_EQ(faults.counts()[0].observed, 2u);
  EXPECT_EQ(faults.counts()[0].changed, 0u);
}

TEST(PlannedFaultsTest, ThreadsShareOnePlan) {
  constexpr int kThreads = 4, kEach = 2000;
  PlannedFaults faults(Plan("eio-before on append times 1000"), 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&faults] {
      for (int i = 0; i < kEach; ++i) {
        const Fault fault = faults.Decide(Of(kAppend, "/x"));
        if (fault.kind != FaultKind::kNone) faults.Observed(fault);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults.counts()[0].armed, uint64_t{kThreads * kEach});
  EXPECT_EQ(faults.counts()[0].fired, 1000u);
  EXPECT_EQ(faults.counts()[0].observed, 1000u);
}

}  // namespace
}  // namespace lumen::faultfs
