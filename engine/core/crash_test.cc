// Goal: whatever file operation a crash comes before, the next Open finds the state after a prefix
// of the commit order that covers every acknowledged write which that crash must leave, and the
// engine works on; a crash inside that Open changes nothing about it. Method: one scripted
// workload, run once for every operation it issues, with a disk that refuses everything from that
// operation on; then copies of the disk as a process crash and as a power loss leave it.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "engine/core/crash_testing.h"

namespace lumen {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

constexpr char kScript[] =
    "pamdwpFpawmpdwQpwK"
    "pawwGRpamwwwFpdwCp"
    "wKmwwRGapwwmFwwawp"
    "CwwQdwaGKpRmwpaFpa";

// A disk that dies: from one operation on it refuses everything.
class MortalDisk {
 public:
  explicit MortalDisk(std::unique_ptr<MemoryFileSystem> files) : files_(std::move(files)) {
    files_->SetHook([this](MemoryFileSystem::Operation operation, const std::string& path) {
      if (operations_ >= die_at_) return absl::InternalError(path + ": the machine is off");
      if (Changes(operation)) ++operations_;
      return absl::OkStatus();
    });
  }

  MemoryFileSystem& files() { return *files_; }
  void DieAt(uint64_t operation) { die_at_ = operation; }
  bool dead() const { return operations_ >= die_at_; }
  // That changed something.
  uint64_t operations() const { return operations_; }

 private:
  std::unique_ptr<MemoryFileSystem> files_;
  uint64_t operations_ = 0;
  uint64_t die_at_ = kNever;
};

// Death comes before the operation with this index.
struct Death {
  explicit Death(uint64_t operation)
      : disk(std::make_unique<MemoryFileSystem>()),
        database(disk.files(), /*seed=*/17),
        workload(database, kScript) {
    disk.DieAt(operation);
    while (!disk.dead() && workload.Step()) continue;
  }

  MortalDisk disk;
  TestDatabase database;
  Workload workload;
};

std::string Name(Crash crash) { return crash == Crash::kProcess ? "process crash" : "power loss"; }

uint64_t OperationsOfTheWorkload() {
  Death none(kNever);
  EXPECT_EQ(none.workload.position(), sizeof(kScript) - 1);
  EXPECT_TRUE(none.workload.errors().empty()) << none.workload.errors().front();
  EXPECT_TRUE(none.workload.last_error().ok()) << none.workload.last_error();
  EXPECT_EQ(none.database.history().contradiction(), "");
  return none.disk.operations();
}

TEST(CrashTest, TheWorkloadReachesEveryKindOfWork) {
  EXPECT_GT(OperationsOfTheWorkload(), 500u);
  Death none(kNever);
  none.database.Leave();
  EXPECT_GT(none.database.history().acknowledged(), 150u);
  EXPECT_EQ(none.workload.checkpoints().size(), 3u);
  EXPECT_GE(none.database.work().opens, 4u);
  EXPECT_GT(none.database.work().flushes, 10u);
  EXPECT_GT(none.database.work().compactions, 5u);
  EXPECT_GT(none.database.work().wal_segments, 10u);
  EXPECT_GE(none.database.work().levels, 3u);
}

TEST(CrashTest, EveryOperationMayBeTheLast) {
  const uint64_t operations = OperationsOfTheWorkload();
  for (uint64_t k = 0; k <= operations; ++k) {
    Death death(k);
    ASSERT_TRUE(death.workload.errors().empty()) << k << ": " << death.workload.errors().front();
    for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
      const auto copy = death.disk.files().CrashCopy(crash);
      ASSERT_EQ(ProveRecovery(*copy, death.database.history(), crash, k), "")
          << Name(crash) << " before operation " << k << " of " << operations;
      ASSERT_EQ(ProveCheckpoints(*copy, death.workload.checkpoints(), k), "")
          << Name(crash) << " before operation " << k << " of " << operations;
    }
  }
}

TEST(CrashTest, ACrashInsideOpenChangesNothing) {
  const uint64_t operations = OperationsOfTheWorkload();
  for (uint64_t k = 0; k <= operations; k += 37) {
    Death death(k);
    for (const Crash first : {Crash::kProcess, Crash::kPowerLoss}) {
      for (const Crash second : {Crash::kProcess, Crash::kPowerLoss}) {
        for (uint64_t j = 0;; ++j) {
          MortalDisk disk(death.disk.files().CrashCopy(first));
          disk.DieAt(j);
          bool opened = false;
          {
            TestDatabase database(disk.files(), k + j);
            opened = database.Open().ok();
          }
          // What the first crash left may still be undone by a power loss.
          const Crash worst = first == second ? first : Crash::kPowerLoss;
          const auto copy = disk.files().CrashCopy(second);
          ASSERT_EQ(ProveRecovery(*copy, death.database.history(), worst, j), "")
              << Name(first) << " before operation " << k << ", then " << Name(second)
              << " before operation " << j << " of Open";
          if (opened && !disk.dead()) break;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lumen
