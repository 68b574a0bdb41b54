// Goal: a checkpoint is a whole database of its own: it holds one state of its origin, shares
// nothing that either changes, and appears at once or not at all. Method: simulation; crashes at
// every operation of a checkpoint are in engine/core/crash_test.cc.
#include "engine/core/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/format/frame.h"
#include "engine/manifest/version_edit.h"
#include "engine/simulated_environment.h"

namespace lumen {
namespace {

using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    EXPECT_TRUE(database_.Open().ok());
    for (int i = 0; i < 100; ++i) Put(absl::StrCat("key", 100 + i), std::string(100, 'a'));
  }
  void Put(std::string key, std::string value) {
    EXPECT_TRUE(database_.Write({{std::move(key), std::move(value)}}, Durability::kAsync).ok());
  }
  absl::Status Take(const std::string& directory) {
    return database_.engine().Checkpoint(directory);
  }
  Content ContentOf(FileSystem& files, const std::string& directory) {
    Options options = TinyOptions();
    options.create_if_missing = false;
    TestDatabase copy(files, 9, options, directory);
    const absl::Status opened = copy.Open();
    EXPECT_TRUE(opened.ok()) << opened;
    if (!opened.ok()) return {};
    const auto content = ReadContent(copy.engine());
    EXPECT_TRUE(content.ok()) << content.status();
    return content.ok() ? *content : Content();
  }
  uint64_t EpochOf(const std::string& directory) {
    const auto current = files_->ReadWhole(directory + "/CURRENT");
    EXPECT_TRUE(current.ok()) << current.status();
    const auto number = DecodeCurrent(*current);
    const auto manifest = files_->ReadWhole(directory + "/" + ManifestFileName(*number));
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return ReadFileHeader(*manifest, FramedFileKind::kManifest, *number).header.identity.epoch;
  }

  std::unique_ptr<MemoryFileSystem> files_ = std::make_unique<MemoryFileSystem>();
  TestDatabase database_{*files_, 7};
};

TEST_F(CheckpointTest, ItHoldsTheStateOfTheCallAndNoLaterWrite) {
  const Content then = database_.history().Visible();
  ASSERT_TRUE(Take("/copies/one").ok());
  for (int i = 0; i < 100; ++i) Put(absl::StrCat("key", 100 + i), "later");
  ASSERT_TRUE(database_.engine().Compact().ok());
  EXPECT_EQ(ContentOf(*files_, "/copies/one"), then);
  EXPECT_EQ(*ReadContent(database_.engine()), database_.history().Visible());
}

TEST_F(CheckpointTest, OkMeansThatItSurvivesPowerLoss) {
  const Content then = database_.history().Visible();
  ASSERT_TRUE(Take("/copies/one").ok());
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ContentOf(*copy, "/copies/one"), then);
}

TEST_F(CheckpointTest, WhatIsMissingAboveItIsMadeAndSurvivesPowerLoss) {
  const Content then = database_.history().Visible();
  ASSERT_TRUE(Take("/copies/of/november/one").ok());
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ContentOf(*copy, "/copies/of/november/one"), then);
}

// Somebody else may have made it, and not have synced it yet.
TEST_F(CheckpointTest, TheDirectoryAboveItSurvivesPowerLossWhoeverMadeIt) {
  const Content then = database_.history().Visible();
  ASSERT_TRUE(files_->CreateDirectory("/copies").ok());
  ASSERT_TRUE(Take("/copies/one").ok());
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ContentOf(*copy, "/copies/one"), then);
}

TEST_F(CheckpointTest, TheTwinsGoOnApart) {
  ASSERT_TRUE(Take("/copies/one").ok());
  const Content then = database_.history().Visible();
  TestDatabase twin(*files_, 8, TinyOptions(), "/copies/one");
  ASSERT_TRUE(twin.Open().ok());
  twin.history().Settle(then);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        twin.Write({{absl::StrCat("key", 100 + i), std::nullopt}}, Durability::kAsync).ok());
    Put(absl::StrCat("key", 150 + i), std::string(100, 'b'));
  }
  ASSERT_TRUE(twin.engine().Compact().ok());
  ASSERT_TRUE(database_.engine().Compact().ok());
  EXPECT_EQ(*ReadContent(twin.engine()), twin.history().Visible());
  EXPECT_EQ(*ReadContent(database_.engine()), database_.history().Visible());
}

TEST_F(CheckpointTest, EachHasAnEpochOfItsOwn) {
  ASSERT_TRUE(Take("/copies/one").ok());
  ASSERT_TRUE(Take("/copies/two").ok());
  EXPECT_NE(EpochOf("/db"), EpochOf("/copies/one"));
  EXPECT_NE(EpochOf("/db"), EpochOf("/copies/two"));
  EXPECT_NE(EpochOf("/copies/one"), EpochOf("/copies/two"));
}

TEST_F(CheckpointTest, AnEmptyDatabaseHasACheckpointToo) {
  const auto files = std::make_unique<MemoryFileSystem>();
  TestDatabase empty(*files, 3);
  ASSERT_TRUE(empty.Open().ok());
  ASSERT_TRUE(empty.engine().Checkpoint("/copies/empty").ok());
  EXPECT_EQ(ContentOf(*files, "/copies/empty"), Content());
}

TEST_F(CheckpointTest, WhatExistsIsRefusedAndLeftAlone) {
  ASSERT_TRUE(Take("/copies/one").ok());
  const absl::Status again = Take("/copies/one");
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  EXPECT_THAT(std::string(again.message()), HasSubstr("/copies/one"));
  EXPECT_EQ(ContentOf(*files_, "/copies/one"), database_.history().Visible());
}

TEST_F(CheckpointTest, ALeftoverIsReplacedButAStrangersFileIsNot) {
  ASSERT_TRUE(files_->CreateDirectory("/copies").ok());
  ASSERT_TRUE(files_->CreateDirectory("/copies/.one.tmp").ok());
  ASSERT_TRUE(files_->WriteWhole("/copies/.one.tmp/00000099.sst", "half a table").ok());
  ASSERT_TRUE(Take("/copies/one").ok());
  EXPECT_FALSE(*files_->Exists("/copies/.one.tmp"));
  EXPECT_FALSE(*files_->Exists("/copies/one/00000099.sst"));

  ASSERT_TRUE(files_->CreateDirectory("/copies/.two.tmp").ok());
  ASSERT_TRUE(files_->WriteWhole("/copies/.two.tmp/thesis.txt", "years of work").ok());
  const absl::Status refused = Take("/copies/two");
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_EQ(*files_->ReadWhole("/copies/.two.tmp/thesis.txt"), "years of work");
  EXPECT_FALSE(*files_->Exists("/copies/two"));
}

TEST_F(CheckpointTest, AFinishedOneIsNoLeftoverWhateverItsName) {
  ASSERT_TRUE(Take("/copies/one.tmp").ok());
  ASSERT_TRUE(Take("/copies/one").ok());
  EXPECT_EQ(ContentOf(*files_, "/copies/one.tmp"), database_.history().Visible());
  for (const char* name : {"/copies/.one.tmp", "/copies/"}) {
    const absl::Status refused = Take(name);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  }
}

// The directory above may be one that other jobs sync: the database's own. A failed sync of theirs
// may have dropped the new name; the checkpoint's own then proves nothing.
TEST(Checkpoint, AnotherJobsFailedDirectorySyncAfterTheRenameIsTold) {
  MemoryFileSystem files;
  SimulatedEnvironment environment(5, files);
  ASSERT_TRUE(files.CreateDirectory("/db").ok());
  EngineContext context(TinyOptions(), "/db", environment.environment());
  auto state = std::make_shared<ReadState>();
  state->active.first_sequence = 1;
  state->version = std::make_shared<Version>(std::vector<Level>(Version::kLevels));
  Checkpoint checkpoint(context, std::move(state), "/db/copy");
  while (!*files.Exists("/db/copy")) {
    const auto finished = checkpoint.Advance();
    ASSERT_TRUE(finished.ok() && !*finished) << finished.status();
  }
  files.SetHook([](MemoryFileSystem::Operation, const std::string& path) {
    return absl::InternalError(path + ": injected");
  });
  EXPECT_FALSE(context.files.SyncDirectory("/db").ok());
  files.SetHook({});
  EXPECT_TRUE(absl::IsInternal(checkpoint.Advance().status()));
  context.background.Stop();
}

TEST_F(CheckpointTest, OneThatFailedCanBeTakenAgain) {
  files_->SetHook([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool fails = operation == MemoryFileSystem::Operation::kLink;
    return fails ? absl::ResourceExhaustedError(path + ": injected") : absl::OkStatus();
  });
  const absl::Status status = Take("/copies/one");
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_FALSE(*files_->Exists("/copies/one"));
  files_->SetHook({});
  ASSERT_TRUE(Take("/copies/one").ok());
  EXPECT_EQ(ContentOf(*files_, "/copies/one"), database_.history().Visible());
}

}  // namespace
}  // namespace lumen
