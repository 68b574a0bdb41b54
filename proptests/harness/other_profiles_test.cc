// Goal: a failure is told together with the profiles under which it is found, too, and those under
// which it is not.
// Method: two programs around the engine. One throws everything away where a temporary file has a
// size and no bytes, which only some profiles leave behind; one after a recovery that was cut
// short, which happens under any.
#include "proptests/harness/other_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "proptests/harness/exploring.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::Profile;
using ::testing::Contains;
using ::testing::Not;

constexpr uint64_t kStates = 1000;

absl::Status RemoveAll(FileSystem& files) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(kDatabaseDirectory));
  for (const std::string& name : names) {
    RETURN_IF_ERROR(files.Remove(absl::StrCat(kDatabaseDirectory, "/", name)));
  }
  return absl::OkStatus();
}

// There is something in the file, and all of it is zeros.
absl::StatusOr<bool> HoldsZeros(FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const bool exists, files.Exists(path));
  if (!exists) return false;
  ASSIGN_OR_RETURN(const auto file, files.OpenReadFile(path));
  std::string bytes(file->size(), '\0');
  RETURN_IF_ERROR(file->ReadAt(0, std::span<char>(bytes.data(), bytes.size())).status());
  return !bytes.empty() && bytes.find_first_not_of('\0') == std::string::npos;
}

Opener FearsZeros(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    ASSIGN_OR_RETURN(const bool zeros,
                     HoldsZeros(files, absl::StrCat(kDatabaseDirectory, "/CURRENT.tmp")));
    if (zeros) RETURN_IF_ERROR(RemoveAll(files));
    return open(files, seed);
  };
}

Opener ForgetsWhenCutShort(const Workload& workload) {
  return [open = OpenEngineOf(workload)](FileSystem& files,
                                         uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    ASSIGN_OR_RETURN(const bool marked, files.Exists("/mark"));
    if (marked) {
      RETURN_IF_ERROR(RemoveAll(files));
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

Failure FirstFailure(const OpenerFor& open_for) {
  Failure first;
  const ExploreSettings settings{
      .profile = Profile::kStrictPosix, .seed = 5, .states = 60'000, .faults = false};
  ExploreWith(open_for, settings, {.failure = [&](const Failure& failure) { first = failure; }});
  EXPECT_GT(first.violation.rule, 0) << "nothing was found";
  return first;
}

std::set<Profile> Failing(const std::vector<UnderProfile>& elsewhere) {
  std::set<Profile> failing;
  for (const UnderProfile& under : elsewhere) {
    if (under.fails) failing.insert(under.profile);
  }
  return failing;
}

TEST(OtherProfiles, OnlyThoseThatWriteTheSizeBeforeTheBytesFindWhatFearsZeros) {
  const Failure failure = FirstFailure(FearsZeros);
  const std::vector<UnderProfile> elsewhere = LookElsewhereWith(FearsZeros, failure, kStates);
  ASSERT_EQ(elsewhere.size(), faultfs::kProfiles.size() - 1);
  for (const UnderProfile& under : elsewhere) {
    EXPECT_NE(under.profile, Profile::kStrictPosix) << "that is known";
    EXPECT_GT(under.states, 0U);
    EXPECT_LE(under.states, kStates);
  }
  const std::set<Profile> failing = Failing(elsewhere);
  EXPECT_THAT(failing, Contains(Profile::kExt4Writeback));
  EXPECT_THAT(failing, Not(Contains(Profile::kKill)));
  EXPECT_THAT(failing, Not(Contains(Profile::kDropUnsynced)));
  EXPECT_THAT(failing, Not(Contains(Profile::kExt4Ordered)));
}

TEST(OtherProfiles, AnyFindsWhatForgetsAfterARecoveryThatWasCutShort) {
  const Failure failure = FirstFailure(ForgetsWhenCutShort);
  ASSERT_EQ(failure.failing.crashes.size(), 2U);
  const std::set<Profile> failing =
      Failing(LookElsewhereWith(ForgetsWhenCutShort, failure, kStates));
  EXPECT_THAT(failing, Contains(Profile::kKill));
  EXPECT_THAT(failing, Contains(Profile::kDropUnsynced));
  EXPECT_THAT(failing, Contains(Profile::kXfs));
}

TEST(OtherProfiles, ASoundProgramFailsUnderNone) {
  const Failure failure = FirstFailure(FearsZeros);
  EXPECT_TRUE(Failing(LookElsewhereWith(OpenEngineOf, failure, kStates)).empty());
}

}  // namespace
}  // namespace lumen::crash
