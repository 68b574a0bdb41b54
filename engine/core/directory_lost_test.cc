// Goal: a directory that is exchanged under an open engine costs nothing that was acknowledged and
// does nothing to what takes its place; and a LOCK that somebody removes lets nobody in. Method: an
// in-memory file system on which the test does what an operator's rm and mv do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"

namespace lumen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Operation = MemoryFileSystem::Operation;

std::map<std::string, std::string> FilesIn(MemoryFileSystem& files, const std::string& directory) {
  std::map<std::string, std::string> all;
  const absl::StatusOr<std::vector<std::string>> names = files.List(directory);
  EXPECT_TRUE(names.ok()) << names.status();
  for (const std::string& name : *names) {
    all[name] = *files.ReadWhole(absl::StrCat(directory, "/", name));
  }
  return all;
}

class DirectoryLostTest : public testing::Test {
 protected:
  DirectoryLostTest() {
    options_.on_event = [this](EventLevel level, std::string_view message) {
      if (level == EventLevel::kError) errors_.emplace_back(message);
    };
    options_.on_read_only = [this](const absl::Status&) { ++told_read_only_; };
    database_ = std::make_unique<TestDatabase>(files_, 3, options_);
    EXPECT_TRUE(database_->Open().ok());
    Settle();
  }

  void Settle() { database_->environment().RunUntilIdle(); }
  absl::Status Put(const std::string& key) {
    return database_->Write({{key, std::string(1000, 'v')}}, Durability::kSync);
  }
  // Fills WAL segments until one is refused; the number of puts that were acknowledged.
  int PutUntilRefused(absl::Status& refusal) {
    constexpr int kMostPuts = 1000;  // a segment has room for 64
    for (int i = 0; i < kMostPuts; ++i) {
      refusal = Put(absl::StrCat("later ", i));
      if (!refusal.ok()) return i;
      Settle();
    }
    return kMostPuts;
  }
  void ExpectRefusal(const absl::Status& status) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("/db is no longer the directory that was opened (/db/LOCK: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr("stop this program"));
  }

  MemoryFileSystem files_;
  Options options_ = TinyOptions();
  std::vector<std::string> errors_;
  int told_read_only_ = 0;
  std::unique_ptr<TestDatabase> database_;
};

TEST_F(DirectoryLostTest, ARemovedLockLetsNobodyInAndTheEngineWorksOn) {
  ASSERT_TRUE(files_.Remove("/db/LOCK").ok());
  TestDatabase second(files_, 4);
  const absl::Status refused = second.Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("/db/LOCK: lock: held"));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Put(absl::StrCat("key ", i)).ok());
  ASSERT_TRUE(database_->engine().Compact().ok());
  EXPECT_THAT(errors_, IsEmpty());
  const History history = database_->history();
  database_.reset();
  EXPECT_EQ(ProveRecovery(files_, history, MemoryFileSystem::Crash::kProcess, 5), "");
}

TEST_F(DirectoryLostTest, AnotherDatabaseInItsPlaceIsLeftAloneAndNothingAcknowledgedIsLost) {
  ASSERT_TRUE(Put("before").ok());
  ASSERT_TRUE(files_.Rename("/db", "/db.old").ok());
  TestDatabase next(files_, 4);
  ASSERT_TRUE(next.Open().ok());
  ASSERT_TRUE(next.Write({{"the next", "1"}}, Durability::kSync).ok());
  next.environment().RunUntilIdle();
  const auto before = FilesIn(files_, "/db");

  absl::Status refusal;
  EXPECT_GT(PutUntilRefused(refusal), 0);  // what the open segment took is in /db.old
  ExpectRefusal(refusal);
  EXPECT_EQ(FilesIn(files_, "/db"), before);
  EXPECT_EQ(told_read_only_, 1);
  ASSERT_EQ(errors_.size(), 1u) << testing::PrintToString(errors_);
  EXPECT_THAT(errors_[0], HasSubstr("read-only from here on: /db is no longer"));
  ExpectRefusal(absl::FailedPreconditionError(database_->engine().GetStats().sticky_error));
  ExpectRefusal(database_->engine().Flush());
  ExpectRefusal(database_->engine().Checkpoint("/copy"));
  EXPECT_FALSE(*files_.Exists("/copy"));
  EXPECT_EQ(*ReadContent(database_->engine()), database_->history().Visible());
  ExpectRefusal(database_->engine().Close());
  EXPECT_EQ(FilesIn(files_, "/db"), before);

  const Content content = database_->history().Visible();
  database_.reset();
  TestDatabase old(files_, 5, TinyOptions(), "/db.old");
  ASSERT_TRUE(old.Open().ok());
  EXPECT_EQ(*ReadContent(old.engine()), content);
  ASSERT_TRUE(next.Write({{"the next", "2"}}, Durability::kSync).ok());
  EXPECT_TRUE(next.engine().Flush().ok());
}

// A restored copy has files of the same names.
TEST_F(DirectoryLostTest, NothingIsRemovedFromWhatIsInItsPlace) {
  ASSERT_TRUE(Put("a").ok());
  ASSERT_TRUE(database_->engine().Flush().ok());
  auto reader = database_->engine().NewIterator({});
  reader->SeekToFirst();
  ASSERT_TRUE(Put("b").ok());
  ASSERT_TRUE(database_->engine().Compact().ok());
  Settle();
  const auto before = FilesIn(files_, "/db");
  ASSERT_TRUE(files_.Rename("/db", "/db.old").ok());
  ASSERT_TRUE(files_.CreateDirectory("/db").ok());
  for (const auto& [name, bytes] : before) {
    ASSERT_TRUE(files_.WriteWhole(absl::StrCat("/db/", name), bytes).ok());
  }
  reader.reset();  // what it read is in no version any more
  Settle();
  EXPECT_EQ(FilesIn(files_, "/db"), before);
  EXPECT_EQ(told_read_only_, 1);
}

// As by an rsync into a directory in use.
TEST_F(DirectoryLostTest, ALockThatWasReplacedEndsWrites) {
  ASSERT_TRUE(files_.WriteWhole("/db/copy", "").ok());
  ASSERT_TRUE(files_.Rename("/db/copy", "/db/LOCK").ok());
  absl::Status refusal;
  PutUntilRefused(refusal);
  ExpectRefusal(refusal);
  EXPECT_THAT(std::string(refusal.message()), HasSubstr("the file was replaced"));
}

TEST_F(DirectoryLostTest, ADirectoryThatIsGoneEndsWrites) {
  ASSERT_TRUE(files_.Rename("/db", "/elsewhere").ok());
  absl::Status refusal;
  PutUntilRefused(refusal);
  ExpectRefusal(refusal);
  EXPECT_FALSE(*files_.Exists("/db"));
}

// Whichever operation of the background work it comes before: a name that counts was made in the
// directory that was opened, and whatever was acknowledged is there.
TEST(DirectoryLost, AtEveryOperationOfAFlushAndARotationNothingAcknowledgedIsLost) {
  uint64_t moves = 0;
  for (uint64_t at = 0;; ++at) {
    MemoryFileSystem files;
    TestDatabase database(files, 3);
    ASSERT_TRUE(database.Open().ok());
    database.environment().RunUntilIdle();
    uint64_t seen = 0;
    bool moved = false;
    files.SetHook([&](Operation operation, const std::string& path) {
      if (!Changes(operation) || !path.starts_with("/db/") || seen++ != at) return absl::OkStatus();
      moved = true;
      // The hook runs outside the file system's lock, right before the operation itself.
      EXPECT_TRUE(files.Rename("/db", "/db.old").ok());
      EXPECT_TRUE(files.CreateDirectory("/db").ok());
      return absl::OkStatus();
    });
    for (int i = 0; i < 80; ++i) {
      database.Write({{absl::StrCat("key ", i), std::string(1000, 'v')}}, Durability::kSync)
          .IgnoreError();
    }
    database.engine().Flush().IgnoreError();
    files.SetHook({});
    const History history = database.history();
    database.Leave();
    if (!moved) break;
    ++moves;
    ASSERT_TRUE(files.Rename("/db", "/strays").ok());
    ASSERT_TRUE(files.Rename("/db.old", "/db").ok());
    ASSERT_EQ(ProveRecovery(files, history, MemoryFileSystem::Crash::kProcess, 5), "")
        << "moved before operation " << at;
    // What was under way as it was moved, and nothing after that.
    EXPECT_LE(files.List("/strays")->size(), 1u) << "moved before operation " << at;
  }
  EXPECT_GT(moves, 100u);
}

}  // namespace
}  // namespace lumen
