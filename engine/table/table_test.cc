// Goal: a table answers every question as a sorted list of its entries would. Method: random tables
// (keys with zeros and shared prefixes, many versions of a key across blocks, huge values, LZ4,
// block sizes from 1 to 64 KiB, lent and copied bytes) against that list.
#include "engine/table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/format/crc32c.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

using table_testing::BuildTable;
using table_testing::BuiltTable;
using table_testing::OpenTable;
using table_testing::Own;
using table_testing::OwnedEntry;
using table_testing::ReadCounters;

struct Shape {
  uint32_t seed = 0;
  size_t entries = 1;
  int most_versions = 1;
  size_t most_value_bytes = 100;
  size_t huge_value_bytes = 0;  // of one entry in 64
  TableOptions options;
  bool lends = false;
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  size_t Below(size_t limit) { return engine_() % limit; }

  std::string Key() {
    static constexpr char kBytes[] = {'\0', '\1', 'a', 'b', '\x7f', '\x80', '\xff'};
    static constexpr std::string_view kPrefixes[] = {"", "user:", "a-prefix-that-passes-a-head:"};
    std::string key(kPrefixes[Below(3)]);
    for (size_t rest = 1 + Below(12); rest > 0; --rest) key.push_back(kBytes[Below(7)]);
    return key;
  }
  std::string Value(size_t most_bytes) {
    std::string value(Below(most_bytes + 1), 'v');
    for (size_t i = 0; i < value.size(); i += 1 + Below(8)) {
      value[i] = static_cast<char>(Below(256));
    }
    return value;
  }

 private:
  std::mt19937 engine_;
};

std::vector<OwnedEntry> RandomEntries(const Shape& shape) {
  Random random(shape.seed);
  std::vector<OwnedEntry> entries;
  while (entries.size() < shape.entries) {
    const std::string key = random.Key();
    for (size_t versions = 1 + random.Below(static_cast<size_t>(shape.most_versions)); versions > 0;
         --versions) {
      OwnedEntry entry{key, 1 + random.Below(1 << 20), EntryKind::kPut, {}};
      if (random.Below(5) == 0) {
        entry.kind = EntryKind::kDelete;
      } else {
        const bool huge = shape.huge_value_bytes > 0 && random.Below(64) == 0;
        entry.value = random.Value(huge ? shape.huge_value_bytes : shape.most_value_bytes);
      }
      entries.push_back(std::move(entry));
    }
  }
  entries.resize(shape.entries);
  std::sort(entries.begin(), entries.end());
  const auto same = [](const OwnedEntry& a, const OwnedEntry& b) { return !(a < b); };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  return entries;
}

// The model: a position in the sorted list, or none.
class Model {
 public:
  explicit Model(const std::vector<OwnedEntry>& entries) : entries_(entries) {}

  size_t LowerBound(const std::string& key, SequenceNumber sequence) const {
    return static_cast<size_t>(std::lower_bound(entries_.begin(), entries_.end(),
                                                OwnedEntry{key, sequence, EntryKind::kPut, {}}) -
                               entries_.begin());
  }
  std::optional<OwnedEntry> Get(const std::string& key, SequenceNumber at) const {
    const size_t position = LowerBound(key, at);
    if (position == entries_.size() || entries_[position].key != key) return std::nullopt;
    return entries_[position];
  }

 private:
  const std::vector<OwnedEntry>& entries_;
};

// Position `size` or `~0`: the iterator must be invalid.
void ExpectAt(const InternalIterator& iterator, const std::vector<OwnedEntry>& entries,
              size_t position) {
  ASSERT_TRUE(iterator.status().ok()) << iterator.status();
  ASSERT_EQ(iterator.valid(), position < entries.size()) << position;
  if (iterator.valid()) {
    ASSERT_EQ(Own(iterator.entry()), entries[position]) << position;
  }
}

void ExpectScans(InternalIterator& iterator, const std::vector<OwnedEntry>& entries) {
  size_t position = 0;
  for (iterator.SeekToFirst(); iterator.valid(); iterator.Next()) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(iterator, entries, position++));
  }
  ASSERT_NO_FATAL_FAILURE(ExpectAt(iterator, entries, position));
  for (iterator.SeekToLast(); iterator.valid(); iterator.Prev()) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(iterator, entries, --position));
  }
  ASSERT_EQ(position, 0U);
}

void ExpectSeeks(InternalIterator& iterator, const std::vector<OwnedEntry>& entries,
                 const std::string& key, SequenceNumber sequence, Random& random) {
  size_t position = Model(entries).LowerBound(key, sequence);
  if (random.Below(2) == 0) {
    iterator.Seek(key, sequence);
  } else {
    iterator.SeekBefore(key, sequence);
    --position;
  }
  ASSERT_NO_FATAL_FAILURE(ExpectAt(iterator, entries, position));
  for (int step = 0; step < 6 && iterator.valid(); ++step) {
    if (random.Below(2) == 0) {
      iterator.Next();
      ++position;
    } else {
      iterator.Prev();
      --position;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectAt(iterator, entries, position));
  }
}

void ExpectGet(const TableReader& table, const std::vector<OwnedEntry>& entries,
               const std::string& key, SequenceNumber at) {
  const auto hit = table.Get(key, at);
  ASSERT_TRUE(hit.ok()) << hit.status();
  const std::optional<OwnedEntry> expected = Model(entries).Get(key, at);
  ASSERT_EQ(hit->has_value(), expected.has_value());
  if (expected) {
    ASSERT_EQ(Own((*hit)->entry), *expected);
    ASSERT_TRUE(table.MayContain(key));
  }
}

void ExpectSummary(const TableSummary& summary, const std::vector<OwnedEntry>& entries,
                   const std::string& bytes) {
  TableSummary expected;
  expected.file_bytes = bytes.size();
  expected.file_checksum = Crc32c(bytes);
  expected.smallest_key = entries.front().key;
  expected.largest_key = entries.back().key;
  expected.smallest_sequence = kMaxSequence;
  for (const OwnedEntry& entry : entries) {
    expected.smallest_sequence = std::min(expected.smallest_sequence, entry.sequence);
    expected.largest_sequence = std::max(expected.largest_sequence, entry.sequence);
    expected.tombstones += entry.kind == EntryKind::kDelete ? 1 : 0;
    expected.raw_bytes += entry.key.size() + entry.value.size();
  }
  EXPECT_EQ(summary.file_bytes, expected.file_bytes);
  EXPECT_EQ(summary.file_checksum, expected.file_checksum);
  EXPECT_EQ(summary.smallest_key, expected.smallest_key);
  EXPECT_EQ(summary.largest_key, expected.largest_key);
  EXPECT_EQ(summary.smallest_sequence, expected.smallest_sequence);
  EXPECT_EQ(summary.largest_sequence, expected.largest_sequence);
  EXPECT_EQ(summary.entries, entries.size());
  EXPECT_EQ(summary.tombstones, expected.tombstones);
  EXPECT_EQ(summary.raw_bytes, expected.raw_bytes);
}

void ExpectTableIsItsEntries(const Shape& shape) {
  SCOPED_TRACE(testing::Message() << "seed " << shape.seed << ", " << shape.entries
                                  << " entries, blocks of " << shape.options.block_bytes);
  const std::vector<OwnedEntry> entries = RandomEntries(shape);
  const BuiltTable built = BuildTable(entries, shape.options);
  ExpectSummary(built.summary, entries, built.bytes);

  BlockCache cache(uint64_t{1} << 20);
  auto table = OpenTable(built.bytes, cache, shape.lends);
  ASSERT_TRUE(table.ok()) << table.status();
  ExpectSummary((*table)->properties(), entries, built.bytes);
  ASSERT_TRUE((*table)->Verify().ok()) << (*table)->Verify();

  Random random(shape.seed + 1);
  for (const bool fill_cache : {true, false}) {
    const auto iterator = (*table)->NewIterator(fill_cache);
    ASSERT_NO_FATAL_FAILURE(ExpectScans(*iterator, entries));
    for (int probe = 0; probe < 400; ++probe) {
      const bool known = random.Below(2) == 0;
      const OwnedEntry& near = entries[random.Below(entries.size())];
      const std::string key = known ? near.key : random.Key();
      const SequenceNumber sequence =
          random.Below(3) == 0 ? kMaxSequence : near.sequence + random.Below(3) - 1;
      ASSERT_NO_FATAL_FAILURE(ExpectSeeks(*iterator, entries, key, sequence, random));
      ASSERT_NO_FATAL_FAILURE(ExpectGet(**table, entries, key, sequence));
    }
  }
}

TEST(TableTest, AnswersAsTheSortedListOfItsEntries) {
  uint32_t seed = 1;
  for (const uint32_t block_bytes : {1024U, 4096U, 65536U}) {
    for (const bool lz4 : {false, true}) {
      for (const bool lends : {false, true}) {
        for (const size_t entries : {1U, 2U, 40U, 3000U}) {
          ExpectTableIsItsEntries({.seed = ++seed,
                                   .entries = entries,
                                   .options = {.block_bytes = block_bytes, .lz4 = lz4},
                                   .lends = lends});
        }
      }
    }
  }
}

TEST(TableTest, FindsEveryVersionWhereOneKeyFillsManyBlocks) {
  for (uint32_t seed = 100; seed < 106; ++seed) {
    ExpectTableIsItsEntries({.seed = seed,
                             .entries = 2000,
                             .most_versions = seed % 2 == 0 ? 300 : 20,
                             .options = {.block_bytes = 1024, .lz4 = seed % 3 == 0},
                             .lends = seed % 2 == 0});
  }
}

TEST(TableTest, FindsBothEndsWhateverTheNumberOfBlocks) {
  std::vector<OwnedEntry> entries;
  BlockCache cache(uint64_t{1} << 20);
  for (int blocks = 1; blocks <= 600; ++blocks) {
    entries.push_back({std::to_string(1000 + blocks), 1, EntryKind::kPut, "v"});
    const auto table = OpenTable(BuildTable(entries, {.block_bytes = 1}).bytes, cache);
    ASSERT_TRUE(table.ok());
    const auto iterator = (*table)->NewIterator(false);
    for (const std::string& key : {entries.front().key, entries.back().key, std::string("zz")}) {
      const size_t position = Model(entries).LowerBound(key, 1);
      iterator->Seek(key, 1);
      ASSERT_NO_FATAL_FAILURE(ExpectAt(*iterator, entries, position)) << blocks;
      iterator->SeekBefore(key, 1);
      ASSERT_NO_FATAL_FAILURE(ExpectAt(*iterator, entries, position - 1)) << blocks;
    }
  }
}

TEST(TableTest, HoldsValuesLargerThanBlocks) {
  for (uint32_t seed = 200; seed < 204; ++seed) {
    ExpectTableIsItsEntries({.seed = seed,
                             .entries = 300,
                             .huge_value_bytes = size_t{300} << 10,
                             .options = {.lz4 = seed % 2 == 0},
                             .lends = seed < 202});
  }
}

TEST(TableTest, WorksWithoutAFilter) {
  ExpectTableIsItsEntries({.seed = 300, .entries = 500, .options = {.bloom_bits_per_key = 0}});
}

}  // namespace
}  // namespace lumen
