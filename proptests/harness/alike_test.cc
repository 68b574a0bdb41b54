// Goal: what is known to fail is found again in another workload, and only what fails alike.
// Method: a program around the engine that takes a damaged WAL for an empty one, and one that
// forgets a key after a crash of its recovery: each found by a random exploration, and searched for
// in a workload of two steps.
#include "proptests/harness/alike.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status.h"
#include "faultfs/volume.h"
#include "proptests/harness/alike_faults.h"
#include "proptests/harness/exploring.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::Profile;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kStates = 2000;

// Removes all that there is and opens again, where the engine reports damage.
Opener StartsAnew(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    absl::StatusOr<std::unique_ptr<Store>> store = open(files, seed);
    if (store.ok() || store.status().code() != absl::StatusCode::kDataLoss) return store;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(kDatabaseDirectory));
    for (const std::string& name : names) {
      files.Remove(absl::StrCat(kDatabaseDirectory, "/", name)).IgnoreError();
    }
    return open(files, seed);
  };
}

// Serves, after a recovery that was cut short, what it has after throwing everything away.
Opener ForgetsWhenCutShort(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    ASSIGN_OR_RETURN(const bool marked, files.Exists("/mark"));
    if (marked) {
      ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(kDatabaseDirectory));
      for (const std::string& name : names) {
        files.Remove(absl::StrCat(kDatabaseDirectory, "/", name)).IgnoreError();
      }
      return open(files, seed);
    }
    RETURN_IF_ERROR(files.CreateLogFile("/mark").status());
    RETURN_IF_ERROR(files.SyncDirectory("/"));
    ASSIGN_OR_RETURN(std::unique_ptr<Store> store, open(files, seed));
    RETURN_IF_ERROR(files.Remove("/mark"));
    RETURN_IF_ERROR(files.SyncDirectory("/"));
    return store;
  };
}

ExploreSettings Settings(Profile profile, bool faults) {
  ExploreSettings settings;
  settings.profile = profile;
  settings.seed = 5;
  settings.states = 60'000;
  settings.faults = faults;
  return settings;
}

Failure Explored(const OpenerFor& open_for, const ExploreSettings& settings, bool recovery_faults) {
  Failure first;
  ExploreSettings all = settings;
  all.max_failures = 0;
  std::atomic<bool> stop = false;
  all.stop = &stop;
  ExploreWith(open_for, all, {.failure = [&](const Failure& failure) {
                if (failure.failing.recovery_faults.empty() == recovery_faults || stop) return;
                first = failure;
                stop = true;
              }});
  EXPECT_NE(first.violation.rule, 0) << "nothing was found";
  return first;
}

Case TwoWrites(const Case& known) {
  Case small;
  small.profile = known.profile;
  small.seed = known.seed;
  small.recovery_faults = known.recovery_faults;
  for (uint32_t key = 0; key < 2; ++key) {
    ClientStep write;
    write.changes.push_back({.key = key, .value_bytes = 20});
    small.workload.steps.push_back(write);
  }
  return small;
}

TEST(Alike, ARecoveryThatMeetsAFaultIsFoundAgain) {
  const Failure known = Explored(StartsAnew, Settings(Profile::kStrictPosix, true), true);
  ASSERT_EQ(known.violation.rule, 2) << known.violation.what;
  const auto found = FindAlike(StartsAnew, TwoWrites(known.failing), known, kStates);
  ASSERT_TRUE(found.failure.has_value());
  EXPECT_EQ(found.failure->violation.rule, 2);
  EXPECT_EQ(found.failure->failing.workload.steps.size(), 2U);
  EXPECT_FALSE(found.failure->failing.recovery_faults.empty());
  EXPECT_LE(found.tested, kStates);
}

TEST(Alike, ACrashInsideARecoveryIsFoundAgain) {
  const Failure known =
      Explored(ForgetsWhenCutShort, Settings(Profile::kStrictPosix, false), false);
  ASSERT_EQ(known.failing.crashes.size(), 2U) << known.violation.what;
  const auto found = FindAlike(ForgetsWhenCutShort, TwoWrites(known.failing), known, kStates);
  ASSERT_TRUE(found.failure.has_value());
  EXPECT_EQ(found.failure->failing.crashes.size(), 2U);
  EXPECT_EQ(found.failure->violation.rule, known.violation.rule);
}

TEST(Alike, WhatBreaksNoRuleIsNotFoundAndCostsWhatItMay) {
  const Failure known = Explored(StartsAnew, Settings(Profile::kStrictPosix, true), true);
  const auto found = FindAlike(OpenEngineOf, TwoWrites(known.failing), known, kStates);
  EXPECT_FALSE(found.failure.has_value());
  EXPECT_GT(found.tested, 20U);
  EXPECT_LE(found.tested, kStates);
}

// Two WAL segments, one of 1536 bytes whose first and last sectors are in use; and something else.
faultfs::DiskImage Image() {
  faultfs::Volume volume;
  const auto files = volume.Start();
  EXPECT_TRUE(files->CreateDirectory(kDatabaseDirectory).ok());
  const auto write = [&](const char* name, const std::string& bytes) {
    auto file = files->CreateLogFile(absl::StrCat(kDatabaseDirectory, "/", name));
    EXPECT_TRUE(file.ok() && (*file)->Append(bytes).ok());
  };
  write("00000001.wal", "a" + std::string(1023, '\0') + "bc" + std::string(510, '\0'));
  write("00000002.wal", std::string(512, '\0') + "d");
  write("MANIFEST-1", "e");
  return volume.current();
}

std::vector<std::string> Lines(const std::vector<std::string>& plans) {
  std::vector<std::string> lines;
  for (const std::string& plan : plans) {
    lines.push_back(absl::StrJoin(
        std::vector<std::string>(absl::StrSplit(plan, '\n', absl::SkipEmpty())), " | "));
  }
  return lines;
}

TEST(FaultsLike, DamageStrikesEverySectorInUse) {
  EXPECT_THAT(Lines(FaultsLike("sector-garbage on open in \"/db/00000009.wal\" amount 8", Image())),
              ElementsAre("sector-garbage on open in \"/db/00000001.wal\" amount 2",
                          "sector-garbage on open in \"/db/00000001.wal\" amount 0",
                          "sector-garbage on open in \"/db/00000002.wal\" amount 1"));
  EXPECT_THAT(Lines(FaultsLike("bit-flip on open in \"/db/00000009.wal\" amount 8", Image())),
              ElementsAre("bit-flip on open in \"/db/00000001.wal\" amount 8200",
                          "bit-flip on open in \"/db/00000001.wal\" amount 0",
                          "bit-flip on open in \"/db/00000002.wal\" amount 4096"));
}

TEST(FaultsLike, WhatIsCountedComesEarlierToo) {
  EXPECT_THAT(Lines(FaultsLike("eio-before on open of wal nth 3", Image())),
              ElementsAre("eio-before on open of wal nth 1", "eio-before on open of wal nth 2",
                          "eio-before on open of wal nth 3"));
  const std::string two = "eio-before on open of wal nth 3\nbit-flip of sst";
  EXPECT_THAT(FaultsLike(two, Image()), ElementsAre(two));
}

}  // namespace
}  // namespace lumen::crash
