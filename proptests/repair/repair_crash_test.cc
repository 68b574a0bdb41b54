// Goal: a repair may be cut off at any file operation, on any disk that keeps its promises: what
// was in the directory is still there, and another repair ends with the content that the first
// one's list said. Method: damaged databases on a simulated disk; the history of one repair; at
// every point of it, disks as a power loss or a kill may leave them; on each a second repair, which
// is itself cut off now and then, and an open.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/core/repair_testing.h"
#include "engine/repair.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/profile.h"
#include "faultfs/volume.h"

namespace lumen {
namespace {

using faultfs::CrashImage;
using faultfs::CrashSpace;
using faultfs::DiskImage;
using faultfs::DiskState;
using faultfs::Profile;
using faultfs::Volume;

constexpr uint64_t kImagesPerPoint = 5;
constexpr uint64_t kSecondCrashEvery = 40;

DiskImage ImageOf(MemoryFileSystem& files) {
  DiskImage image;
  const auto root = image.Find("/");
  const auto db = image.next_inode();
  image.AddDirectory(db);
  image.SetEntry(root, "db", db);
  const auto names = files.List("/db");
  EXPECT_TRUE(names.ok());
  for (const std::string& name : *names) {
    faultfs::FileBytes bytes;
    bytes.Write(0, *files.ReadWhole("/db/" + name));
    const auto inode = image.next_inode();
    image.AddFile(inode, std::move(bytes));
    image.SetEntry(db, name, inode);
  }
  return image;
}

// One file of ours by name, wherever a repair has put it.
bool IsThere(const DiskImage& image, const std::string& name, const std::string& content) {
  const auto is_it = [&](const std::string& path) {
    const faultfs::FileBytes* const file = image.File(image.Find(path));
    return file != nullptr && file->ToString() == content;
  };
  if (is_it("/db/" + name)) return true;
  for (int repair = 1; repair < 5; ++repair) {
    if (is_it(absl::StrCat("/db/lost/", repair, "/", name))) return true;
  }
  return false;
}

absl::Status RepairOn(Volume& volume, RepairPlan* plan = nullptr) {
  const std::unique_ptr<Volume::Process> process = volume.Start();
  SimulatedEnvironment environment(3, *process);
  auto repair = Repair::Prepare(TinyOptions(), "/db", environment.environment());
  if (!repair.ok()) return repair.status();
  if (plan != nullptr) *plan = (*repair)->plan();
  return (*repair)->Apply();
}

class RepairCrash {
 public:
  RepairCrash(uint64_t seed, Profile profile) : seed_(seed), profile_(profile) {
    constexpr const char* kScripts[] = {"pamdwpFpawmpdwQpwpawwGpamwwwFpdwCpwmww", "pamdwFpawmp",
                                        "pamdwpFpawmpdwQpwRpawwGpamwww"};
    pristine_ = std::make_unique<PristineDatabase>(seed % 3 + 1, kScripts[seed % 3]);
    damaged_ = DurableCopy(pristine_->files());
    damage_ = DamageSomething(seed * 2, *pristine_, *damaged_) + "; " +
              DamageSomething(seed * 2 + 1, *pristine_, *damaged_);
  }

  // States tried; 0: there is nothing to repair.
  uint64_t Run() {
    start_ = ImageOf(*damaged_);
    Volume volume(start_);
    RepairPlan plan;
    const absl::Status applied = RepairOn(volume, &plan);
    if (absl::IsNotFound(applied) || !plan.needed) return 0;
    EXPECT_TRUE(applied.ok()) << applied << "\n" << damage_;
    expected_ = pristine_->Kept(plan, *damaged_);
    lost_files_ = plan.lost_files;
    CrashAtEachPoint(start_, volume.history(), /*depth=*/1);
    return states_;
  }

 private:
  void CrashAtEachPoint(const DiskImage& start, const std::vector<faultfs::Operation>& history,
                        int depth) {
    DiskState state(profile_, start);
    for (size_t point = 0;; ++point) {
      if (point < history.size()) state.Begin(history[point]);
      const CrashSpace space(state, seed_ + point, state.unlinked());
      const auto judge = [&](const CrashImage& image) {
        Judge(image, depth,
              absl::StrCat("crash before operation ", point, " of ", history.size(), ": ",
                           ExplainSurvivors(state, image.survivors)));
        return !testing::Test::HasFailure();
      };
      if (!space.Enumerate(kImagesPerPoint, judge)) {
        for (uint64_t i = 0; i < kImagesPerPoint; ++i) judge(space.Sample(seed_ * 1000 + i));
      }
      if (point == history.size() || testing::Test::HasFailure()) return;
      state.Apply(history[point]);
    }
  }

  void Judge(const CrashImage& crash, int depth, const std::string& where) {
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", ", std::string(ProfileName(profile_)), ": ",
                              damage_, ": ", where));
    ++states_;
    for (const std::string& name : lost_files_) {
      EXPECT_TRUE(IsThere(crash.image, name, *damaged_->ReadWhole("/db/" + name)))
          << name << " is gone";
    }
    Volume volume(crash.image);
    const absl::Status repaired = RepairOn(volume);
    ASSERT_TRUE(repaired.ok()) << repaired;
    if (depth == 1 && states_ % kSecondCrashEvery == 0) {
      CrashAtEachPoint(crash.image, volume.history(), depth + 1);
    }
    const std::unique_ptr<Volume::Process> process = volume.Start();
    TestDatabase database(*process, seed_);
    const absl::Status opened = database.Open();
    ASSERT_TRUE(opened.ok()) << opened;
    const absl::StatusOr<Content> content = ReadContent(database.engine());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, expected_);
    EXPECT_TRUE(database.Write({{"written after", "1"}}, Durability::kSync).ok());
  }

  const uint64_t seed_;
  const Profile profile_;
  std::unique_ptr<PristineDatabase> pristine_;
  std::unique_ptr<MemoryFileSystem> damaged_;
  std::string damage_;
  DiskImage start_;
  Content expected_;
  std::vector<std::string> lost_files_;
  uint64_t states_ = 0;
};

class RepairCrashTest : public testing::TestWithParam<Profile> {};

TEST_P(RepairCrashTest, NothingIsLostThatTheListDidNotName) {
  uint64_t states = 0;
  uint64_t repairs = 0;
  for (uint64_t seed = 0; seed < 15 && !HasFailure(); ++seed) {
    const uint64_t tried = RepairCrash(seed, GetParam()).Run();
    states += tried;
    repairs += tried > 0 ? 1 : 0;
  }
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(repairs, 8u);
  EXPECT_GT(states, 500u);
}

INSTANTIATE_TEST_SUITE_P(Profiles, RepairCrashTest,
                         testing::Values(Profile::kStrictPosix, Profile::kDropUnsynced,
                                         Profile::kExt4Ordered, Profile::kKill),
                         [](const auto& parameter) {
                           std::string name(ProfileName(parameter.param));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace lumen
