// Goal: what a power loss leaves of a volume, by the strictest reading of what was synced, is what
// it leaves of the engine's MemoryFileSystem, which is another implementation of the same rules.
// Method: random calls on both, and after each of them the crash images of both.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/memory_file_system.h"
#include "faultfs/disk_state.h"
#include "faultfs/volume.h"
#include "faultfs/volume/mixing.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

constexpr uint64_t kSequences = 200;
constexpr int kLength = 60;

// The same random call on each file system. One directory: where a file moves from one to another,
// MemoryFileSystem lets either half of the rename survive, and the model does not.
class Calls {
 public:
  explicit Calls(uint64_t seed) : random_(seed) {}

  // False: the file systems did not answer the same.
  bool Step(std::array<FileSystem*, 2> systems);

 private:
  uint64_t Below(uint64_t limit) { return (random_ = Mix(random_, 11)) % limit; }
  template <typename Call>
  static bool Both(std::array<FileSystem*, 2> systems, Call call) {
    return call(*systems[0], 0) == call(*systems[1], 1);
  }

  uint64_t random_;
  std::array<std::unique_ptr<LogFile>, 2> logs_[3];
};

bool Calls::Step(std::array<FileSystem*, 2> systems) {
  const std::string path = "/" + std::to_string(Below(4)), other = "/" + std::to_string(Below(4));
  auto& logs = logs_[Below(3)];
  const uint64_t amount = 1 + Below(3000), kind = Below(12);
  return Both(systems, [&](FileSystem& files, size_t which) {
    std::unique_ptr<LogFile>& log = logs[which];
    if (kind < 6 && log == nullptr) {
      auto created = files.CreateLogFile(path);
      if (created.ok()) log = *std::move(created);
      return created.status();
    }
    if (kind < 3) return log->Append(std::string(amount, static_cast<char>('a' + amount % 26)));
    if (kind == 3) return log->Allocate(amount);
    if (kind == 4) return log->Sync();
    if (kind == 5) return log.reset(), absl::OkStatus();
    if (kind < 8) return files.SyncDirectory("/");
    if (kind < 10) return files.Rename(path, other);
    return kind == 10 ? files.Remove(path) : files.Link(path, other);
  });
}

PlainImage PlainOf(MemoryFileSystem& files) {
  PlainImage plain;
  const auto names = files.List("/");
  EXPECT_TRUE(names.ok());
  for (const std::string& name : *names) plain["/" + name] = *files.ReadWhole("/" + name);
  return plain;
}

PlainImage BaseOf(const Volume& volume) {
  DiskState state(Profile::kDropUnsynced, volume.start());
  for (const Operation& operation : volume.history()) state.Apply(operation);
  DiskImage base = state.base();
  base.DropUnreachable();
  return base.Plain();
}

TEST(MemoryCrash, LeavesWhatItLeavesOfAVolume) {
  uint64_t lossy = 0;
  for (uint64_t seed = 1; seed <= kSequences; ++seed) {
    MemoryFileSystem memory;
    Volume volume;
    const auto process = volume.Start();
    Calls calls(seed);
    for (int step = 0; step < kLength; ++step) {
      ASSERT_TRUE(calls.Step({&memory, process.get()})) << "seed " << seed << " step " << step;
      const auto killed = memory.CrashCopy(MemoryFileSystem::Crash::kProcess);
      const auto lost = memory.CrashCopy(MemoryFileSystem::Crash::kPowerLoss);
      ASSERT_EQ(volume.current().Plain(), PlainOf(*killed)) << "seed " << seed << " step " << step;
      ASSERT_EQ(BaseOf(volume), PlainOf(*lost)) << "seed " << seed << " step " << step;
      lossy += PlainOf(*killed) != PlainOf(*lost);
    }
  }
  EXPECT_GT(lossy, kSequences * kLength / 10);
}

}  // namespace
}  // namespace lumen::faultfs
