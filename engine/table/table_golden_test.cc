// Goal: the format on disk stays what docs/file_formats.md#sstable says. Method: a table in
// annotated hex, worked out apart from this code, is read, reproduced byte for byte, and dumped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <string>

#include "engine/table/table.h"
#include "engine/table/table_testing.h"
#include "engine/table_inspect.h"

namespace lumen {
namespace {

using table_testing::OwnedEntry;
using table_testing::StringReadFile;
using testing::ElementsAre;
using testing::HasSubstr;

// Pairs of hex digits; '#' begins a comment.
std::string ReadHex(const std::string& name) {
  std::ifstream file(std::string(LUMEN_TABLE_TESTDATA) + "/" + name);
  EXPECT_TRUE(file.good());
  std::string digits;
  for (std::string line; std::getline(file, line);) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) digits.push_back(c);
    }
  }
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<OwnedEntry> GoldenEntries() {
  return {{"apple", 7, EntryKind::kPut, "red"},
          {"apply", 4, EntryKind::kDelete, ""},
          {"b", 9, EntryKind::kPut, "nine times nine is 81"},
          {"b", 3, EntryKind::kPut, "three"},
          {"banana", 5, EntryKind::kPut, "yellow"}};
}

// One file and nothing else.
class OneFileSystem final : public FileSystem {
 public:
  explicit OneFileSystem(std::string bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<std::unique_ptr<ReadFile>> OpenReadFile(const std::string& path) override {
    if (path != "d/small.sst") return absl::NotFoundError(path + ": no such file");
    return std::make_unique<StringReadFile>(bytes_, false);
  }
  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string&) override {
    return Refused();
  }
  absl::Status Rename(const std::string&, const std::string&) override { return Refused(); }
  absl::Status Link(const std::string&, const std::string&) override { return Refused(); }
  absl::Status Remove(const std::string&) override { return Refused(); }
  absl::Status CreateDirectory(const std::string&) override { return Refused(); }
  absl::Status RemoveDirectory(const std::string&) override { return Refused(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return Refused(); }
  absl::Status SyncDirectory(const std::string&) override { return Refused(); }
  absl::StatusOr<bool> Exists(const std::string&) override { return Refused(); }
  absl::StatusOr<uint64_t> FileSize(const std::string&) override { return Refused(); }
  absl::StatusOr<uint64_t> FreeSpace(const std::string&) override { return Refused(); }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string&, std::string_view) override {
    return Refused();
  }

 private:
  static absl::Status Refused() { return absl::PermissionDeniedError("only reads"); }
  const std::string bytes_;
};

std::vector<std::string> Dump(const std::string& bytes, const TableTextOptions& options,
                              absl::Status* status = nullptr) {
  OneFileSystem file_system(bytes);
  std::vector<std::string> lines;
  const absl::Status dumped =
      DumpTableAsText(file_system, "d/small.sst", options,
                      [&lines](std::string_view line) { lines.emplace_back(line); });
  if (status == nullptr) {
    EXPECT_TRUE(dumped.ok()) << dumped;
  } else {
    *status = dumped;
  }
  return lines;
}

TEST(TableGoldenTest, TheReaderAcceptsTheTable) {
  BlockCache cache(uint64_t{1} << 20);
  const auto table = table_testing::OpenTable(ReadHex("small.sst.hex"), cache);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE((*table)->Verify().ok()) << (*table)->Verify();
  const auto iterator = (*table)->NewIterator(true);
  std::vector<OwnedEntry> read;
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    read.push_back(table_testing::Own(iterator->entry()));
  }
  EXPECT_EQ(read, GoldenEntries());
  EXPECT_EQ((*(*table)->Get("b", 8))->entry.value, "three");
}

TEST(TableGoldenTest, TheBuilderReproducesTheTable) {
  EXPECT_EQ(table_testing::BuildTable(GoldenEntries(), {.block_bytes = 64}).bytes,
            ReadHex("small.sst.hex"));
}

TEST(TableGoldenTest, TheDumpShowsTheTable) {
  EXPECT_THAT(
      Dump(ReadHex("small.sst.hex"), {.entries = true, .shown_bytes = 10}),
      ElementsAre(
          HasSubstr("footer: format 1, readable since format 1, 399 bytes, checksum "),
          "sections: data at 0, filter at 167, index at 237, properties at 261, footer at 335",
          "properties: 5 entries, 1 tombstones, 53 bytes of keys and values, sequences 3 to 9",
          "keys: \"apple\" to \"banana\"", "blocks: 3 of up to 64 bytes, 10 filter bits a key",
          "filter: 1 lines of 64 bytes, 6 probes a key",
          "block 0: offset 0, 54 bytes, 2 entries, common prefix \"appl\"",
          "  7 put \"apple\" = \"red\"", "  4 delete \"apply\"",
          "block 1: offset 54, 51 bytes, from \"b\", 1 entries, common prefix \"b\"",
          "  9 put \"b\" = \"nine times\"... 21 bytes",
          "block 2: offset 105, 62 bytes, from \"b\" at sequence 3, 2 entries, common prefix \"b\"",
          "  3 put \"b\" = \"three\"", "  5 put \"banana\" = \"yellow\""));
}

TEST(TableGoldenTest, TheDumpGoesOnBehindADamagedBlock) {
  std::string bytes = ReadHex("small.sst.hex");
  bytes[60] = static_cast<char>(bytes[60] ^ 1);
  absl::Status status;
  const std::vector<std::string> lines = Dump(bytes, {}, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("d/small.sst: offset 54: broken rule: "));
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_THAT(lines[7], HasSubstr("block 1: offset 54, 51 bytes, from \"b\": d/small.sst: offset"));
  EXPECT_THAT(lines[8], HasSubstr("block 2: offset 105"));
}

TEST(TableGoldenTest, VerifyTableTellsGoodFromDamagedAndMissing) {
  std::string bytes = ReadHex("small.sst.hex");
  OneFileSystem good(bytes);
  EXPECT_TRUE(VerifyTable(good, "d/small.sst").ok());
  EXPECT_EQ(VerifyTable(good, "d/other.sst").code(), absl::StatusCode::kNotFound);
  bytes[200] = static_cast<char>(bytes[200] ^ 1);
  OneFileSystem damaged(bytes);
  EXPECT_EQ(VerifyTable(damaged, "d/small.sst").code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace lumen
