// Goal: histories of several crashes, process crash and power loss mixed, with a failed operation
// now and then, never lose an acknowledged write, never refuse to open, never show half a batch.
// Method: the scripted workload on a disk that loses any legal subset of what is pending
// (engine/core/torn_disk_testing.h); a seed decides everything, and a failure names it.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/core/torn_disk_testing.h"

namespace lumen {
namespace {

constexpr char kScript[] =
    "pamwpFpawmpwQKwpaw"
    "wRpamwwwFpdwCpGwK"
    "mwwRpwmFwwapwCQdwG"
    "pamwFpmCwKwpaRGwwp";
constexpr uint64_t kOperations = 700;  // that the script issues, about

// What happened, so that the test can tell that its histories are not tame.
struct Coverage {
  uint64_t process_crashes = 0;
  uint64_t power_losses = 0;
  uint64_t crashes_inside_open = 0;
  uint64_t failures = 0;
  uint64_t read_only = 0;
};

class TornHistory {
 public:
  TornHistory(uint64_t seed, Coverage& coverage)
      : random_(seed), coverage_(coverage), database_(disk_, seed), workload_(database_, kScript) {
    EXPECT_TRUE(disk_.CreateDirectory("/db").ok());
    EXPECT_TRUE(disk_.SyncDirectory("/").ok());
  }

  // Empty: all is well.
  std::string Run() {
    for (int lives = 3; lives > 0; --lives) {
      if (std::string wrong = Live(); !wrong.empty()) return wrong;
      Die();
    }
    coverage_.failures += disk_.failed();
    std::string wrong = ProveRecovery(disk_, database_.history(), worst_, random_());
    if (wrong.empty()) wrong = ProveCheckpoints(disk_, workload_.checkpoints(), random_());
    return wrong;
  }

 private:
  // Until the machine dies, or the script is over.
  std::string Live() {
    // A third of the deaths come early, inside Open.
    const uint64_t span = random_() % 3 == 0 ? 30 : kOperations / 2;
    disk_.DieAt(disk_.operations() + random_() % span);
    // A directory sync fails between two good ones: what it dropped must not be relied on.
    if (random_() % 4 == 0) {
      for (uint64_t n = 1; n < 40; n += 1 + random_() % 4) disk_.FailDirectorySync(n);
    }
    // Half of the lives see errors, often close to one another.
    const uint64_t first = disk_.operations() + random_() % span;
    for (uint64_t failures = random_() % 2 * (1 + random_() % 3); failures > 0; --failures) {
      disk_.FailAt(first + random_() % 12,
                   random_() % 2 == 0 ? TornDisk::Effect::kNone : TornDisk::Effect::kWhole);
    }
    workload_.set_last_crash(worst_);
    const bool opened = workload_.EnsureOpen();
    if (opened) worst_ = Crash::kProcess;
    if (!opened && !disk_.dead()) {
      return absl::StrCat("does not open: ", workload_.last_error().ToString());
    }
    if (!opened) ++coverage_.crashes_inside_open;
    while (!disk_.dead() && workload_.Step()) {
      if (database_.engine_is_read_only()) {
        ++coverage_.read_only;
        workload_.CompareReads();  // what failed must not show
        database_.Leave();
      }
    }
    if (!workload_.errors().empty()) return workload_.errors().front();
    return database_.history().contradiction();
  }

  void Die() {
    disk_.FailNoMore();
    disk_.DieAt(0);
    database_.Leave();
    if (random_() % 2 == 0) {
      ++coverage_.process_crashes;
      disk_.Restart();
    } else {
      ++coverage_.power_losses;
      worst_ = Crash::kPowerLoss;
      disk_.LosePower(random_);
    }
  }

  std::mt19937_64 random_;
  Coverage& coverage_;
  TornDisk disk_;
  TestDatabase database_;
  Workload workload_;
  Crash worst_ = Crash::kProcess;  // since the last successful open
};

TEST(TornCrashTest, HistoriesOfSeveralCrashesLoseNothing) {
  Coverage coverage;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    ASSERT_EQ(TornHistory(seed, coverage).Run(), "") << "seed " << seed;
  }
  EXPECT_GT(coverage.process_crashes, 500u);
  EXPECT_GT(coverage.power_losses, 500u);
  EXPECT_GT(coverage.crashes_inside_open, 100u);
  EXPECT_GT(coverage.failures, 500u);
  EXPECT_GT(coverage.read_only, 100u);
}

// The disk forgets the new directory's name, and that it could not be taken back is all that the
// next attempt has to go by.
TEST(TornCrashTest, ADirectoryWhoseNameIsInDoubtIsMadeAnew) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    TornDisk disk;
    TestDatabase database(disk, seed);
    disk.FailAt(1, TornDisk::Effect::kNone);  // the sync of /
    disk.FailAt(2, TornDisk::Effect::kNone);  // and the removal of /db
    EXPECT_FALSE(database.Open().ok());
    EXPECT_EQ(disk.failed(), 2u);
    ASSERT_EQ(*disk.List("/db"), std::vector<std::string>{"NAME-IN-DOUBT"});

    ASSERT_TRUE(database.Open().ok());
    EXPECT_FALSE(*disk.Exists("/db/NAME-IN-DOUBT"));
    ASSERT_TRUE(database.Write({{"key", "value"}}, Durability::kSync).ok());
    database.Leave();
    disk.LosePower(random);
    ASSERT_TRUE(database.Open().ok());
    EXPECT_TRUE((*database.engine().Get("key")).has_value()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lumen
