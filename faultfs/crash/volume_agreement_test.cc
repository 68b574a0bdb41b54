// Goal: a volume and the state that is told its history mean the same. Method: random calls, some
// with faults, on a volume; at every moment the state of profile kill is what programs saw, and
// right after everything was synced every profile leaves exactly that.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faultfs/crash/random.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/volume.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

// Every few syncs one goes wrong, in one of the ways there are.
class SyncFaults final : public FaultInjector {
 public:
  explicit SyncFaults(uint64_t seed) : random_(seed) {}

  Fault Decide(const Call& call) override {
    constexpr FaultKind kKinds[] = {FaultKind::kSyncMarkedClean,  FaultKind::kSyncLate,
                                    FaultKind::kSyncReverted,     FaultKind::kSyncFailedDurable,
                                    FaultKind::kSyncFailedPartly, FaultKind::kSyncLied};
    if (call.kind != CallKind::kSync || random_.Below(4) != 0) return {};
    return {.kind = kKinds[random_.Below(std::size(kKinds))],
            .error = absl::InternalError("sync: Input/output error (injected)"),
            .seed = random_.Next()};
  }
  void Changed(const Fault&) override {}
  void Observed(const Fault&) override {}

 private:
  Random random_;
};

// Calls on a handful of files in two directories. Errors are as good as anything.
class RandomCalls {
 public:
  RandomCalls(FileSystem& files, uint64_t seed) : files_(files), random_(seed) {}

  void Step() {
    switch (random_.Below(10)) {
      case 0:
        return Create();
      case 1:
        return static_cast<void>(files_.Remove(AnyPath()));
      case 2:
        return static_cast<void>(files_.Rename(AnyPath(), AnyPath()));
      case 3:
        return static_cast<void>(files_.Link(AnyPath(), AnyPath()));
      case 4:
        return static_cast<void>(random_.Below(3) == 0 ? files_.RemoveDirectory("/d")
                                                       : files_.CreateDirectory("/d"));
      case 5:
        return static_cast<void>(files_.SyncDirectory(random_.Below(2) == 0 ? "/" : "/d"));
      default:
        return Write();
    }
  }

  // Files that are open cannot lose what they have any more.
  bool SyncAll() {
    bool all = true;
    for (const auto& file : open_) all = file->Sync().ok() && all;
    (void)files_.SyncDirectory("/d");
    return files_.SyncDirectory("/").ok() && all;
  }

 private:
  std::string AnyPath() {
    const std::string name = "12345678.wal";
    return (random_.Below(2) == 0 ? "/" : "/d/") + name.substr(random_.Below(4));
  }

  void Create() {
    auto file = files_.CreateLogFile(AnyPath());
    if (file.ok()) open_.push_back(*std::move(file));
  }

  void Write() {
    if (open_.empty()) return Create();
    LogFile& file = *open_[random_.Below(open_.size())];
    switch (random_.Below(4)) {
      case 0:
        return static_cast<void>(file.Allocate(random_.Below(3000)));
      case 1:
        return static_cast<void>(file.Sync());
      default:
        return static_cast<void>(file.Append(std::string(1 + random_.Below(1500), 'x')));
    }
  }

  FileSystem& files_;
  Random random_;
  std::vector<std::unique_ptr<LogFile>> open_;
};

TEST(VolumeAgreement, AKilledProcessLeavesWhatItSaw) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SyncFaults faults(seed);
    Volume volume(DiskImage(), {.faults = &faults});
    const auto process = volume.Start();
    RandomCalls calls(*process, seed + 1);
    DiskState state(Profile::kKill, volume.start());
    size_t applied = 0;
    for (int step = 0; step < 60; ++step) {
      calls.Step();
      while (applied < volume.history().size()) state.Apply(volume.history()[applied++]);
      const CrashImage image = CrashSpace(state, 1).Sample(0);
      ASSERT_EQ(image.image.Plain(), volume.current().Plain()) << "seed " << seed;
      ASSERT_EQ(image.image.hash(), volume.current().hash()) << "seed " << seed;
    }
  }
}

TEST(VolumeAgreement, WhatIsSyncedIsThereInEveryProfile) {
  int synced = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Volume volume;
    const auto process = volume.Start();
    RandomCalls calls(*process, seed);
    for (int step = 0; step < 60; ++step) calls.Step();
    if (!calls.SyncAll()) continue;
    ++synced;
    for (const Profile profile : kProfiles) {
      DiskState state(profile, volume.start());
      for (const Operation& operation : volume.history()) state.Apply(operation);
      const CrashSpace space(state, 1);
      EXPECT_EQ(space.choices(), 0u) << ProfileName(profile) << ", seed " << seed;
      EXPECT_EQ(space.Sample(7).image.Plain(), volume.current().Plain());
    }
  }
  EXPECT_GT(synced, 50);
}

}  // namespace
}  // namespace lumen::faultfs
