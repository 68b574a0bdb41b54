// Goal: the wrapper is of use to a whole engine with threads on real files: what it is told about
// faults it reports, never hides, and heals where it says that it does. Method: a plan, a few
// writes, a reopen without faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/mutex.h"
#include "engine/engine.h"
#include "engine/posix_environment.h"
#include "faultfs/fault_plan.h"
#include "faultfs/faulting_file_system.h"
#include "faultfs/plan/real_directory_testing.h"

namespace lumen::faultfs {
namespace {

using testing::HasSubstr;

class EngineFaultsTest : public testing::Test {
 protected:
  absl::Status Open(std::string_view faults = "") {
    engine_.reset();
    files_.reset();
    injector_ = std::make_unique<PlannedFaults>(*FaultPlan::Parse(faults), 11);
    files_ = std::make_unique<FaultingFileSystem>(posix_.environment().file_system, *injector_);
    return OpenAgain();
  }
  // With the faults as they are.
  absl::Status OpenAgain() {
    engine_.reset();
    const Environment real = posix_.environment();
    Options options;
    options.wal_segment_bytes = 64 << 10;
    options.memtable_bytes = 16 << 10;
    options.retry_interval_ns = 1'000'000;
    const Environment environment{*files_, real.clock, real.executor, real.random};
    auto engine = Engine::Open(options, directory_ / database_, environment);
    if (engine.ok()) engine_ = *std::move(engine);
    return engine.status();
  }
  absl::Status Put(const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.Put(key, value);
    return engine_->Write(batch, {}).status();
  }
  absl::StatusOr<std::string> Get(const std::string& key) {
    const auto result = engine_->Get(key);
    if (!result.ok()) return result.status();
    return *result ? (*result)->value : "absent";
  }
  FaultCount count(size_t rule = 0) const { return injector_->counts().at(rule); }

  RealDirectory directory_;
  std::string database_ = "db";
  PosixEnvironment posix_;
  std::unique_ptr<PlannedFaults> injector_;
  std::unique_ptr<FaultingFileSystem> files_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineFaultsTest, AFailedWalSyncMakesTheEngineReadOnlyUntilAReopen) {
  for (const char* mode : {"sync-marked-clean", "sync-failed-durable", "sync-failed-partly",
                           "eio-before", "eio-after"}) {
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(Put("before", mode).ok());
    // Always, because the first sync may be that of the segment that is made ahead of need.
    ASSERT_TRUE(
        Open(absl::StrCat(mode, " on sync of wal times always after append of wal nth 2")).ok());
    absl::Status failed;
    for (int i = 0; i < 10 && failed.ok(); ++i) failed = Put("doubt", mode);
    EXPECT_EQ(failed.code(), absl::StatusCode::kUnknown) << mode << ": " << failed;
    EXPECT_THAT(std::string(failed.message()), HasSubstr("injected"));
    EXPECT_EQ(Put("later", "x").code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(*Get("before"), mode);
    EXPECT_GE(count().fired, 1u);
    EXPECT_GE(count().observed, 1u);
    ASSERT_TRUE(Open().ok());
    EXPECT_EQ(*Get("before"), mode);
    EXPECT_EQ(*Get("later"), "absent");
    EXPECT_TRUE(Put("after", mode).ok());
  }
}

TEST_F(EngineFaultsTest, AFullDiskHeals) {
  constexpr int kPatience = 1'000'000;
  ASSERT_TRUE(Open("enospc-before on append of sst times 3\n"
                   "short-write of sst times 2\n"
                   "enospc-before on sync of sst\n"
                   "edquot-after on create of sst")
                  .ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put(absl::StrCat("key", i), std::string(500, 'v')).ok());
  absl::Status flushed;
  for (int i = 0; i < kPatience; ++i) {
    engine_->Resume();
    flushed = engine_->Flush();
    if (flushed.ok()) break;
    std::this_thread::yield();
    EXPECT_EQ(flushed.code(), absl::StatusCode::kResourceExhausted) << flushed;
  }
  EXPECT_TRUE(flushed.ok()) << flushed;
  for (const FaultCount& each : injector_->counts()) {
    EXPECT_GT(each.fired, 0u);
    EXPECT_EQ(each.observed, each.fired);
  }
  EXPECT_GT(engine_->GetStats().background_retries, 0u);
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*Get(absl::StrCat("key", i)), std::string(500, 'v'));
}

TEST_F(EngineFaultsTest, DamageToATableIsReportedNeverServed) {
  constexpr int kKeys = 100;
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < kKeys; ++i)
    ASSERT_TRUE(Put(absl::StrCat("key", i), std::string(200, 'v')).ok());
  ASSERT_TRUE(engine_->Flush().ok());
  uint64_t reported = 0;
  for (int seed = 0; seed < 8; ++seed) {
    for (const char* damage : {"bit-flip", "sector-garbage", "truncated", "read-eio-sticky"}) {
      const char* call = std::string_view(damage) == "read-eio-sticky" ? "read" : "open";
      std::string plan = absl::StrCat(damage, " on ", call, " of sst");
      if (call[0] == 'o') absl::StrAppend(&plan, " amount ", seed * 30'011);
      if (call[0] == 'r') absl::StrAppend(&plan, " nth ", seed + 1);
      const absl::Status opened = Open(plan);
      if (!opened.ok()) {
        ++reported;
        EXPECT_THAT(std::string(opened.message()), HasSubstr(".sst"));
        continue;
      }
      for (int i = 0; i < kKeys; ++i) {
        const auto value = Get(absl::StrCat("key", i));
        if (value.ok()) {
          EXPECT_EQ(*value, std::string(200, 'v')) << plan;
        } else {
          ++reported;
          EXPECT_TRUE(absl::IsDataLoss(value.status()) || absl::IsInternal(value.status()))
              << value.status();
          EXPECT_THAT(std::string(value.status().message()), HasSubstr(".sst"));
        }
      }
    }
  }
  EXPECT_GT(reported, 30u);
}

// Writes follow the lost one, and their frames say that there was one before.
TEST_F(EngineFaultsTest, ALostWriteToTheWalIsReportedNeverAHole) {
  constexpr int kKeys = 20, kLostUpTo = 12;
  int reported = 0;
  for (int nth = 1; nth <= kLostUpTo; ++nth) {
    database_ = absl::StrCat("db", nth);
    ASSERT_TRUE(Open(absl::StrCat("lost-write of wal nth ", nth)).ok());
    for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(Put(absl::StrCat("key", i), "v").ok());
    ASSERT_EQ(count().fired, 1u);
    // This process would not read its WAL again: the next one does, through the same faults.
    const absl::Status reopened = OpenAgain();
    if (reopened.ok()) {
      for (int i = 0; i < kKeys; ++i) EXPECT_EQ(*Get(absl::StrCat("key", i)), "v") << nth;
    } else {
      ++reported;
      EXPECT_TRUE(absl::IsDataLoss(reopened)) << reopened;
      EXPECT_THAT(std::string(reopened.message()), HasSubstr(".wal"));
      EXPECT_EQ(count().changed, 1u);
      EXPECT_GT(count().observed, 0u);
    }
  }
  EXPECT_GT(reported, kLostUpTo / 2);
}

// Each thread writes keys of its own and stops trusting a key whose write failed.
TEST_F(EngineFaultsTest, ThreadsNeverLoseWhatWasAcknowledged) {
  constexpr int kThreads = 4, kWrites = 100;
  Mutex mutex;
  std::map<std::string, std::string> acknowledged;
  for (int round = 0; round < 3; ++round) {
    const absl::Status opened = Open(
        "enospc-before of sst probability 0.05 times always\n"
        "eio-before of sst probability 0.02 times always\n"
        "latency on sync probability 0.1 times always amount 50us\n"
        "eio-before on sync of wal nth 150");
    if (!opened.ok()) continue;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kWrites; ++i) {
          const std::string key = absl::StrCat(round, "/", thread, "/", i);
          if (!Put(key, std::string(300, 'v')).ok()) continue;
          MutexLock lock(mutex);
          acknowledged[key] = std::string(300, 'v');
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(Open().ok());
    for (const auto& [key, value] : acknowledged) EXPECT_EQ(*Get(key), value) << key;
  }
  EXPECT_GT(acknowledged.size(), 100u);
}

}  // namespace
}  // namespace lumen::faultfs
