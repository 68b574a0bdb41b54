// Goal: conditional writes are compare-and-set, however they are mixed with others, with flushes
// and compactions; a write that has to wait is resumed. Method: an engine in simulation, many
// seeds; real threads are in engine/core/concurrency_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/executor.h"
#include "engine/simulated_environment.h"

namespace lumen {
namespace {

using testing::ElementsAre;
using Kind = Precondition::Kind;

Precondition When(Kind kind, std::string key, std::string value = "") {
  Precondition condition;
  condition.kind = kind;
  condition.key = std::move(key);
  condition.value = std::move(value);
  return condition;
}

class CommitTest : public testing::Test {
 protected:
  void Open(uint64_t seed, const Options& options = TinyOptions()) {
    database_.reset();
    files_ = std::make_unique<MemoryFileSystem>();
    database_ = std::make_unique<TestDatabase>(*files_, seed, options);
    ASSERT_TRUE(database_->Open().ok());
  }
  Engine& engine() { return database_->engine(); }
  bool RunOne() { return database_->environment().RunOne(); }
  std::string Get(const std::string& key) {
    const auto got = engine().Get(key);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() && got->has_value() ? (*got)->value : "absent";
  }
  // Flushes and compacts now and then while others write.
  void Noise(int i) {
    WriteOptions async;
    async.durability = Durability::kAsync;
    engine().WriteAsync(PutBatch(absl::StrCat("noise", i % 50), std::string(300, 'n')), async,
                        [](const absl::StatusOr<WriteResult>& result) {
                          EXPECT_TRUE(result.ok()) << result.status();
                        });
  }

  std::unique_ptr<MemoryFileSystem> files_;
  std::unique_ptr<TestDatabase> database_;
};

TEST_F(CommitTest, ConditionsLookIntoMemtablesAndTables) {
  Open(1);
  const auto set = [&](Precondition condition, std::string_view value) {
    WriteOptions options;
    options.preconditions.push_back(std::move(condition));
    const auto result = engine().Write(PutBatch("k", value), options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() && result->applied;
  };
  const std::vector<std::function<absl::Status()>> moves = {[] { return absl::OkStatus(); },
                                                            [&] { return engine().Flush(); },
                                                            [&] { return engine().Compact(); }};
  for (const auto& move : moves) {
    ASSERT_TRUE(engine().Write(DeleteBatch("k"), {}).ok());
    ASSERT_TRUE(move().ok());
    EXPECT_FALSE(set(When(Kind::kPresent, "k"), "no"));
    EXPECT_FALSE(set(When(Kind::kValueEquals, "k", ""), "no"));
    EXPECT_TRUE(set(When(Kind::kAbsent, "k"), "1"));
    ASSERT_TRUE(move().ok());
    EXPECT_FALSE(set(When(Kind::kAbsent, "k"), "no"));
    EXPECT_FALSE(set(When(Kind::kValueEquals, "k", "2"), "no"));
    EXPECT_TRUE(set(When(Kind::kValueEquals, "k", "1"), "2"));
    EXPECT_EQ(Get("k"), "2");
  }
}

TEST_F(CommitTest, AnUnmetConditionsValueIsShownThoughAnotherOneSeemedToBeTheFirst) {
  Open(1);
  ASSERT_TRUE(engine().Write(PutBatch("a", "1"), {}).ok());
  ASSERT_TRUE(engine().Write(PutBatch("b", "2"), {}).ok());
  ASSERT_TRUE(engine().Flush().ok());
  ASSERT_EQ(Get("a") + Get("b"), "12");  // their blocks are in the cache: readings come at once
  // When the second is queued neither of its conditions holds; when it is decided the first does.
  int told = 0;
  engine().WriteAsync(DeleteBatch("a"), {}, [&](const absl::StatusOr<WriteResult>& result) {
    EXPECT_TRUE(result.ok()) << result.status();
    ++told;
  });
  WriteOptions options;
  options.preconditions = {When(Kind::kAbsent, "a"), When(Kind::kAbsent, "b")};
  engine().WriteAsync(PutBatch("c", "3"), options, [&](const absl::StatusOr<WriteResult>& result) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_FALSE(result->applied);
    EXPECT_EQ(result->unmet, 1u);
    EXPECT_EQ(result->current.value, "2");
    ++told;
  });
  while (told < 2) ASSERT_TRUE(RunOne());
}

// Counts what is posted to read.
class ReadCounter : public Executor {
 public:
  explicit ReadCounter(Executor& inner) : inner_(inner) {}
  int reads() const { return reads_; }
  void Post(Priority priority, std::unique_ptr<Step> step) override {
    reads_ += priority == Priority::kRead ? 1 : 0;
    inner_.Post(priority, std::move(step));
  }
  void PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) override {
    inner_.PostAfter(priority, delay_ns, std::move(step));
  }
  void Await(Completion& completion) override { inner_.Await(completion); }
  bool threaded() const override { return inner_.threaded(); }

 private:
  Executor& inner_;
  int reads_ = 0;
};

TEST(ReadingTest, ReadingsWaitInTheEngineAndNoOtherWriteWaitsForThem) {
  constexpr int kConditional = 400;
  SimulatedEnvironment simulated(1);
  const Environment inner = simulated.environment();
  ReadCounter counter(inner.executor);
  const Environment environment{inner.file_system, inner.clock, counter, inner.random};
  auto engine = *Engine::Open(TinyOptions(), "/db", environment);
  WriteBatch all;
  for (int i = 0; i < kConditional; ++i) all.Put(absl::StrCat("key", i), "old");
  ASSERT_TRUE(engine->Write(all, {}).ok());
  ASSERT_TRUE(engine->Flush().ok());
  int conditional = 0;
  bool plain = false;
  for (int i = 0; i < kConditional; ++i) {
    WriteOptions options;
    options.preconditions = {When(Kind::kPresent, absl::StrCat("key", i))};
    engine->WriteAsync(PutBatch(absl::StrCat("key", i), "new"), options,
                       [&](const absl::StatusOr<WriteResult>& result) {
                         EXPECT_TRUE(result.ok() && result->applied) << result.status();
                         ++conditional;
                       });
  }
  EXPECT_GE(counter.reads(), 1);
  EXPECT_LE(counter.reads(), 2);
  engine->WriteAsync(PutBatch("other", "1"), {},
                     [&](const absl::StatusOr<WriteResult>& result) { plain = result.ok(); });
  while (!plain) ASSERT_TRUE(simulated.RunOne());
  EXPECT_LT(conditional, kConditional / 2);
  while (conditional < kConditional) ASSERT_TRUE(simulated.RunOne());
  ASSERT_TRUE(engine->Close().ok());
}

TEST_F(CommitTest, DeletesSayWhetherTheKeyExistedWhereverItWas) {
  Open(1);
  WriteOptions ask;
  ask.report_existed = true;
  for (const char* key : {"a", "b", "c"}) {
    ASSERT_TRUE(engine().Write(PutBatch(key, "1"), {}).ok());
  }
  ASSERT_TRUE(engine().Compact().ok());
  ASSERT_TRUE(engine().Write(DeleteBatch("b"), {}).ok());
  ASSERT_TRUE(engine().Flush().ok());
  WriteBatch batch;
  for (const char* key : {"a", "b", "c", "d"}) batch.Delete(key);
  const auto result = engine().Write(batch, ask);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->existed, ElementsAre(true, false, true, false));
}

// Every increment reads the counter, and writes it where it is unchanged; callbacks start the next
// one, so that many are always under way.
TEST_F(CommitTest, AsynchronousCompareAndSetLosesNoIncrement) {
  constexpr int kWriters = 6;
  constexpr int kIncrements = 40;
  uint64_t flushes = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    Open(seed);
    ASSERT_TRUE(engine().Write(PutBatch("counter", "0"), {}).ok());
    int done = 0;
    int refused = 0;
    std::function<void(int)> increment = [&](int left) {
      if (left == 0) {
        ++done;
        return;
      }
      const std::string before = Get("counter");
      int number = 0;
      ASSERT_TRUE(absl::SimpleAtoi(before, &number));
      WriteOptions options;
      options.durability = left % 3 == 0 ? Durability::kSync : Durability::kAsync;
      options.preconditions.push_back(When(Kind::kValueEquals, "counter", before));
      engine().WriteAsync(PutBatch("counter", absl::StrCat(number + 1)), options,
                          [&, left](const absl::StatusOr<WriteResult>& result) {
                            ASSERT_TRUE(result.ok()) << result.status();
                            if (!result->applied) ++refused;
                            increment(result->applied ? left - 1 : left);
                          });
    };
    for (int writer = 0; writer < kWriters; ++writer) increment(kIncrements);
    for (int i = 0; done < kWriters; ++i) {
      if (i % 20 == 0) Noise(i);
      ASSERT_TRUE(RunOne());
    }
    EXPECT_EQ(Get("counter"), absl::StrCat(kWriters * kIncrements)) << "seed " << seed;
    EXPECT_GT(refused, 0);
    flushes += engine().GetStats().flushes;
  }
  EXPECT_GT(flushes, 30u);
}

TEST_F(CommitTest, OfManyAsynchronousDeletesExactlyOneFindsTheKey) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    Open(seed);
    for (int key = 0; key < 20; ++key) {
      const std::string name = absl::StrCat("key", key);
      ASSERT_TRUE(engine().Write(PutBatch(name, "x"), {}).ok());
      const bool in_a_table = key % 3 == 0;
      ASSERT_TRUE(!in_a_table || engine().Flush().ok());
      int told = 0;
      int existed = 0;
      for (int i = 0; i < 4; ++i) {
        WriteOptions options;
        options.report_existed = true;
        options.durability = Durability::kAsync;
        engine().WriteAsync(DeleteBatch(name), options,
                            [&](const absl::StatusOr<WriteResult>& result) {
                              ASSERT_TRUE(result.ok()) << result.status();
                              ASSERT_EQ(result->existed.size(), 1u);
                              existed += result->existed[0] ? 1 : 0;
                              ++told;
                            });
        Noise(key * 4 + i);
      }
      while (told < 4) ASSERT_TRUE(RunOne());
      ASSERT_EQ(existed, 1) << "seed " << seed << ", " << name;
    }
  }
}

TEST_F(CommitTest, ABatchLargerThanASegmentGetsOneOfItsOwn) {
  Open(1);
  std::string large(1 << 20, 'L');
  for (const size_t bytes : {70u << 10, 200u << 10, 1000u << 10}) {
    ASSERT_TRUE(database_->Write({{"before", "1"}}, Durability::kSync).ok());
    ASSERT_TRUE(database_->Write({{"large", large.substr(0, bytes)}}, Durability::kSync).ok());
    ASSERT_TRUE(database_->Write({{"after", absl::StrCat(bytes)}}, Durability::kSync).ok());
    for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
      const auto copy = files_->CrashCopy(crash);
      EXPECT_EQ(ProveRecovery(*copy, database_->history(), crash, bytes), "");
    }
  }
  // Segments are small again afterwards.
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(database_->Write({{"small", std::string(1000, 's')}}, Durability::kSync).ok());
  }
  const auto names = files_->List("/db");
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    if (!name.ends_with(".wal")) continue;
    EXPECT_EQ(*files_->FileSize("/db/" + name), 64u << 10) << name;
  }
}

// Its group's sync fails, but no frame holds it.
TEST_F(CommitTest, AnUnmetWriteIsNotInDoubtWithItsGroup) {
  Open(1);
  ASSERT_TRUE(engine().Write(PutBatch("present", "v"), {}).ok());
  files_->SetHook([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool fails = operation == MemoryFileSystem::Operation::kSync;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  std::vector<absl::Status> told(3);
  size_t count = 0;
  const auto write = [&](size_t i, WriteOptions options) {
    engine().WriteAsync(PutBatch(absl::StrCat("key", i), "v"), std::move(options),
                        [&, i](const absl::StatusOr<WriteResult>& result) {
                          told[i] = result.status();
                          ++count;
                        });
  };
  write(0, {});
  write(1, {.preconditions = {When(Kind::kAbsent, "present")}});
  write(2, {.preconditions = {When(Kind::kPresent, "present")}});
  while (count < told.size()) ASSERT_TRUE(RunOne());
  EXPECT_TRUE(absl::IsUnknown(told[0])) << told[0];
  EXPECT_TRUE(absl::IsFailedPrecondition(told[1])) << told[1];
  EXPECT_THAT(std::string(told[1].message()), testing::StartsWith("nothing was written: "));
  EXPECT_TRUE(absl::IsUnknown(told[2])) << told[2];
}

}  // namespace
}  // namespace lumen
