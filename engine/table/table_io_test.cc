// Goal: tables touch files in large pieces, hold bounded memory, keep what they lend alive, and
// obey the cache's rules. Method: counting files.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "engine/table/block_window.h"
#include "engine/table/table.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

using table_testing::OpenTable;
using table_testing::OwnedEntry;
using table_testing::ReadCounters;
using table_testing::StringLogFile;

std::string NumberedKey(int number) { return std::to_string(1'000'000 + number); }

std::vector<OwnedEntry> NumberedEntries(int count, size_t value_bytes) {
  std::vector<OwnedEntry> entries;
  for (int i = 0; i < count; ++i) {
    entries.push_back({NumberedKey(i), 5, EntryKind::kPut, std::string(value_bytes, 'v')});
  }
  return entries;
}

std::string NumberedTable(int count, size_t value_bytes = 100) {
  return table_testing::BuildTable(NumberedEntries(count, value_bytes), {}).bytes;
}

TEST(TableIoTest, TheBuilderAppendsLargePieces) {
  StringLogFile file;
  TableBuilder builder(file, {});
  for (const OwnedEntry& entry : NumberedEntries(50'000, 100)) {
    ASSERT_TRUE(builder.Add(entry.view()).ok());
    ASSERT_GE(builder.estimated_bytes(), file.bytes.size());
  }
  EXPECT_EQ(builder.entry_count(), 50'000U);
  const uint64_t estimate = builder.estimated_bytes();
  ASSERT_TRUE(builder.Finish().ok());
  EXPECT_LT(file.appends, static_cast<int>(file.bytes.size() / (64 << 10)));
  EXPECT_LT(estimate, file.bytes.size());
  EXPECT_GT(estimate, file.bytes.size() * 9 / 10);
}

TEST(TableIoTest, TheBuilderPassesTheFilesErrorOn) {
  StringLogFile file;
  file.room_bytes = 300'000;
  TableBuilder builder(file, {});
  absl::Status status;
  for (const OwnedEntry& entry : NumberedEntries(10'000, 100)) {
    status = builder.Add(entry.view());
    if (!status.ok()) break;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST(TableIoTest, AFailedLastAppendFailsFinish) {
  StringLogFile file;
  file.room_bytes = 10;
  TableBuilder builder(file, {});
  ASSERT_TRUE(builder.Add({"k", 1, EntryKind::kPut, "v"}).ok());
  EXPECT_EQ(builder.Finish().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(TableIoTest, DiskStaysNearLiveBytes) {
  std::vector<OwnedEntry> entries;
  for (uint64_t i = 0; i < 20'000; ++i) {
    std::string key(16, '\0');
    for (size_t at = 0; at < 16; ++at) key[at] = static_cast<char>('0' + i * (at + 7919) / 13 % 10);
    entries.push_back({key + std::to_string(i), i + 1, EntryKind::kPut, std::string(100, 'v')});
    entries.back().key.resize(16);
  }
  std::sort(entries.begin(), entries.end());
  const auto built = table_testing::BuildTable(entries, {});
  EXPECT_LT(built.bytes.size(), built.summary.raw_bytes * 5 / 4);
}

TEST(TableIoTest, AWindowReadsFewLargePiecesBothWays) {
  ReadCounters counters;
  BlockCache cache(uint64_t{1} << 20);
  const std::string bytes = NumberedTable(100'000);
  const auto table = OpenTable(bytes, cache, false, &counters);
  ASSERT_TRUE(table.ok());
  const auto iterator = (*table)->NewIterator(false);
  counters = {};
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
  }
  EXPECT_LE(counters.reads, bytes.size() / BlockWindow::kLongestReadBytes + 6);
  EXPECT_LE(counters.longest_read_bytes, BlockWindow::kLongestReadBytes);
  counters = {};
  for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
  }
  EXPECT_LE(counters.reads, bytes.size() / BlockWindow::kLongestReadBytes + 6);
  counters = {};
  for (int i = 0; i < 100; ++i) iterator->Seek(NumberedKey(i * 997), kMaxSequence);
  EXPECT_LE(counters.longest_read_bytes, BlockWindow::kFirstReadBytes);
  EXPECT_EQ(cache.hits() + cache.misses(), 0U);
}

// Of the many tables that a scan or a compaction merges, most are exhausted long before its end.
TEST(TableIoTest, AnIteratorPastAnEndHoldsNoBlock) {
  ReadCounters counters;
  BlockCache cache(uint64_t{1} << 20);
  const auto table = OpenTable(NumberedTable(10), cache, false, &counters);
  ASSERT_TRUE(table.ok());
  const auto window = (*table)->NewIterator(false);
  const auto cached = (*table)->NewIterator(true);
  for (const bool forward : {true, false}) {
    for (InternalIterator* const iterator : {window.get(), cached.get()}) {
      forward ? iterator->SeekToFirst() : iterator->SeekToLast();
      while (iterator->valid()) forward ? iterator->Next() : iterator->Prev();
      EXPECT_TRUE(iterator->status().ok());
    }
    // The cache and this handle.
    const BlockHandle block = cache.Lookup(1, 0);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block.use_count(), 2);
    counters = {};
    window->SeekToLast();
    EXPECT_EQ(window->entry().key, NumberedKey(9));
    EXPECT_EQ(counters.reads, 1U);
  }
  cached->Seek(NumberedKey(10), kMaxSequence);
  EXPECT_FALSE(cached->valid());
  EXPECT_EQ(cache.Lookup(1, 0).use_count(), 2);
}

TEST(TableIoTest, AReadBlockIsReadOnce) {
  ReadCounters counters;
  BlockCache cache(uint64_t{1} << 20);
  const auto table = OpenTable(NumberedTable(1000), cache, false, &counters);
  ASSERT_TRUE(table.ok());
  counters = {};
  EXPECT_EQ((*table)->Get(NumberedKey(500), 9, true).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(counters.reads, 0U);
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_TRUE((*table)->Get(NumberedKey(500), 9)->has_value());
  }
  EXPECT_EQ(counters.reads, 1U);
  EXPECT_TRUE((*table)->Get(NumberedKey(500), 9, true)->has_value());
}

TEST(TableIoTest, WithoutRoomInTheCacheEverythingStillWorks) {
  BlockCache cache(100);
  const auto table = OpenTable(NumberedTable(1000), cache);
  ASSERT_TRUE(table.ok());
  EXPECT_GT((*table)->pinned_bytes(), cache.capacity_bytes());
  EXPECT_EQ(cache.used_bytes(), (*table)->pinned_bytes());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE((*table)->Get(NumberedKey(i), 9)->has_value());
  }
  EXPECT_EQ(cache.used_bytes(), (*table)->pinned_bytes());
}

TEST(TableIoTest, AClosedTableGivesItsPinnedMemoryBack) {
  BlockCache cache(uint64_t{1} << 20);
  { ASSERT_TRUE(OpenTable(NumberedTable(1000), cache).ok()); }
  EXPECT_EQ(cache.used_bytes(), 0U);
}

TEST(TableIoTest, AHitOutlivesTheTableAndTheCache) {
  for (const bool lends : {false, true}) {
    std::optional<TableHit> hit;
    const std::string key = NumberedKey(7);
    {
      BlockCache cache(uint64_t{1} << 20);
      const auto table = OpenTable(NumberedTable(1000), cache, lends);
      hit = *(*table)->Get(key, 9);
    }
    ASSERT_TRUE(hit.has_value());
    EXPECT_EQ(hit->entry.value, std::string(100, 'v'));
  }
}

TEST(TableIoTest, LentBytesTakeNoRoomInTheCache) {
  BlockCache cache(uint64_t{8} << 20);
  const auto table = OpenTable(NumberedTable(20'000), cache, true);
  const auto iterator = (*table)->NewIterator(true);
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
  }
  EXPECT_LT(cache.used_bytes() - (*table)->pinned_bytes(), uint64_t{512} << 10);
}

TEST(TableIoTest, ThreadsReadOneTableThroughASmallCache) {
  BlockCache cache(uint64_t{128} << 10);
  const auto table = OpenTable(NumberedTable(5000), cache);
  ASSERT_TRUE(table.ok());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&table, thread] {
      for (int i = thread; i < 5000; i += 7) {
        const auto hit = (*table)->Get(NumberedKey(i), 9);
        CHECK(hit.ok() && hit->has_value() && (*hit)->entry.value.size() == 100);
        CHECK(!(*table)->Get(NumberedKey(i) + "x", 9)->has_value());
      }
      const auto iterator = (*table)->NewIterator(thread % 2 == 0);
      int entries = 0;
      for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) ++entries;
      CHECK(entries == 5000);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.used_bytes(), cache.capacity_bytes());
}

}  // namespace
}  // namespace lumen
