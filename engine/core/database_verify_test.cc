// Goal: the check of a whole directory finds what an open would refuse, and what only reading every
// byte shows; and tells what is nobody's business. Method: a small database in memory, changed in
// one way a test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/core/crash_testing.h"
#include "engine/core/repair_testing.h"
#include "engine/core/version.h"
#include "engine/database_inspect.h"
#include "engine/manifest/manifest_file.h"
#include "engine/manifest/version_edit.h"

namespace lumen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DatabaseVerifyTest : public testing::Test {
 protected:
  DatabaseVerifyTest() : pristine_(1, "pamdwpFpawmpdwQpw"), files_(DurableCopy(pristine_.files())) {
    const absl::StatusOr<DatabaseReport> report = Verify();
    EXPECT_TRUE(report.ok()) << report.status();
    for (const VerifiedTable& table : report->tables) tables_.push_back(table.name);
  }

  absl::StatusOr<DatabaseReport> Verify() { return VerifyDatabase(*files_, "/db"); }
  // The report says that it is damaged, in such words.
  void ExpectDamage(const std::string& words) {
    const absl::StatusOr<DatabaseReport> report = Verify();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->verdict().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(report->verdict().message()), HasSubstr(words));
  }

  PristineDatabase pristine_;
  std::unique_ptr<MemoryFileSystem> files_;
  std::vector<std::string> tables_;
};

TEST_F(DatabaseVerifyTest, AWholeDatabaseIsSaidToBe) {
  ASSERT_GE(tables_.size(), 2u);
  uint64_t done = 0;
  uint64_t total = 0;
  const auto report = VerifyDatabase(*files_, "/db", [&](uint64_t d, uint64_t t) {
    EXPECT_GT(d, done);
    done = d;
    total = t;
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->verdict().ok()) << report->verdict();
  EXPECT_EQ(done, total);
  EXPECT_THAT(report->foreign, IsEmpty());
}

TEST_F(DatabaseVerifyTest, AFlippedBitAnywhereInATableIsFound) {
  const std::string path = "/db/" + tables_.front();
  const std::string whole = *files_->ReadWhole(path);
  for (size_t at = 0; at < whole.size(); at += 7) {
    ASSERT_TRUE(files_->Overwrite(path, at, std::string(1, static_cast<char>(whole[at] ^ 4))).ok());
    ExpectDamage(tables_.front());
    ASSERT_TRUE(files_->WriteWhole(path, whole).ok());
  }
}

TEST_F(DatabaseVerifyTest, AMissingTableAndAnotherOnesContentAreFound) {
  const std::string other = *files_->ReadWhole("/db/" + tables_.back());
  ASSERT_TRUE(files_->WriteWhole("/db/" + tables_.front(), other).ok());
  ExpectDamage("is another table than the one that the manifest describes");
  ASSERT_TRUE(files_->Remove("/db/" + tables_.front()).ok());
  ExpectDamage("the manifest names this table, but it is missing");
}

TEST_F(DatabaseVerifyTest, ATableOnALevelThatIsNotOneOrAmongOnesOfItsKeysIsFound) {
  const std::string current = *files_->ReadWhole("/db/CURRENT");
  const uint64_t number = *DecodeCurrent(current);
  const ManifestState whole =
      *ReadManifest(*files_->ReadWhole("/db/" + ManifestFileName(number)), number);
  ASSERT_GE(whole.tables.size(), 2u);
  const auto install = [&](const std::vector<TableRecord>& tables) {
    ManifestState state = whole;
    state.tables = tables;
    ManifestMaker maker(*files_, "/db", whole.epoch, number + 100, state.Snapshot());
    files_->Remove("/db/" + ManifestFileName(number + 100)).IgnoreError();
    for (absl::StatusOr<bool> done = false; !*done;) {
      done = maker.Advance();
      ASSERT_TRUE(done.ok()) << done.status();
    }
    ASSERT_TRUE(files_->WriteWhole("/db/CURRENT", EncodeCurrent(number + 100)).ok());
  };
  const auto expect_refusal = [&](const std::string& words) {
    ExpectDamage(words);
    TestDatabase database(*files_, 5);
    const absl::Status opened = database.Open();
    EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
    EXPECT_THAT(std::string(opened.message()), HasSubstr(words));
  };
  std::vector<TableRecord> tables = whole.tables;
  tables.front().level = Version::kLevels;
  install(tables);
  expect_refusal("rule bad-edit: field 2 at byte 0 of the edit is malformed");

  tables = whole.tables;
  tables.front().level = tables.back().level = Version::kLevels - 1;
  tables.front().summary.largest_key = tables.back().summary.smallest_key;
  tables.front().summary.smallest_key = "";
  install(tables);
  expect_refusal(" of level 7 have keys in common");
}

TEST_F(DatabaseVerifyTest, ALostCurrentOverDataIsDamageAndNoDatabaseIsNone) {
  ASSERT_TRUE(files_->Remove("/db/CURRENT").ok());
  ExpectDamage("/db/CURRENT: is missing, but ");
  MemoryFileSystem empty;
  EXPECT_EQ(VerifyDatabase(empty, "/").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DatabaseVerifyTest, WhatNothingNamesIsTold) {
  ASSERT_TRUE(files_->WriteWhole("/db/00000999.sst", "half a table").ok());
  ASSERT_TRUE(files_->WriteWhole("/db/notes.txt", "mine").ok());
  const absl::StatusOr<DatabaseReport> report = Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->verdict().ok()) << report->verdict();
  EXPECT_THAT(report->unnamed, testing::Contains("00000999.sst"));
  EXPECT_THAT(report->foreign, ElementsAre("notes.txt"));
}

}  // namespace
}  // namespace lumen
