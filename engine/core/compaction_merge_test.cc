// Goal: outputs of a compaction are cut where its grandparents ask for it, and never without an
// entry. Method: tables written by hand, merged to the end.
#include "engine/core/compaction_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/core/table_check.h"
#include "engine/core/table_output.h"
#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"
#include "engine/table/table_parts_testing.h"

namespace lumen {
namespace {

class CompactionMergeTest : public testing::Test {
 protected:
  CompactionMergeTest() : context_(TinyTables(), "/db", environment_.environment()) {
    CHECK(context_.files.CreateDirectory("/db").ok());
  }
  ~CompactionMergeTest() override { context_.background.Stop(); }

  static Options TinyTables() {
    Options options;
    options.table_bytes = 64;  // each table is larger than ten of these
    return options;
  }

  TablePtr MakeTable(int level, const std::vector<Entry>& entries) {
    auto output = TableOutput::Create(context_, context_.TableOptionsFor(level, 1));
    CHECK(output.ok());
    for (const Entry& entry : entries) CHECK((*output)->Add(entry).ok());
    CHECK((*output)->Finish().ok());
    CHECK((*output)->Sync().ok());
    auto table = context_.OpenTable((*output)->record(level));
    CHECK(table.ok());
    return *table;
  }

  std::vector<TableRecord> Merge(const Compaction& compaction) {
    std::vector<Level> levels(Version::kLevels);
    levels[static_cast<size_t>(compaction.level)] = compaction.upper;
    levels[static_cast<size_t>(compaction.output_level) + 1] = compaction.grandparents;
    CompactionMerge merge(context_, std::make_shared<const Version>(levels), compaction, {100});
    while (true) {
      const absl::StatusOr<bool> finished = merge.Advance();
      CHECK(finished.ok());
      if (*finished) return merge.TakeOutputs();
    }
  }

  MemoryFileSystem files_;
  SimulatedEnvironment environment_{1, files_};
  EngineContext context_;
};

TEST_F(CompactionMergeTest, GrandparentsBeforeAnOutputsFirstKeyDoNotCutIt) {
  const std::string big(600, 'v');
  Compaction compaction{.level = 1, .output_level = 2};
  // The tombstone is dropped: nothing below can hold its key. The first output begins behind the
  // grandparents.
  compaction.upper = {
      MakeTable(1, {{"a", 9, EntryKind::kDelete, ""}, {"z", 8, EntryKind::kPut, "value"}})};
  compaction.grandparents = {MakeTable(3, {{"b", 1, EntryKind::kPut, big}}),
                             MakeTable(3, {{"c", 2, EntryKind::kPut, big}})};
  const std::vector<TableRecord> outputs = Merge(compaction);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].summary.smallest_key, "z");
  EXPECT_EQ(outputs[0].summary.entries, 1u);
}

TEST_F(CompactionMergeTest, AnInputOutOfOrderIsNamedThoughItsChecksumsAreGood) {
  const TablePtr good = MakeTable(1, {{"a1111b", 9, EntryKind::kPut, "1"},
                                      {"a1111c", 8, EntryKind::kPut, "2"},
                                      {"b", 7, EntryKind::kPut, "3"}});
  TableRecord record = good->record();
  const std::string path = context_.Path(TableFileName(record.number));
  auto parts = table_testing::TableParts::Disassemble(*files_.ReadWhole(path));
  ASSERT_TRUE(parts.has_value());
  std::string& block = parts->blocks[0].payload;
  const size_t first = block.find("a1111b");
  const size_t second = block.find("a1111c");
  ASSERT_NE(std::max(first, second), std::string::npos);
  std::swap(block[first + 5], block[second + 5]);
  ASSERT_TRUE(files_.WriteWhole(path, parts->Assemble()).ok());
  record.summary.file_checksum = ReadTableSummary(context_.files, path)->file_checksum;
  Compaction compaction{.level = 1, .output_level = 2};
  compaction.upper = {*context_.OpenTable(record)};
  CompactionMerge merge(context_,
                        std::make_shared<const Version>(std::vector<Level>(Version::kLevels)),
                        compaction, {100});
  absl::StatusOr<bool> finished = false;
  while (finished.ok() && !*finished) finished = merge.Advance();
  EXPECT_TRUE(absl::IsDataLoss(finished.status())) << finished.status();
  EXPECT_THAT(std::string(finished.status().message()), testing::HasSubstr(path));
  EXPECT_THAT(std::string(finished.status().message()), testing::HasSubstr("entries ascend"));
}

TEST_F(CompactionMergeTest, GrandparentsWithinAnOutputCutIt) {
  const std::string big(600, 'v');
  Compaction compaction{.level = 1, .output_level = 2};
  compaction.upper = {
      MakeTable(1, {{"a", 9, EntryKind::kPut, ""}, {"z", 8, EntryKind::kPut, "value"}})};
  compaction.grandparents = {MakeTable(3, {{"b", 1, EntryKind::kPut, big}}),
                             MakeTable(3, {{"c", 2, EntryKind::kPut, big}})};
  EXPECT_EQ(Merge(compaction).size(), 2u);
}

}  // namespace
}  // namespace lumen
