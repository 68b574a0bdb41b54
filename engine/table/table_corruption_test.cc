// Goal: no damaged byte and no missing tail is ever served as data; what is found names file,
// offset and rule. Method: every byte of small tables under several flips, every truncation, each
// against a verdict worked out from the layout alone; then tables whose checksums are right and
// whose content breaks one rule each, every rule once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "engine/base/status.h"
#include "engine/table/table.h"
#include "engine/table/table_parts_testing.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

using table_testing::BuildTable;
using table_testing::OpenTable;
using table_testing::Own;
using table_testing::OwnedEntry;
using table_testing::StoredPart;
using table_testing::TableParts;
using testing::HasSubstr;

// Three blocks, versions of "key-c" straddling the last two.
std::vector<OwnedEntry> SmallEntries() {
  return {{"key-a", 3, EntryKind::kPut, std::string(40, 'a')},
          {"key-b", 9, EntryKind::kDelete, ""},
          {"key-b", 4, EntryKind::kPut, "b"},
          {"key-bee", 5, EntryKind::kPut, std::string(30, '\0')},
          {"key-c", 8, EntryKind::kPut, std::string(40, 'c')},
          {"key-c", 7, EntryKind::kPut, std::string(40, 'd')},
          {"key-c", 6, EntryKind::kPut, std::string(40, 'e')},
          {"key-d", 2, EntryKind::kPut, "d"}};
}

struct SmallTable {
  std::vector<OwnedEntry> entries;
  std::string bytes;
  TableParts parts;
  TableParts::Layout layout;
};

SmallTable MakeSmallTable(bool lz4) {
  SmallTable table;
  table.entries = SmallEntries();
  table.bytes = BuildTable(table.entries, {.block_bytes = 160, .lz4 = lz4}).bytes;
  table.parts = *TableParts::Disassemble(table.bytes);
  CHECK(table.parts.Assemble(&table.layout) == table.bytes);
  CHECK(table.layout.blocks.size() >= 3);
  return table;
}

std::string OffsetText(uint64_t offset) { return "t.sst: offset " + std::to_string(offset) + ": "; }

void ExpectDataLoss(const absl::Status& status, uint64_t offset) {
  ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  const std::string message(status.message());
  ASSERT_THAT(message, HasSubstr(OffsetText(offset)));
  ASSERT_THAT(message, HasSubstr("broken rule: "));
  ASSERT_THAT(message, HasSubstr("run `lumen sst verify t.sst`"));
}

// Where damage at `position` must be reported.
uint64_t SectionOf(const TableParts::Layout& layout, uint64_t position) {
  if (position >= layout.footer) return layout.footer;
  if (position >= layout.properties) return layout.properties;
  if (position >= layout.index) return layout.index;
  if (position >= layout.filter) return layout.filter;
  return *(std::upper_bound(layout.blocks.begin(), layout.blocks.end(), position) - 1);
}

// Every entry is found as it is, or DATA_LOSS is reported at `damaged`; at least once.
void ExpectGetsAvoid(const TableReader& table, const std::vector<OwnedEntry>& entries,
                     uint64_t damaged) {
  int reported = 0;
  for (const OwnedEntry& entry : entries) {
    const auto hit = table.Get(entry.key, entry.sequence);
    if (!hit.ok()) {
      ++reported;
      ASSERT_NO_FATAL_FAILURE(ExpectDataLoss(hit.status(), damaged));
      continue;
    }
    ASSERT_TRUE(hit->has_value());
    ASSERT_EQ(Own((*hit)->entry), entry);
  }
  ASSERT_GT(reported, 0);
}

void ExpectScansStopAt(const TableReader& table, const std::vector<OwnedEntry>& entries,
                       uint64_t damaged, bool fill_cache) {
  const auto iterator = table.NewIterator(fill_cache);
  size_t forward = 0;
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    ASSERT_EQ(Own(iterator->entry()), entries[forward++]);
  }
  ASSERT_NO_FATAL_FAILURE(ExpectDataLoss(iterator->status(), damaged));
  size_t backward = entries.size();
  for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
    ASSERT_EQ(Own(iterator->entry()), entries[--backward]);
  }
  ASSERT_NO_FATAL_FAILURE(ExpectDataLoss(iterator->status(), damaged));
  ASSERT_LT(forward, backward);
}

void ExpectDamageFound(const SmallTable& intact, const std::string& bytes, uint64_t section,
                       bool lends) {
  BlockCache cache(uint64_t{1} << 20);
  const auto table = OpenTable(bytes, cache, lends);
  if (section >= intact.layout.filter) {
    ASSERT_NO_FATAL_FAILURE(ExpectDataLoss(table.status(), section));
    return;
  }
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_NO_FATAL_FAILURE(ExpectDataLoss((*table)->Verify(), section));
  ASSERT_NO_FATAL_FAILURE(ExpectGetsAvoid(**table, intact.entries, section));
  ASSERT_NO_FATAL_FAILURE(ExpectScansStopAt(**table, intact.entries, section, true));
  ASSERT_NO_FATAL_FAILURE(ExpectScansStopAt(**table, intact.entries, section, false));
}

TEST(TableCorruptionTest, EveryFlippedByteIsFoundInItsSection) {
  for (const bool lz4 : {false, true}) {
    const SmallTable table = MakeSmallTable(lz4);
    for (size_t position = 0; position < table.bytes.size(); ++position) {
      for (const int flip : {0x01, 0x80, 0xff, 0x20}) {
        std::string bytes = table.bytes;
        bytes[position] = static_cast<char>(bytes[position] ^ flip);
        SCOPED_TRACE(testing::Message() << "byte " << position << " ^ " << flip << ", lz4 " << lz4);
        ASSERT_NO_FATAL_FAILURE(
            ExpectDamageFound(table, bytes, SectionOf(table.layout, position), position % 2 == 0));
      }
    }
  }
}

TEST(TableCorruptionTest, NoTruncationOpens) {
  const SmallTable table = MakeSmallTable(false);
  for (size_t length = 0; length < table.bytes.size(); ++length) {
    BlockCache cache(0);
    const auto opened = OpenTable(table.bytes.substr(0, length), cache, length % 2 == 0);
    ASSERT_NO_FATAL_FAILURE(ExpectDataLoss(opened.status(), length < 64 ? 0 : length - 64));
  }
}

TEST(TableCorruptionTest, NoAddedByteOpens) {
  const SmallTable table = MakeSmallTable(false);
  BlockCache cache(0);
  for (const char added : {'\0', '\xff'}) {
    EXPECT_FALSE(OpenTable(table.bytes + added, cache).ok());
    EXPECT_FALSE(OpenTable(added + table.bytes, cache).ok());
  }
  // The footer knows its place, even where another table's tail is a whole table.
  EXPECT_FALSE(OpenTable(table.bytes + table.bytes, cache).ok());
}

TEST(TableCorruptionTest, ABlockReadFromAnotherPlaceDoesNotVerify) {
  std::vector<OwnedEntry> entries;
  for (char key = 'a'; key < 'e'; ++key) {
    entries.push_back({std::string(1, key), 1, EntryKind::kPut, std::string(50, 'v')});
  }
  const std::string bytes = BuildTable(entries, {.block_bytes = 1}).bytes;
  TableParts::Layout layout;
  (void)TableParts::Disassemble(bytes)->Assemble(&layout);
  const uint64_t length = layout.blocks[1];
  ASSERT_EQ(layout.blocks[2], 2 * length);
  std::string misdirected = bytes;
  misdirected.replace(length, length, bytes.substr(2 * length, length));
  BlockCache cache(uint64_t{1} << 20);
  const auto table = OpenTable(misdirected, cache);
  ASSERT_TRUE(table.ok());
  ExpectDataLoss((*table)->Get("b", 1).status(), length);
  EXPECT_TRUE((*table)->Get("c", 1).ok());
}

TEST(TableCorruptionTest, AReadErrorIsPassedOnAndNotCached) {
  const SmallTable small = MakeSmallTable(false);
  table_testing::ReadCounters counters;
  BlockCache cache(uint64_t{1} << 20);
  const auto table = OpenTable(small.bytes, cache, false, &counters);
  ASSERT_TRUE(table.ok());
  counters.fail = true;
  EXPECT_EQ((*table)->Get("key-a", 3).status().code(), absl::StatusCode::kInternal);
  const auto iterator = (*table)->NewIterator(false);
  iterator->SeekToFirst();
  EXPECT_FALSE(iterator->valid());
  EXPECT_EQ(iterator->status().code(), absl::StatusCode::kInternal);
  counters.fail = false;
  iterator->SeekToFirst();
  EXPECT_TRUE(iterator->valid());
  EXPECT_TRUE((*table)->Get("key-a", 3)->has_value());
}

// --- Right checksums, wrong content. ---

struct RuleCase {
  std::string_view rule;
  enum class Place { kData, kFilter, kIndex, kProperties, kFooter } place;
  std::function<void(TableParts&)> damage;
};

template <typename T>
void Poke(std::string& bytes, size_t at, T value) {
  StoreFixed(bytes.data() + at, value);
}

// The index with its separators' blob and lengths as the cases need them.
std::string IndexPayload(uint32_t count, std::string_view records) {
  std::string payload;
  AppendFixed(payload, count);
  AppendLengthPrefixed(payload, "");
  payload += records;
  return payload;
}

constexpr auto kData = RuleCase::Place::kData;
constexpr auto kFilter = RuleCase::Place::kFilter;
constexpr auto kIndex = RuleCase::Place::kIndex;
constexpr auto kProperties = RuleCase::Place::kProperties;
constexpr auto kFooter = RuleCase::Place::kFooter;

// Of blocks[0] of SmallTable: 8 bytes of header, 4 heads, 4 offsets of 2 bytes, "key-", entries.
constexpr size_t kHeads = 8;
constexpr size_t kOffsets = 8 + 4 * 4;
constexpr size_t kPrefix = kOffsets + 4 * 2;
constexpr size_t kEntries = kPrefix + 4;

std::string Record(uint64_t length, std::string_view key) {
  std::string record;
  AppendVarint(record, length);
  AppendVarint(record, uint64_t{key.size()} << 1);
  record += key;
  return record;
}

std::string Length(uint64_t length) {
  std::string bytes;
  AppendVarint(bytes, length);
  return bytes;
}

uint64_t StoredBytes(const TableParts& parts, size_t block) {
  return parts.blocks[block].payload.size() + 5;
}

std::vector<RuleCase> OpenRules() {
  return {
      {"every section holds a block", kFooter, [](TableParts& p) { p.filter.payload.clear(); }},
      {"the footer's reserved bytes are zero", kFooter, [](TableParts& p) { p.reserved = 1; }},
      {"the properties hold their fields and nothing else", kProperties,
       [](TableParts& p) { p.properties.payload += '\0'; }},
      {"tombstones are entries", kProperties,
       [](TableParts& p) { Poke(p.properties.payload, 8, uint64_t{9}); }},
      {"every data block holds an entry", kProperties,
       [](TableParts& p) { Poke(p.properties.payload, 40, uint64_t{9}); }},
      {"the sequence range is a range", kProperties,
       [](TableParts& p) { Poke(p.properties.payload, 32, uint64_t{1}); }},
      {"the key range is a range", kProperties,
       [](TableParts& p) { p.properties.payload.back() = 'A'; }},
      {"only data blocks are compressed", kIndex, [](TableParts& p) { p.index.compression = 1; }},
      {"the index holds a block count and a prefix", kIndex,
       [](TableParts& p) { p.index.payload.resize(4); }},
      {"the index holds a record for every block", kIndex,
       [](TableParts& p) { Poke(p.index.payload, 0, uint32_t{0}); }},
      {"the index's blocks lie in the data section", kIndex,
       [](TableParts& p) { p.index.payload = IndexPayload(1, Length(1 << 20)); }},
      {"the index holds a separator for every block but the first", kIndex,
       [](TableParts& p) { p.index.payload = IndexPayload(2, Length(50) + Length(60)); }},
      {"a separator that continues a key holds a sequence", kIndex,
       [](TableParts& p) {
         p.index.payload = IndexPayload(2, Length(50) + Length(60) + std::string("\3k", 2));
       }},
      {"the index ends with its last block", kIndex,
       [](TableParts& p) { p.index.payload += '\0'; }},
      {"the index's blocks fill the data section", kIndex,
       [](TableParts& p) { p.index.payload = IndexPayload(1, Length(50)); }},
      {"separators ascend", kIndex,
       [](TableParts& p) {
         p.index.payload =
             IndexPayload(3, Length(StoredBytes(p, 0)) + Record(StoredBytes(p, 1), "key-c") +
                                 Record(StoredBytes(p, 2), "key-c"));
       }},
      {"index and properties count the same blocks", kIndex,
       [](TableParts& p) { Poke(p.properties.payload, 40, uint64_t{2}); }},
      {"separators lie in the table's key range", kIndex,
       [](TableParts& p) {
         p.index.payload =
             IndexPayload(3, Length(StoredBytes(p, 0)) + Record(StoredBytes(p, 1), "key-c") +
                                 Record(StoredBytes(p, 2), "key-e"));
       }},
      {"a filter is whole lines and the number of probes", kFilter,
       [](TableParts& p) { p.filter.payload += '\0'; }},
      {"a filter with lines has 1 to 30 probes, one without has none", kFilter,
       [](TableParts& p) { p.filter.payload.back() = 31; }},
  };
}

// Found when the first block is read.
std::vector<RuleCase> BlockRules() {
  const auto poke = [](size_t at, auto value) {
    return [at, value](TableParts& p) { Poke(p.blocks[0].payload, at, value); };
  };
  return {
      {"a block's compression is 0 or 1", kData,
       [](TableParts& p) { p.blocks[0].compression = 2; }},
      {"a compressed block expands to the length it states", kData,
       [](TableParts& p) { p.blocks[0].compression = 1; }},
      {"a data block has wide offsets exactly where it is longer than 65535 bytes", kData,
       poke(0, uint32_t{4 | 1U << 31})},
      {"a data block holds its slots and its prefix", kData, poke(4, uint32_t{1000})},
      {"an entry's offset is the end of the entry before it", kData,
       poke(kOffsets + 2, uint16_t{0xffff})},
      {"an entry lies in its block", kData, poke(kEntries + 1, uint8_t{0x7f})},
      {"an entry is a put, or a delete without a value", kData, poke(kEntries + 2, uint8_t{2})},
      {"an entry is a put, or a delete without a value", kData, poke(kEntries + 2, uint8_t{3})},
      {"an entry's head is the start of its suffix", kData, poke(kHeads, uint32_t{0})},
      {"heads ascend", kData,
       [](TableParts& p) {
         p.blocks[0].payload[kHeads + 3] = 'z';
         p.blocks[0].payload[kEntries + 2 + 8] = 'z';
       }},
      {"the last entry ends with its block", kData,
       [](TableParts& p) {
         // The last value loses a byte that the block keeps.
         const auto last = LoadFixed<uint16_t>(p.blocks[0].payload.data() + kOffsets + 6);
         p.blocks[0].payload[last + 1] = static_cast<char>(p.blocks[0].payload[last + 1] - 1);
       }},
  };
}

// Found by Verify alone: each block is well-formed.
std::vector<RuleCase> VerifyRules() {
  return {
      {"a block of several entries keeps to its size", kData,
       [](TableParts& p) { Poke(p.properties.payload, 48, uint32_t{100}); }},
      {"entries ascend", kData,
       [](TableParts& p) {
         // The two versions of key-b: 9, 4. Make the newer one the older.
         const auto newer = LoadFixed<uint16_t>(p.blocks[0].payload.data() + kOffsets + 2);
         p.blocks[0].payload[newer + 3u] = 1;
       }},
      {"the filter lets every key through", kData,
       [](TableParts& p) {
         std::fill(p.filter.payload.begin(), p.filter.payload.end() - 1, '\0');
       }},
      {"the properties describe the entries", kProperties,
       [](TableParts& p) { Poke(p.properties.payload, 16, uint64_t{1}); }},
  };
}

uint64_t OffsetOf(const TableParts::Layout& layout, RuleCase::Place place) {
  switch (place) {
    case kData:
      return 0;
    case kFilter:
      return layout.filter;
    case kIndex:
      return layout.index;
    case kProperties:
      return layout.properties;
    case kFooter:
      return layout.footer;
  }
  return 0;
}

absl::Status OpenAndRead(const std::string& bytes, bool verify) {
  BlockCache cache(uint64_t{1} << 20);
  ASSIGN_OR_RETURN(const auto table, OpenTable(bytes, cache));
  return verify ? table->Verify() : table->Get("key-a", 3).status();
}

void ExpectRulesFire(const std::vector<RuleCase>& cases, bool verify) {
  const SmallTable small = MakeSmallTable(false);
  ASSERT_TRUE(OpenAndRead(small.bytes, verify).ok());
  for (const RuleCase& rule : cases) {
    SCOPED_TRACE(std::string(rule.rule));
    TableParts parts = small.parts;
    rule.damage(parts);
    TableParts::Layout layout;
    const std::string bytes = parts.Assemble(&layout);
    const absl::Status status = OpenAndRead(bytes, verify);
    ExpectDataLoss(status, OffsetOf(layout, rule.place));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("broken rule: " + std::string(rule.rule) + ";"));
  }
}

TEST(TableCorruptionTest, EveryRuleOfOpenFires) { ExpectRulesFire(OpenRules(), false); }
TEST(TableCorruptionTest, EveryRuleOfADataBlockFires) { ExpectRulesFire(BlockRules(), false); }
TEST(TableCorruptionTest, EveryRuleOfVerifyFires) { ExpectRulesFire(VerifyRules(), true); }

TEST(TableCorruptionTest, ASeparatorThatDoesNotPartItsBlocksIsFoundByVerify) {
  const SmallTable small = MakeSmallTable(false);
  TableParts parts = small.parts;
  // A whole key before block 1, although block 1 begins with it.
  parts.index.payload =
      IndexPayload(3, Length(StoredBytes(parts, 0)) + Record(StoredBytes(parts, 1), "key-a") +
                          Record(StoredBytes(parts, 2), "key-c"));
  TableParts::Layout layout;
  const std::string bytes = parts.Assemble(&layout);
  const absl::Status status = OpenAndRead(bytes, true);
  ExpectDataLoss(status, layout.blocks[1]);
  EXPECT_THAT(std::string(status.message()), HasSubstr("separator parts a block"));
}

TEST(TableCorruptionTest, ANewerFormatIsNamedAndNotCalledDamage) {
  TableParts parts = MakeSmallTable(false).parts;
  parts.format_version = 3;
  EXPECT_TRUE(OpenAndRead(parts.Assemble(), true).ok());
  parts.oldest_reader_version = 2;
  const absl::Status status = OpenAndRead(parts.Assemble(), false);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("t.sst: table format 3 needs a reader"));
}

TEST(TableCorruptionTest, SectionsThatOverlapAreRefused) {
  const SmallTable small = MakeSmallTable(false);
  for (const size_t field : {size_t{0}, size_t{8}, size_t{16}, size_t{24}}) {
    for (const uint64_t value : {uint64_t{0}, small.layout.footer + 64, ~uint64_t{0}}) {
      if (field == 24 && value == small.bytes.size()) continue;
      std::string footer = small.bytes.substr(small.layout.footer, 60);
      Poke(footer, field, value);
      TableParts::SealFooter(footer, small.layout.footer);
      ExpectDataLoss(OpenAndRead(small.bytes.substr(0, small.layout.footer) + footer, false),
                     small.layout.footer);
    }
  }
}

TEST(TableCorruptionTest, AFooterOfAnotherBodyIsFoundByVerify) {
  const SmallTable small = MakeSmallTable(false);
  std::string footer = small.bytes.substr(small.layout.footer, 60);
  Poke(footer, 32, uint32_t{1});
  TableParts::SealFooter(footer, small.layout.footer);
  const absl::Status status =
      OpenAndRead(small.bytes.substr(0, small.layout.footer) + footer, true);
  ExpectDataLoss(status, 0);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the footer's checksum of it"));
}

}  // namespace
}  // namespace lumen
