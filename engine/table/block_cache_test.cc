// Goal: the cache never holds more than its budget, gives back exactly what was put in, and its
// choices depend on the calls alone. Method: synthetic blocks of one entry; a model of what may be
// there; threads under a sanitizer.
#include "engine/table/block_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/table/block.h"
#include "engine/table/block_builder.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A block whose one value says which it is.
BlockHandle MakeBlock(uint64_t table_id, uint64_t offset, size_t value_bytes,
                      std::shared_ptr<BlockMemory> memory = nullptr) {
  BlockBuilder builder;
  const std::string name = std::to_string(table_id) + "/" + std::to_string(offset);
  std::string payload;
  builder.Add({name, 1, EntryKind::kPut, std::string(value_bytes, 'v')});
  builder.Finish(payload);
  BlockBuffer buffer(memory);
  buffer.Reserve(payload.size());
  std::copy(payload.begin(), payload.end(), buffer.data());
  BlockView view;
  CHECK(view.Parse({buffer.data(), payload.size()}).empty());
  return std::make_shared<Block>(view, std::move(buffer));
}

bool IsBlock(const BlockHandle& block, uint64_t table_id, uint64_t offset) {
  return block->view().prefix() == std::to_string(table_id) + "/" + std::to_string(offset);
}

uint64_t CountCached(BlockCache& cache, uint64_t table_id, uint64_t blocks) {
  uint64_t cached = 0;
  for (uint64_t i = 0; i < blocks; ++i) {
    cached += cache.Lookup(table_id, i * 4096) != nullptr ? 1 : 0;
  }
  return cached;
}

TEST(BlockCacheTest, GivesBackWhatWasPutIn) {
  BlockCache cache(4 * kMiB);
  EXPECT_EQ(cache.Lookup(1, 0), nullptr);
  for (uint64_t table = 1; table <= 3; ++table) {
    for (uint64_t i = 0; i < 50; ++i) {
      cache.Insert(table, i * 4096, MakeBlock(table, i * 4096, 100));
    }
  }
  for (uint64_t table = 1; table <= 3; ++table) {
    for (uint64_t i = 0; i < 50; ++i) {
      const BlockHandle block = cache.Lookup(table, i * 4096);
      ASSERT_NE(block, nullptr);
      EXPECT_TRUE(IsBlock(block, table, i * 4096));
    }
  }
  EXPECT_EQ(cache.Lookup(4, 0), nullptr);
  EXPECT_EQ(cache.hits(), 150U);
  EXPECT_EQ(cache.misses(), 2U);
}

TEST(BlockCacheTest, NeverHoldsMoreThanItsBudget) {
  for (const uint64_t capacity : {uint64_t{0}, uint64_t{1000}, 64 * uint64_t{1024}, 3 * kMiB}) {
    BlockCache cache(capacity);
    std::mt19937_64 random(7);
    for (uint64_t i = 0; i < 20'000; ++i) {
      const uint64_t offset = random() % 5000 * 4096;
      if (cache.Lookup(1, offset) == nullptr) {
        const size_t value_bytes = random() % 100 == 0 ? 40'000 : i % 5000;
        cache.Insert(1, offset, MakeBlock(1, offset, value_bytes, cache.memory()));
      }
      ASSERT_LE(cache.used_bytes(), capacity);
    }
    if (capacity >= kMiB) {
      EXPECT_GT(cache.used_bytes(), capacity / 2);
    }
  }
}

TEST(BlockCacheTest, CountsWhatBlocksAllocate) {
  BlockCache cache(kMiB);
  const BlockHandle block = MakeBlock(1, 0, 10'000);
  cache.Insert(1, 0, block);
  EXPECT_GE(block->charge_bytes(), 10'000U);
  EXPECT_GT(cache.used_bytes(), block->charge_bytes());  // the cache's own slots
  EXPECT_LT(cache.used_bytes(), block->charge_bytes() + 4096);
}

TEST(BlockCacheTest, SizeClassesWasteAtMostASixteenth) {
  for (size_t bytes = 256; bytes < 300'000; bytes += bytes / 7) {
    EXPECT_GE(BlockMemory::ClassBytes(bytes), bytes);
    EXPECT_LE(BlockMemory::ClassBytes(bytes), bytes + bytes / 16) << bytes;
  }
}

TEST(BlockCacheTest, EvictsBlocksThatWereNotHitFirst) {
  BlockCache cache(kMiB);
  for (uint64_t i = 0; i < 100; ++i) cache.Insert(1, i * 4096, MakeBlock(1, i * 4096, 4000));
  for (uint64_t scanned = 0; scanned < 5000; ++scanned) {
    // The hot hundred is read now and then, while a scan passes by.
    if (scanned % 20 == 0) {
      ASSERT_EQ(CountCached(cache, 1, 100), 100U);
    }
    cache.Insert(2, scanned * 4096, MakeBlock(2, scanned * 4096, 4000));
  }
}

TEST(BlockCacheTest, PinnedMemoryTakesRoomFromBlocks) {
  BlockCache cache(kMiB);
  for (uint64_t i = 0; i < 400; ++i) cache.Insert(1, i * 4096, MakeBlock(1, i * 4096, 4000));
  ASSERT_GT(cache.used_bytes(), kMiB / 2);
  cache.ChargePinned(kMiB * 3 / 4);
  EXPECT_LE(cache.used_bytes(), kMiB);
  EXPECT_GT(CountCached(cache, 1, 400), 0U);
  cache.ChargePinned(kMiB);
  EXPECT_EQ(cache.used_bytes(), kMiB * 7 / 4);  // nothing but what is pinned
  EXPECT_EQ(CountCached(cache, 1, 400), 0U);
  cache.Insert(1, 0, MakeBlock(1, 0, 100));
  EXPECT_EQ(cache.Lookup(1, 0), nullptr);
  cache.ChargePinned(-static_cast<int64_t>(kMiB * 7 / 4));
  EXPECT_EQ(cache.used_bytes(), 0U);
  cache.Insert(1, 0, MakeBlock(1, 0, 100));
  EXPECT_NE(cache.Lookup(1, 0), nullptr);
}

TEST(BlockCacheTest, EvictionNeverLosesABlockThatStays) {
  // Erasing from a probe sequence must not cut off what is behind the gap: whatever a sweep finds
  // twice in a row without insertions must be the same set.
  BlockCache cache(64 * 1024);
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    const uint64_t offset = random() % 300 * 4096;
    cache.Insert(1, offset, MakeBlock(1, offset, random() % 900));
    ASSERT_NE(cache.Lookup(1, offset), nullptr);
    if (round % 100 == 99) {
      const uint64_t cached = CountCached(cache, 1, 300);
      ASSERT_GT(cached, 20U);
      ASSERT_EQ(CountCached(cache, 1, 300), cached);
    }
  }
}

TEST(BlockCacheTest, SameCallsLeaveTheSameBlocks) {
  std::vector<uint64_t> found[2];
  for (std::vector<uint64_t>& blocks : found) {
    BlockCache cache(2 * kMiB);
    std::mt19937_64 random(11);
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t offset = random() % 3000 * 4096;
      if (cache.Lookup(9, offset) == nullptr) {
        cache.Insert(9, offset, MakeBlock(9, offset, random() % 4000));
      }
    }
    for (uint64_t i = 0; i < 3000; ++i) {
      if (cache.Lookup(9, i * 4096) != nullptr) blocks.push_back(i);
    }
  }
  EXPECT_GT(found[0].size(), 300U);
  EXPECT_EQ(found[0], found[1]);
}

TEST(BlockCacheTest, EvictedMemoryIsTakenAgain) {
  BlockMemory memory(10'000);
  const char* const first = memory.Take(4096).release();
  memory.Give(std::unique_ptr<char[]>(const_cast<char*>(first)), 4096);
  EXPECT_EQ(memory.kept_bytes(), 4096U);
  std::unique_ptr<char[]> other = memory.Take(2048);
  std::unique_ptr<char[]> again = memory.Take(4096);
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ(memory.kept_bytes(), 0U);
  // A change of sizes: what nobody takes goes.
  memory.Give(std::move(again), 4096);
  for (int i = 0; i < 100; ++i) {
    memory.Give(memory.Take(1024), 1024);
    memory.Give(std::unique_ptr<char[]>(new char[2048]), 2048);
    ASSERT_LE(memory.kept_bytes(), 10'000U);
  }
  memory.Give(std::unique_ptr<char[]>(new char[20'000]), 20'000);
  EXPECT_LE(memory.kept_bytes(), 10'000U);
}

TEST(BlockCacheTest, AHandleOutlivesEviction) {
  BlockCache cache(64 * 1024);
  cache.Insert(1, 0, MakeBlock(1, 0, 4000));
  const BlockHandle kept = cache.Lookup(1, 0);
  ASSERT_NE(kept, nullptr);
  cache.ChargePinned(64 * 1024);
  EXPECT_EQ(cache.Lookup(1, 0), nullptr);
  EXPECT_TRUE(IsBlock(kept, 1, 0));
}

TEST(BlockCacheTest, ThreadsSeeOnlyWholeRightBlocksWithinTheBudget) {
  BlockCache cache(2 * kMiB);
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      std::mt19937_64 random(thread);
      for (int i = 0; i < 5000; ++i) {
        const uint64_t table = 1 + random() % 3;
        const uint64_t offset = random() % 400 * 4096;
        if (const BlockHandle block = cache.Lookup(table, offset); block != nullptr) {
          CHECK(IsBlock(block, table, offset));
        } else {
          cache.Insert(table, offset, MakeBlock(table, offset, random() % 5000, cache.memory()));
        }
        if (i % 500 == 0) {
          cache.ChargePinned(100'000);
          cache.ChargePinned(-100'000);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.used_bytes(), 2 * kMiB);
  EXPECT_EQ(cache.hits() + cache.misses(), 20'000U);
}

}  // namespace
}  // namespace lumen
