// Goal: the public engine API does what engine/engine.h says, in simulation and on real files.
// Method: scenarios through the API; crashes are copies of the in-memory file system.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/memory_file_system.h"
#include "engine/posix_environment.h"
#include "engine/simulated_environment.h"

namespace lumen {
namespace {

using Crash = MemoryFileSystem::Crash;

Options SmallOptions() {
  Options options;
  options.memory_budget_bytes = 1 << 20;
  options.memtable_bytes = 16 << 10;
  options.wal_segment_bytes = 64 << 10;
  options.block_bytes = 1024;
  options.table_bytes = 8 << 10;
  options.level0_bytes = 64 << 10;
  options.base_level_bytes = 16 << 10;
  options.level_fanout = 4;
  options.stall_debt_bytes = 1 << 20;
  return options;
}

WriteBatch Put(std::string_view key, std::string_view value) {
  WriteBatch batch;
  batch.Put(key, value);
  return batch;
}

WriteBatch Delete(std::string_view key) {
  WriteBatch batch;
  batch.Delete(key);
  return batch;
}

std::string Key(int i) { return "key" + std::to_string(100000 + i); }

// An engine in simulation whose machine can lose power.
class Simulated {
 public:
  explicit Simulated(uint64_t seed = 1, Options options = SmallOptions())
      : seed_(seed), options_(std::move(options)), files_(std::make_unique<MemoryFileSystem>()) {
    Open();
  }

  void Open() {
    environment_ = std::make_unique<SimulatedEnvironment>(++seed_, *files_);
    auto opened = Engine::Open(options_, "/db", environment_->environment());
    status_ = opened.status();
    engine_ = opened.ok() ? *std::move(opened) : nullptr;
  }
  // The machine as the crash leaves it; the old engine goes on into the void.
  void CrashAndOpen(Crash crash) {
    auto copy = files_->CrashCopy(crash);
    engine_.reset();
    environment_.reset();
    files_ = std::move(copy);
    Open();
  }

  Engine& engine() { return *engine_; }
  bool opened() const { return engine_ != nullptr; }
  const absl::Status& status() const { return status_; }
  MemoryFileSystem& files() { return *files_; }
  SimulatedEnvironment& environment() { return *environment_; }
  Options& options() { return options_; }

  std::optional<std::string> Get(std::string_view key) {
    auto result = engine().Get(key);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok() || !result->has_value()) return std::nullopt;
    return (*result)->value;
  }

 private:
  uint64_t seed_;
  Options options_;
  std::unique_ptr<MemoryFileSystem> files_;
  std::unique_ptr<SimulatedEnvironment> environment_;
  std::unique_ptr<Engine> engine_;
  absl::Status status_;
};

TEST(EngineTest, WhatWasPutIsThereAndWhatWasDeletedIsNot) {
  Simulated db;
  ASSERT_TRUE(db.opened()) << db.status();
  ASSERT_TRUE(db.engine().Write(Put("a", "1"), {}).ok());
  ASSERT_TRUE(db.engine().Write(Put("b", "2"), {}).ok());
  auto deleted = db.engine().Write(Delete("a"), {.report_existed = true});
  ASSERT_TRUE(deleted.ok());
  EXPECT_THAT(deleted->existed, testing::ElementsAre(true));
  EXPECT_EQ(db.Get("a"), std::nullopt);
  EXPECT_EQ(db.Get("b"), "2");
}

TEST(EngineTest, AcknowledgedSyncWritesSurvivePowerLossInEveryPlaceTheyCanBe) {
  Simulated db;
  ASSERT_TRUE(db.opened()) << db.status();
  std::map<std::string, std::string> model;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string key = Key((round * 37 + i * 11) % 500);
      const std::string value(static_cast<size_t>(20 + i), static_cast<char>('a' + round));
      ASSERT_TRUE(db.engine().Write(Put(key, value), {}).ok());
      model[key] = value;
    }
    db.CrashAndOpen(round % 2 == 0 ? Crash::kPowerLoss : Crash::kProcess);
    ASSERT_TRUE(db.opened()) << db.status();
    auto it = db.engine().NewIterator({});
    auto expected = model.begin();
    for (it->SeekToFirst(); it->valid(); it->Next(), ++expected) {
      ASSERT_NE(expected, model.end());
      ASSERT_EQ(it->key(), expected->first);
      ASSERT_EQ(it->value(), expected->second);
    }
    ASSERT_TRUE(it->status().ok()) << it->status();
    ASSERT_EQ(expected, model.end());
  }
  EXPECT_GT(db.engine().GetStats().levels.size(), 2u);
}

TEST(EngineTest, WhatIsDurableIsVisibleAtEveryStepOfACommit) {
  Simulated db;
  ASSERT_TRUE(db.opened()) << db.status();
  bool told = false;
  db.engine().WriteAsync(Put("a", "1"), {}, [&](absl::StatusOr<WriteResult>) { told = true; });
  while (!told) {
    ASSERT_TRUE(db.environment().RunOne());
    const Stats stats = db.engine().GetStats();
    ASSERT_LE(stats.durable_sequence, stats.visible_sequence);
  }
  EXPECT_EQ(db.engine().GetStats().durable_sequence, 1u);
}

TEST(EngineTest, RealFilesManyThreads) {
  const auto dir =
      std::filesystem::temp_directory_path() / ("lumen_engine_test." + std::to_string(::getpid()));
  std::filesystem::remove_all(dir);
  {
    PosixEnvironment environment;
    auto engine = Engine::Open(SmallOptions(), dir.string(), environment.environment());
    ASSERT_TRUE(engine.ok()) << engine.status();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2000; ++i) {
          auto result =
              (*engine)->Write(Put(Key(t * 10000 + i), std::string(50, 'x')),
                               {.durability = i % 8 == 0 ? Durability::kSync : Durability::kAsync});
          ASSERT_TRUE(result.ok()) << result.status();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_TRUE((*engine)->Compact().ok());
    int count = 0;
    {
      auto it = (*engine)->NewIterator({});
      for (it->SeekToLast(); it->valid(); it->Prev()) ++count;
    }
    EXPECT_EQ(count, 8000);
    EXPECT_TRUE((*engine)->Close().ok());
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace lumen
