// How another program is tested with faultfs and the oracle. Goal: what a ToyLog acknowledged is
// there after every crash that a profile allows. Method: a few random steps on a simulated volume;
// before each operation of its history every legal disk image is made, opened and judged. The bug
// planted in the toy is found, shrunk to the fewest steps, and said in words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/volume.h"
#include "proptests/example/toy_store.h"
#include "proptests/oracle.h"

namespace lumen::example {
namespace {

using faultfs::CrashImage;
using faultfs::Profile;

// What a client does: puts a key, or opens the log again.
struct Step {
  std::optional<std::string> key;
};

std::vector<Step> RandomSteps(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Step> steps(6);
  for (Step& step : steps) {
    if (random() % 3 != 0) step.key = absl::StrCat("k", random() % 3);
  }
  return steps;
}

// Does the steps on `volume` and writes down what was promised, and when. Time is the number of
// operations in the volume's history.
crash::WriteLog Run(const std::vector<Step>& steps, const crash::Opener& open,
                    faultfs::Volume& volume) {
  crash::WriteLog log;
  const auto process = volume.Start();
  auto store = *open(*process, 0);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].key) {
      store.reset();
      store = *open(*process, 0);
      continue;
    }
    crash::CommittedWrite write;
    const std::string value = absl::StrCat("v", i);
    write.changes = {{*steps[i].key, value}};
    write.issued = volume.history().size();
    EXPECT_TRUE(store->Put(*steps[i].key, value).ok());
    write.acknowledged = write.durable = volume.history().size();
    log.Add(write);
  }
  return log;
}

struct Found {
  std::string rule;         // what the oracle says
  std::string explanation;  // what the disk did
};
struct Result {
  uint64_t states = 0;
  std::optional<Found> found;
};

// Crashes the steps everywhere.
Result Crash(const std::vector<Step>& steps, const crash::Opener& open, Profile profile) {
  constexpr uint64_t kMostImages = 10'000;
  faultfs::Volume volume;
  const crash::WriteLog log = Run(steps, open, volume);
  faultfs::DiskState disk(profile, volume.start());
  Result result;
  for (size_t point = 0; point <= volume.history().size() && !result.found; ++point) {
    if (point > 0) disk.Apply(volume.history()[point - 1]);
    if (point < volume.history().size()) disk.Begin(volume.history()[point]);
    const bool in_middle = disk.under_way() != nullptr;
    const auto obligations = in_middle ? ObligationsDuring(log, point, /*process_crash=*/true)
                                       : ObligationsAt(log, point, profile == Profile::kKill);
    const auto judge = [&](const CrashImage& crash) {
      ++result.states;
      faultfs::Volume after(crash.image);
      const auto process = after.Start();
      const auto violation = Check(open, *process, 0, log, obligations, {.keys = &log.keys()});
      if (!violation) return true;
      result.found = {violation->what, ExplainSurvivors(disk, crash.survivors)};
      return false;
    };
    EXPECT_TRUE(faultfs::CrashSpace(disk, 1).Enumerate(kMostImages, judge));
  }
  return result;
}

// Leaves out steps for as long as something is still found.
std::vector<Step> Shrink(std::vector<Step> steps, const crash::Opener& open, Profile profile) {
  for (size_t i = 0; i < steps.size();) {
    std::vector<Step> fewer = steps;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (Crash(fewer, open, profile).found) {
      steps = fewer;
      i = 0;
    } else {
      ++i;
    }
  }
  return steps;
}

const crash::Opener kRight = ToyOpener(ToyLog::Bug::kNone);
const crash::Opener kWrong = ToyOpener(ToyLog::Bug::kRenameWithoutSync);

TEST(ToyLogTest, SurvivesEveryCrashUnderEveryProfile) {
  uint64_t states = 0;
  for (const Profile profile : faultfs::kProfiles) {
    if (profile == Profile::kLyingDisk) continue;  // nobody survives that
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      const Result result = Crash(RandomSteps(seed), kRight, profile);
      EXPECT_FALSE(result.found) << ProfileName(profile) << ", seed " << seed << ": "
                                 << result.found->rule << "\n"
                                 << result.found->explanation;
      states += result.states;
    }
  }
  EXPECT_GT(states, 1000u);
}

TEST(ToyLogTest, ThePlantedBugIsFoundShrunkAndExplained) {
  const Profile profile = Profile::kStrictPosix;
  std::vector<Step> steps;
  for (uint64_t seed = 1; steps.empty() && seed <= 10; ++seed) {
    if (Crash(RandomSteps(seed), kWrong, profile).found) steps = RandomSteps(seed);
  }
  ASSERT_FALSE(steps.empty()) << "not found";

  steps = Shrink(steps, kWrong, profile);
  ASSERT_EQ(steps.size(), 2u);  // put a key, open again
  EXPECT_TRUE(steps[0].key);
  EXPECT_FALSE(steps[1].key);

  const Found found = *Crash(steps, kWrong, profile).found;
  EXPECT_EQ(found.rule,
            "an acknowledged write is lost: the state is that after 0 writes, but the first 1 have "
            "to be there; the first one missing is write 0 (k0=\"v0\")");
  EXPECT_EQ(
      found.explanation,
      "`rename(toy.log.tmp -> toy.log)` persisted but `append(toy.log.tmp, 0+22)` did not; "
      "before that, 1 operation persisted; no sync of toy.log.tmp took effect between operations "
      "7 and 8");
}

// A file system that orders data before a rename over an existing file hides the bug: that is how
// it got into so many programs.
TEST(ToyLogTest, ThePlantedBugHidesUnderExt4Ordered) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    EXPECT_FALSE(Crash(RandomSteps(seed), kWrong, Profile::kExt4Ordered).found);
  }
}

}  // namespace
}  // namespace lumen::example
