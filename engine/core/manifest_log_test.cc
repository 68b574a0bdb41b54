// Goal: an edit is acted on once it is durable, a failed one heals, and what cannot be told turns
// the engine read-only. Method: the log alone, on an in-memory file system whose hook fails what a
// test wants to fail.
#include "engine/core/manifest_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/core/crash_testing.h"
#include "engine/core/torn_disk_testing.h"
#include "engine/simulated_environment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

using Operation = MemoryFileSystem::Operation;

constexpr uint64_t kEpoch = 77;

VersionEdit FloorEdit(uint64_t floor) {
  VersionEdit edit;
  edit.wal_floor = floor;
  edit.wal_floor_first_sequence = floor * 100;
  return edit;
}

template <typename Maker>
void Complete(Maker& maker) {
  while (true) {
    const absl::StatusOr<bool> finished = maker.Advance();
    ASSERT_TRUE(finished.ok()) << finished.status();
    if (*finished) return;
  }
}

// A log whose manifest 1 is current and durable.
std::unique_ptr<ManifestLog> NewLog(EngineContext& context, std::function<void()> on_failed) {
  context.epoch = kEpoch;
  context.next_file_number = 2;
  ManifestState state;
  state.epoch = kEpoch;
  state.manifest_number = 1;
  state.wal_floor = 1;
  state.wal_floor_first_sequence = 1;
  state.next_file_number = 2;
  state.next_sequence = 1;
  state.edits = 1;
  ManifestMaker maker(context.files, "/db", kEpoch, 1, state.Snapshot());
  Complete(maker);
  EXPECT_TRUE(context.files.SyncDirectory("/db").ok());
  CurrentInstaller installer(context.files, "/db", 1);
  Complete(installer);
  EXPECT_TRUE(context.files.SyncDirectory("/db").ok());
  return std::make_unique<ManifestLog>(context, state, maker.TakeWriter(), std::move(on_failed));
}

// The WAL floor of the manifest that is current; 0 where it cannot be read.
uint64_t FloorIn(FileSystem& files) {
  const auto current = ReadWholeFile(files, "/db/CURRENT");
  EXPECT_TRUE(current.ok()) << current.status();
  if (!current.ok()) return 0;
  const auto number = DecodeCurrent(*current);
  EXPECT_TRUE(number.ok()) << number.status();
  if (!number.ok()) return 0;
  const auto bytes = ReadWholeFile(files, "/db/" + ManifestFileName(*number));
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  if (!bytes.ok()) return 0;
  const auto state = ReadManifest(*bytes, *number);
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? state->wal_floor : 0;
}

class ManifestLogTest : public testing::Test {
 protected:
  ManifestLogTest() {
    EXPECT_TRUE(files_.CreateDirectory("/db").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
    log_ = NewLog(*context_, [this] { ++failures_told_; });
  }
  ~ManifestLogTest() override {
    files_.SetHook({});
    context_->background.Stop();
  }

  // Fails the operations that `fails` picks.
  void Hook(std::function<bool(Operation, const std::string&)> fails) {
    files_.SetHook([fails = std::move(fails)](Operation operation, const std::string& path) {
      return fails(operation, path) ? absl::InternalError(path + ": injected") : absl::OkStatus();
    });
  }
  absl::Status Commit(uint64_t floor) {
    absl::Status told = absl::UnavailableError("not told yet");
    log_->Commit(FloorEdit(floor), [&told](const absl::Status& status) { told = status; });
    environment_.RunUntilIdle();
    return told;
  }
  // What a power loss leaves.
  uint64_t DurableFloor() {
    const auto copy = files_.CrashCopy(Crash::kPowerLoss);
    return FloorIn(*copy);
  }

  MemoryFileSystem files_;
  SimulatedEnvironment environment_{5, files_};
  std::unique_ptr<EngineContext> context_ =
      std::make_unique<EngineContext>(TinyOptions(), "/db", environment_.environment());
  std::unique_ptr<ManifestLog> log_;
  int failures_told_ = 0;
};

TEST_F(ManifestLogTest, AnAcknowledgedEditSurvivesPowerLoss) {
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(DurableFloor(), 3u);
}

TEST_F(ManifestLogTest, AFailedEditNeverComesBackAndTheNextOneIsWritten) {
  for (const Operation failing : {Operation::kAppend, Operation::kSync}) {
    bool failed = false;
    Hook([&](Operation operation, const std::string&) {
      return operation == failing && !std::exchange(failed, true);
    });
    EXPECT_FALSE(Commit(9).ok());
    EXPECT_TRUE(context_->health.ok()) << context_->health.WriteError();
    EXPECT_EQ(DurableFloor(), 1u);
    files_.SetHook({});
  }
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(DurableFloor(), 3u);
  EXPECT_EQ(context_->counters.manifest_rotations, 2u);
}

TEST_F(ManifestLogTest, AReplacementThatFailsIsToldAndTriedAgain) {
  int failures_left = 5;
  Hook([&](Operation operation, const std::string&) {
    return operation == Operation::kSync && failures_left-- > 0;
  });
  EXPECT_FALSE(Commit(9).ok());
  EXPECT_EQ(failures_told_, 4);
  EXPECT_TRUE(context_->health.background().ok()) << context_->health.background();
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(DurableFloor(), 3u);
}

TEST_F(ManifestLogTest, AFailedRenameOfCurrentIsSticky) {
  bool edit_failed = false;
  Hook([&](Operation operation, const std::string&) {
    return operation == Operation::kRename ||
           (operation == Operation::kAppend && !std::exchange(edit_failed, true));
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(9)));
  files_.SetHook({});
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(10)));
  EXPECT_EQ(failures_told_, 1);
  EXPECT_EQ(DurableFloor(), 1u);
}

// Another job's failed sync may have dropped the new manifest's name: CURRENT never leads to it.
TEST_F(ManifestLogTest, AnotherJobsFailedDirectorySyncBeforeTheRenameCostsThatManifest) {
  bool edit_failed = false;
  bool fail_sync = false;
  std::string made;
  Hook([&](Operation operation, const std::string& path) {
    if (operation == Operation::kAppend) return !std::exchange(edit_failed, true);
    if (operation == Operation::kCreate && made.empty()) made = path;
    return operation == Operation::kSyncDirectory && fail_sync;
  });
  absl::Status told;
  log_->Commit(FloorEdit(9), [&told](const absl::Status& status) { told = status; });
  while (made.empty()) ASSERT_TRUE(environment_.RunOne());
  fail_sync = true;
  EXPECT_FALSE(context_->files.SyncDirectory("/db").ok());
  fail_sync = false;
  environment_.RunUntilIdle();
  EXPECT_TRUE(absl::IsInternal(told)) << told;
  EXPECT_EQ(failures_told_, 1);
  const auto current = ReadWholeFile(files_, "/db/CURRENT");
  ASSERT_TRUE(current.ok()) << current.status();
  EXPECT_NE("/db/" + ManifestFileName(*DecodeCurrent(*current)), made);
  ASSERT_TRUE(Commit(3).ok());
  EXPECT_EQ(DurableFloor(), 3u);
}

// Another job's failed sync may have dropped the rename; this log's own then proves nothing.
TEST_F(ManifestLogTest, AnotherJobsFailedDirectorySyncAfterTheRenameIsSticky) {
  bool edit_failed = false;
  bool renamed = false;
  bool fail_sync = false;
  Hook([&](Operation operation, const std::string&) {
    if (operation == Operation::kAppend) return !std::exchange(edit_failed, true);
    if (operation == Operation::kRename) renamed = true;
    return operation == Operation::kSyncDirectory && fail_sync;
  });
  absl::Status told;
  log_->Commit(FloorEdit(9), [&told](const absl::Status& status) { told = status; });
  while (!renamed) ASSERT_TRUE(environment_.RunOne());
  fail_sync = true;
  EXPECT_FALSE(context_->files.SyncDirectory("/db").ok());
  fail_sync = false;
  environment_.RunUntilIdle();
  EXPECT_TRUE(absl::IsFailedPrecondition(told)) << told;
  EXPECT_TRUE(*files_.Exists("/db/MANIFEST-1"));
}

// Any subset of what a failing replacement leaves pending may reach the disk.
TEST(TornManifestLogTest, AReplacementMayBeCutShortAnywhere) {
  int replaced = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    TornDisk disk;
    ASSERT_TRUE(disk.CreateDirectory("/db").ok());
    ASSERT_TRUE(disk.SyncDirectory("/").ok());
    SimulatedEnvironment environment(seed, disk);
    EngineContext context(TinyOptions(), "/db", environment.environment());
    std::unique_ptr<ManifestLog> log = NewLog(context, [] {});
    disk.FailAt(disk.operations() + random() % 2,
                random() % 2 == 0 ? TornDisk::Effect::kNone : TornDisk::Effect::kWhole);
    log->Commit(FloorEdit(9), [](const absl::Status& status) { EXPECT_FALSE(status.ok()); });
    uint64_t acknowledged = 1;
    log->Commit(FloorEdit(3), [&acknowledged](const absl::Status& status) {
      if (status.ok()) acknowledged = 3;
    });
    for (uint64_t pieces = random() % 20; pieces > 0; --pieces) environment.RunOne();
    disk.DieAt(0);
    context.background.Stop();
    disk.LosePower(random);
    const uint64_t floor = FloorIn(disk);
    // 9 is the failed edit, which may stand until a manifest without it is current.
    EXPECT_TRUE(floor == 3 || (acknowledged == 1 && (floor == 1 || floor == 9)))
        << floor << ", seed " << seed;
    if (acknowledged == 3) ++replaced;
  }
  EXPECT_GT(replaced, 20);
}

// A sync that fails must be counted before another one can return OK, or its victim is not noticed.
TEST(DirectoryWatchTest, SyncsDoNotOverlap) {
  MemoryFileSystem files;
  DirectoryWatch watch(files);
  std::atomic<int> inside = 0;
  std::atomic<bool> overlapped = false;
  files.SetHook([&](Operation, const std::string&) {
    if (inside.fetch_add(1) > 0) overlapped = true;
    for (int i = 0; i < 100 && !overlapped; ++i) std::this_thread::yield();
    inside.fetch_sub(1);
    return absl::OkStatus();
  });
  std::latch start(2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int i = 0; i < 200; ++i) EXPECT_TRUE(watch.SyncDirectory("/").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(overlapped);
}

}  // namespace
}  // namespace lumen
