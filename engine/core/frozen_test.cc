// Goal: today's engine opens what version 0.1.0 wrote, and finds every key as it was. Method: a
// data directory kept in testdata, with tables on several levels, a sealed WAL segment and a torn
// one (its README says what), copied into memory and opened twice.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/format/crc32c.h"

namespace lumen {
namespace {

constexpr char kDatabase[] = LUMEN_CORE_TESTDATA "/frozen_0_1_0/db";
constexpr char kContent[] = LUMEN_CORE_TESTDATA "/frozen_0_1_0/content.txt";
constexpr char kChecksums[] = LUMEN_CORE_TESTDATA "/frozen_0_1_0/checksums.txt";

using Files = std::map<std::string, std::string>;

std::string BytesOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Files FrozenFiles() {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(kDatabase)) {
    files[entry.path().filename().string()] = BytesOf(entry.path());
  }
  return files;
}

// Of a line of content.txt; a key that is absent has neither.
struct Expected {
  uint64_t sequence = 0;
  std::optional<std::string> value;
};

std::map<std::string, Expected> ExpectedContent() {
  std::map<std::string, Expected> all;
  std::ifstream file(kContent);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("absent ")) {
      all[line.substr(7)] = {};
      continue;
    }
    const size_t key = line.find(' ', 4) + 1;
    const size_t tab = line.find('\t');
    Expected put{0, line.substr(tab + 1)};
    EXPECT_TRUE(line.starts_with("put ") &&
                absl::SimpleAtoi(line.substr(4, key - 5), &put.sequence))
        << line;
    all[line.substr(key, tab - key)] = put;
  }
  return all;
}

std::unique_ptr<MemoryFileSystem> CopyOf(const Files& files) {
  auto copy = std::make_unique<MemoryFileSystem>();
  EXPECT_TRUE(copy->CreateDirectory("/db").ok());
  for (const auto& [name, bytes] : files) EXPECT_TRUE(copy->WriteWhole("/db/" + name, bytes).ok());
  return copy;
}

void ExpectWhole(Engine& engine) {
  Content content;
  for (const auto& [key, expected] : ExpectedContent()) {
    const auto got = engine.Get(key);
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_EQ(got->has_value(), expected.value.has_value()) << key;
    if (!expected.value.has_value()) continue;
    EXPECT_EQ((*got)->value, *expected.value) << key;
    EXPECT_EQ((*got)->sequence, expected.sequence) << key;
    content[key] = *expected.value;
  }
  EXPECT_EQ(*ReadContent(engine), content);
}

TEST(FrozenTest, NobodyHasWrittenTheFilesAnew) {
  Files sums;
  std::ifstream file(kChecksums);
  for (std::string sum, size, name; file >> sum >> size >> name;) sums[name] = sum + " " + size;
  Files found;
  for (const auto& [name, bytes] : FrozenFiles()) {
    found[name] = absl::StrCat(absl::Hex(Crc32c(bytes), absl::kZeroPad8), " ", bytes.size());
  }
  EXPECT_EQ(found, sums);
  EXPECT_EQ(sums.size(), 16u);
}

TEST(FrozenTest, OpensWithEveryKeyAndOpensAgain) {
  const Files before = FrozenFiles();
  const auto files = CopyOf(before);
  TestDatabase database(*files, 1);
  ASSERT_TRUE(database.Open().ok());
  EXPECT_TRUE(database.engine().GetStats().recovered_torn_tail);
  EXPECT_EQ(database.engine().GetStats().recovered_segments, 2u);
  ExpectWhole(database.engine());

  ASSERT_TRUE(database.Open().ok());
  ExpectWhole(database.engine());
  ASSERT_TRUE(database.engine().Compact().ok());
  ExpectWhole(database.engine());
  EXPECT_EQ(FrozenFiles(), before);
}

// What was frozen is not merely read: it is a database that works on.
TEST(FrozenTest, TakesNewWritesAndCrashes) {
  auto files = CopyOf(FrozenFiles());
  {
    TestDatabase database(*files, 2);
    ASSERT_TRUE(database.Open().ok());
    const uint64_t before = database.engine().GetStats().visible_sequence;
    EXPECT_GE(before, 634u);
    ASSERT_TRUE(database.Write({{"new", "1"}, {"empty", std::nullopt}}, Durability::kSync).ok());
    EXPECT_GT((*database.engine().Get("new"))->sequence, before);
    files = files->CrashCopy(Crash::kPowerLoss);
  }
  TestDatabase database(*files, 3);
  ASSERT_TRUE(database.Open().ok());
  EXPECT_EQ((*database.engine().Get("new"))->value, "1");
  EXPECT_FALSE((*database.engine().Get("empty")).has_value());
  EXPECT_EQ((*database.engine().Get("last synced"))->value, "yes");
}

}  // namespace
}  // namespace lumen
