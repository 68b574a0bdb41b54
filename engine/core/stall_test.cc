// Goal: writers that outrun flushes and compactions wait for as long as it takes and no longer, and
// are slowed the more the further compaction is behind, without a cliff. Method: an engine in
// simulation, whose clock tells the delays; versions made by hand for the rule itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/compaction_picker.h"
#include "engine/core/crash_testing.h"

namespace lumen {
namespace {

using Operation = MemoryFileSystem::Operation;

VersionPtr VersionWithRuns(int runs, uint64_t bytes_each) {
  std::vector<Level> levels(Version::kLevels);
  for (int i = 0; i < runs; ++i) {
    TableRecord record;
    record.number = static_cast<uint64_t>(i + 1);
    record.summary.file_bytes = bytes_each;
    record.summary.smallest_key = "a";
    record.summary.largest_key = "z";
    levels[0].push_back(std::make_shared<const Table>(record, nullptr, [](uint64_t) {}));
  }
  return std::make_shared<const Version>(std::move(levels));
}

TEST(StallFractionTest, GrowsFromHalfOfTheAllowedRunsOnWithoutACliff) {
  Options options;
  options.level0_runs = 4;  // 20 are allowed
  double before = 0;
  for (int runs = 0; runs <= 60; ++runs) {
    const double now = StallFraction(*VersionWithRuns(runs, 1), options);
    if (runs <= 10) {
      EXPECT_EQ(now, 0) << runs;
    }
    EXPECT_GE(now, before) << runs;
    EXPECT_LE(now - before, 0.11) << runs;
    before = now;
  }
  EXPECT_DOUBLE_EQ(StallFraction(*VersionWithRuns(20, 1), options), 1);
}

TEST(StallFractionTest, GrowsWithTheBytesThatWait) {
  Options options;
  options.stall_debt_bytes = 1000;
  options.level0_bytes = 1;
  EXPECT_EQ(StallFraction(*VersionWithRuns(1, 500), options), 0);
  EXPECT_NEAR(StallFraction(*VersionWithRuns(1, 750), options), 0.5, 0.001);
  EXPECT_NEAR(StallFraction(*VersionWithRuns(1, 1000), options), 1, 0.001);
}

TEST(StallTest, WritersThatWaitForFlushesAreAllResumed) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto files = std::make_unique<MemoryFileSystem>();
    Options options = TinyOptions();
    options.immutable_memtables = 1;
    TestDatabase database(*files, seed, options);
    ASSERT_TRUE(database.Open().ok());
    for (int i = 0; i < 400; ++i) {
      database.WriteAsync({{absl::StrCat("key", i), std::string(1000, 'x')}}, Durability::kAsync);
    }
    database.AwaitAll();
    EXPECT_GT(database.engine().GetStats().stalls, 0u);
    EXPECT_GT(database.engine().GetStats().stall_ns, 0u);
    const auto content = ReadContent(database.engine());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, database.history().Visible());
    EXPECT_EQ(content->size(), 400u);
  }
}

TEST(StallTest, AWriterWaitingForAFlushThatFailsIsToldAndLaterOnesAreServed) {
  const auto files = std::make_unique<MemoryFileSystem>();
  Options options = TinyOptions();
  options.immutable_memtables = 1;
  TestDatabase database(*files, 3, options);
  ASSERT_TRUE(database.Open().ok());
  files->SetHook([](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kCreate && path.ends_with(".sst");
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  absl::Status status;
  for (int i = 0; status.ok(); ++i) {
    ASSERT_LT(i, 1000);
    status = database.Write({{"key", std::string(1000, 'x')}}, Durability::kAsync);
  }
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("nothing was written"));
  files->SetHook({});
  database.engine().Resume();
  while (!database.Write({{"key", "y"}}, Durability::kSync).ok()) {
    ASSERT_TRUE(database.environment().RunOne());
  }
  EXPECT_TRUE(database.engine().Flush().ok());
  EXPECT_EQ(*ReadContent(database.engine()), database.history().Visible());
}

// Tables can hardly be read, so that compactions fail and level 0 grows run by run.
TEST(StallTest, DelaysGrowWithTheDebtAndEveryWriteIsServed) {
  const auto files = std::make_unique<MemoryFileSystem>();
  Options options = TinyOptions();
  options.memtable_bytes = 4 << 20;
  options.wal_segment_bytes = 1 << 20;
  options.stall_debt_bytes = 2 << 20;
  TestDatabase database(*files, 3, options);
  ASSERT_TRUE(database.Open().ok());
  constexpr int kReadsToOpen = 4;
  std::map<std::string, int> reads;
  files->SetHook([&](Operation operation, const std::string& path) {
    const bool fails =
        operation == Operation::kRead && path.ends_with(".sst") && ++reads[path] > kReadsToOpen;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  Clock& clock = database.environment().environment().clock;
  std::vector<int64_t> elapsed_ns;  // of a round of equal writes, by the runs in level 0
  int64_t longest_ns = 0;
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; ++round) {
    const int64_t began = clock.NowNanos();
    for (int i = 0; i < 100; ++i) {
      const int64_t asked = clock.NowNanos();
      ASSERT_TRUE(
          database.Write({{absl::StrCat("key", i), std::string(2000, 'x')}}, Durability::kAsync)
              .ok());
      longest_ns = std::max(longest_ns, clock.NowNanos() - asked);
    }
    elapsed_ns.push_back(clock.NowNanos() - began);
    ASSERT_TRUE(database.engine().Flush().ok());
  }
  ASSERT_GT(database.engine().GetStats().levels[0].files, kRounds - 5);
  const auto mean_ms = [&](int from, int to) {
    double sum = 0;
    for (int i = from; i < to; ++i) sum += static_cast<double>(elapsed_ns[static_cast<size_t>(i)]);
    return sum / (to - from) / 1e6;
  };
  EXPECT_GT(mean_ms(10, 15), 1.5 * mean_ms(0, 5));
  EXPECT_GT(mean_ms(15, 20), mean_ms(10, 15));
  EXPECT_GT(mean_ms(25, 30), mean_ms(15, 20));
  EXPECT_LT(longest_ns, 200'000'000);
  // With the debt the delays go.
  files->SetHook({});
  database.engine().Resume();
  while (database.engine().GetStats().levels[0].files > 0) {
    ASSERT_TRUE(database.environment().RunOne());
  }
  const int64_t began = clock.NowNanos();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(database.Write({{"key", std::string(2000, 'x')}}, Durability::kAsync).ok());
  }
  EXPECT_LT(static_cast<double>(clock.NowNanos() - began) / 1e6, mean_ms(10, 15));
}

}  // namespace
}  // namespace lumen
