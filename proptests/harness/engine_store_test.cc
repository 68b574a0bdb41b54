// The engine behind the oracle's seam: a sound one passes every rule, and what the seam is asked to
// tell (orphans, refusals, another content of a checkpoint) it tells.

#include "proptests/harness/engine_store.h"

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::crash {
namespace {

using testing::HasSubstr;

Options TinyOptions() {
  Options options;
  options.wal_segment_bytes = 64 << 10;
  options.memtable_bytes = 4 << 10;
  options.table_bytes = 4 << 10;
  options.block_bytes = 1024;
  options.memory_budget_bytes = 256 << 10;
  return options;
}

class EngineStoreTest : public testing::Test {
 protected:
  // Writes with a flush in the middle, then a power loss.
  EngineStoreTest() {
    MemoryFileSystem files;
    SimulatedEnvironment simulation(1, files);
    auto engine = Engine::Open(TinyOptions(), "/db", simulation.environment());
    EXPECT_TRUE(engine.ok()) << engine.status();
    for (uint64_t i = 0; i < 20; ++i) {
      const std::string key = "k" + std::to_string(i % 7);
      const std::string value(100 * i, 'v');
      WriteBatch batch;
      batch.Put(key, value);
      const auto result = (*engine)->Write(batch, {});
      EXPECT_TRUE(result.ok()) << result.status();
      log_.Add({.changes = {{key, value}},
                .issued = i,
                .acknowledged = i,
                .durable = i,
                .last_sequence = result->sequence});
      if (i == 10) {
        EXPECT_TRUE((*engine)->Flush().ok());
      }
    }
    files_ = files.CrashCopy(MemoryFileSystem::Crash::kPowerLoss);
  }

  std::optional<Violation> Judge(uint64_t seed = 1, bool may_refuse = false) {
    Obligations obligations = ObligationsAt(log_, 100, false);
    obligations.may_refuse = may_refuse;
    return Check(EngineOpener(TinyOptions()), *files_, seed, log_, obligations, {.exercise = true},
                 &recovered_);
  }

  std::unique_ptr<MemoryFileSystem> files_;
  WriteLog log_;
  Recovered recovered_;
};

TEST_F(EngineStoreTest, TheEnginePasses) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto files = files_->CrashCopy(MemoryFileSystem::Crash::kPowerLoss);
    const auto violation = Judge(seed);
    ASSERT_FALSE(violation.has_value()) << violation->rule << ": " << violation->what;
    EXPECT_EQ(recovered_.prefix, 20u);
    files_ = files->CrashCopy(MemoryFileSystem::Crash::kPowerLoss);
  }
}

TEST_F(EngineStoreTest, FilesThatTheEngineCannotNeedAreOrphans) {
  ASSERT_TRUE(files_->WriteWhole("/db/notes.txt", "left behind").ok());
  const auto violation = Judge();
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->rule, 9);
  EXPECT_THAT(violation->what, HasSubstr("notes.txt"));
}

TEST_F(EngineStoreTest, AWalThatIsGoneIsReported) {
  const auto names = files_->List("/db");
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    if (!name.ends_with(".wal")) continue;
    ASSERT_TRUE(files_->Remove("/db/" + name).ok());
  }
  const auto reported = Judge(1, true);
  EXPECT_FALSE(reported.has_value()) << reported->what;
  EXPECT_TRUE(recovered_.refused);
  const auto violation = Judge(1, false);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->rule, 1);
}

TEST_F(EngineStoreTest, AWriteThatIsNotThereIsALoss) {
  WriteLog more = log_;
  more.Add({.changes = {{"k0", "newest"}}, .issued = 50, .acknowledged = 51, .durable = 51});
  const Obligations obligations = ObligationsAt(more, 100, false);
  const auto violation =
      Check(EngineOpener(TinyOptions()), *files_, 1, more, obligations, {}, &recovered_);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->rule, 2);
  EXPECT_THAT(violation->what, HasSubstr("write 20 (k0=\"newest\")"));
}

TEST_F(EngineStoreTest, ACheckpointThatACrashLeftIsReplaced) {
  ASSERT_TRUE(files_->CreateDirectory("/checkpoint").ok());
  ASSERT_TRUE(files_->WriteWhole("/checkpoint/CURRENT", "old").ok());
  const auto violation = Judge();
  EXPECT_FALSE(violation.has_value()) << violation->what;
  EXPECT_FALSE(*files_->Exists("/checkpoint"));
}

}  // namespace
}  // namespace lumen::crash
