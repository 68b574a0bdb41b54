// Goal: an engine whose disk fails or is full says so, goes on reading, loses nothing, and heals
// where healing is possible. Method: an in-memory file system with a capacity, and a hook that
// fails chosen operations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/core/directory_watch.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Operation = MemoryFileSystem::Operation;

constexpr Durability kSync = Durability::kSync;
constexpr Durability kAsync = Durability::kAsync;

class DegradedTest : public testing::Test {
 protected:
  explicit DegradedTest(const Options& options = TinyOptions()) : database_(*files_, 31, options) {
    EXPECT_TRUE(database_.Open().ok());
    database_.environment().RunUntilIdle();  // the next WAL segment is made
  }

  absl::Status Put(std::string key, std::string value, Durability durability = kSync) {
    return database_.Write({{std::move(key), std::move(value)}}, durability);
  }
  absl::Status Delete(std::string key) {
    return database_.Write({{std::move(key), std::nullopt}}, kSync);
  }
  // The next operation of this kind on a path with `part` in it fails.
  void FailNext(Operation failing, std::string part) {
    auto failed = std::make_shared<bool>(false);
    files_->SetHook([=](Operation operation, const std::string& path) {
      const bool fails = operation == failing && path.find(part) != std::string::npos &&
                         !std::exchange(*failed, true);
      return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
    });
  }
  Stats stats() { return database_.engine().GetStats(); }
  void ExpectContentIsVisible() {
    const auto content = ReadContent(database_.engine());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, database_.history().Visible());
  }
  void ExpectReadOnly() {
    const absl::Status sync = Put("later", "x");
    EXPECT_TRUE(absl::IsFailedPrecondition(sync)) << sync;
    EXPECT_THAT(std::string(sync.message()), HasSubstr("injected"));
    EXPECT_THAT(std::string(sync.message()), HasSubstr("reopen"));
    EXPECT_TRUE(absl::IsFailedPrecondition(Put("later", "x", kAsync)));
    EXPECT_TRUE(absl::IsFailedPrecondition(database_.engine().Flush()));
    EXPECT_THAT(stats().sticky_error, HasSubstr("injected"));
    ExpectContentIsVisible();
  }
  // Closes, and opens again without faults: whatever was acknowledged is there, and writes work.
  void ExpectReopenClears() {
    files_->SetHook({});
    EXPECT_FALSE(database_.engine().Close().ok());
    for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
      const auto copy = files_->CrashCopy(crash);
      EXPECT_EQ(ProveRecovery(*copy, database_.history(), crash, 5), "");
    }
    database_.Leave();
    EXPECT_EQ(ProveRecovery(*files_, database_.history(), Crash::kProcess, 6), "");
  }
  uint64_t UsedBytes() { return MemoryFileSystem::kUnlimited - *files_->FreeSpace("/"); }

  std::unique_ptr<MemoryFileSystem> files_ = std::make_unique<MemoryFileSystem>();
  TestDatabase database_;
};

TEST_F(DegradedTest, AFailedWalSyncLeavesTheWriteInDoubtAndTheEngineReadOnly) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "2", kAsync).ok());
  FailNext(Operation::kSync, ".wal");
  const absl::Status status = Put("c", "3");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("unknown"));
  ExpectReadOnly();
  ExpectReopenClears();
}

TEST(Degraded, TurningReadOnlyIsToldOnce) {
  for (const auto failing : {Operation::kSync, Operation::kAppend}) {
    std::vector<std::string> told;
    Options options = TinyOptions();
    options.on_read_only = [&](const absl::Status& error) {
      told.emplace_back(std::string(error.message()));
    };
    options.on_event = [&](EventLevel level, std::string_view message) {
      if (level == EventLevel::kError) told.emplace_back(message);
    };
    const auto files = std::make_unique<MemoryFileSystem>();
    TestDatabase database(*files, 31, options);
    ASSERT_TRUE(database.Open().ok());
    database.environment().RunUntilIdle();
    files->SetHook([&](Operation operation, const std::string& path) {
      const bool fails = operation == failing && path.find(".wal") != std::string::npos;
      return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
    });
    EXPECT_THAT(told, testing::IsEmpty());
    EXPECT_FALSE(database.Write({{"a", "1"}}, kSync).ok());
    EXPECT_FALSE(database.Write({{"b", "2"}}, kSync).ok());
    EXPECT_FALSE(database.engine().Close().ok());
    ASSERT_EQ(told.size(), 2u);
    EXPECT_THAT(told[0], HasSubstr("read-only from here on: writing the WAL failed"));
    EXPECT_THAT(told[1], HasSubstr("injected"));
    database.Leave();
  }
}

TEST(Degraded, AFullDiskIsToldOnceAndThatItHealedOnce) {
  std::vector<std::string> told;
  Options options = TinyOptions();
  options.on_event = [&](EventLevel level, std::string_view message) {
    const bool error = level == EventLevel::kError;
    if (error || message.find("background") != std::string_view::npos) {
      told.push_back((error ? "error: " : "info: ") + std::string(message));
    }
  };
  MemoryFileSystem files;
  TestDatabase database(files, 37, options);
  ASSERT_TRUE(database.Open().ok());
  for (int round = 0; round < 2; ++round) {
    database.environment().RunUntilIdle();
    told.clear();
    files.SetHook([](Operation operation, const std::string& path) {
      // Tables and segments alike.
      const bool fails = operation == Operation::kCreate;
      return fails ? absl::ResourceExhaustedError(path + ": injected") : absl::OkStatus();
    });
    absl::Status status;
    for (int i = 0; status.ok() && i < 2000; ++i) {
      status = database.Write({{absl::StrCat("key", i % 50), std::string(200, 'x')}}, kSync);
    }
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(told.size(), 1u);
    EXPECT_GT(database.engine().GetStats().background_retries, 1u);
    files.SetHook({});
    database.environment().RunUntilIdle();
    EXPECT_EQ(database.engine().GetStats().background_error, "");
    ASSERT_EQ(told.size(), 2u);
    EXPECT_THAT(told[0], HasSubstr("error: "));
    EXPECT_THAT(told[0], HasSubstr("injected"));
    EXPECT_THAT(told[1], testing::StartsWith("info: background work goes on: "));
  }
}

// Whatever a file operation said, it is no answer about the key that is being put.
TEST_F(DegradedTest, AWriteThatWaitsForASegmentIsToldOfAnIoError) {
  for (const auto code : {absl::StatusCode::kAlreadyExists, absl::StatusCode::kNotFound,
                          absl::StatusCode::kPermissionDenied, absl::StatusCode::kInternal}) {
    files_->SetHook([code](Operation operation, const std::string& path) {
      const bool fails = operation == Operation::kCreate && path.find(".wal") != std::string::npos;
      return fails ? absl::Status(code, path + ": injected") : absl::OkStatus();
    });
    absl::Status refused;
    for (int i = 0; i < 1000 && refused.ok(); ++i) refused = Put("key", std::string(1000, 'v'));
    EXPECT_EQ(refused.code(), absl::StatusCode::kInternal) << refused;
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("nothing was written"), HasSubstr("injected")));
    EXPECT_EQ(database_.engine().Flush().code(), absl::StatusCode::kInternal);
    files_->SetHook({});
    database_.engine().Resume();
    database_.environment().RunUntilIdle();
    EXPECT_TRUE(Put("key", "healed").ok());
  }
}

TEST_F(DegradedTest, AFileThatIsInTheWayIsLeftAloneAndPassedBy) {
  std::vector<std::string> strangers;
  for (int number = 20; number < 40; ++number) {  // not reached yet
    strangers.push_back(absl::StrCat("/db/000000", number, ".wal"));
    ASSERT_TRUE(files_->WriteWhole(strangers.back(), "a stranger's").ok());
  }
  for (int i = 0; i < 300; ++i) {
    while (!Put(absl::StrCat("key ", i), std::string(1000, 'v')).ok()) database_.engine().Resume();
  }
  EXPECT_GT(stats().background_retries, 0u);
  for (const std::string& stranger : strangers) {
    EXPECT_EQ(files_->ReadWhole(stranger).value_or("gone"), "a stranger's") << stranger;
  }
  ExpectContentIsVisible();
}

TEST_F(DegradedTest, AFailedWalAppendLeavesTheWriteInDoubtAndTheEngineReadOnly) {
  ASSERT_TRUE(Put("a", "1").ok());
  FailNext(Operation::kAppend, ".wal");
  EXPECT_EQ(Put("c", "3", kAsync).code(), absl::StatusCode::kUnknown);
  ExpectReadOnly();
  ExpectReopenClears();
}

TEST_F(DegradedTest, AWholeGroupIsInDoubtTogether) {
  FailNext(Operation::kSync, ".wal");
  std::vector<absl::Status> told;
  for (int i = 0; i < 5; ++i) {
    database_.engine().WriteAsync(
        PutBatch(absl::StrCat("k", i), "v"), {},
        [&told](const absl::StatusOr<WriteResult>& result) { told.push_back(result.status()); });
  }
  while (told.size() < 5) ASSERT_TRUE(database_.environment().RunOne());
  for (const absl::Status& status : told) {
    EXPECT_TRUE(status.code() == absl::StatusCode::kUnknown || absl::IsFailedPrecondition(status))
        << status;
  }
  EXPECT_EQ(told[0].code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(*database_.engine().Get("k0"), std::nullopt);
}

TEST_F(DegradedTest, AFailedNoteTakesNothingFromItsGroup) {
  ASSERT_TRUE(Put("a", "1").ok());
  int appends = 0;
  files_->SetHook([&](Operation operation, const std::string& path) {
    const bool note = operation == Operation::kAppend && ++appends == 2;
    return note ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  EXPECT_TRUE(Put("b", "2").ok());
  ExpectReadOnly();
  ExpectReopenClears();
}

TEST_F(DegradedTest, AFailedSealRefusesTheWriteThatNeededIt) {
  ASSERT_TRUE(Put("a", "1").ok());
  // Flush switches the memtable, which seals its segment.
  FailNext(Operation::kSync, ".wal");
  EXPECT_TRUE(absl::IsFailedPrecondition(database_.engine().Flush()));
  ExpectReadOnly();
  ExpectReopenClears();
}

TEST_F(DegradedTest, ASegmentThatCannotBeMadeIsMadeAgain) {
  files_->SetHook([](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kAllocate;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  absl::Status status;
  for (int i = 0; status.ok(); ++i) {
    ASSERT_LT(i, 2000);
    status = Put(absl::StrCat("key", i % 50), std::string(200, 'x'));
  }
  EXPECT_FALSE(absl::IsUnknown(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("nothing was written"));
  EXPECT_THAT(stats().background_error, HasSubstr("injected"));
  EXPECT_EQ(stats().sticky_error, "");
  ExpectContentIsVisible();
  files_->SetHook({});
  database_.environment().RunUntilIdle();
  EXPECT_TRUE(Put("after", "1").ok());
  EXPECT_EQ(stats().background_error, "");
}

TEST_F(DegradedTest, AFailedManifestEditHealsWithANewManifest) {
  for (const Operation failing : {Operation::kAppend, Operation::kSync}) {
    ASSERT_TRUE(Put("a", "1").ok());
    const uint64_t rotations = stats().manifest_rotations;
    FailNext(failing, "MANIFEST");
    database_.engine().Flush().IgnoreError();  // may say so, or wait until it has healed
    database_.environment().RunUntilIdle();
    EXPECT_EQ(stats().manifest_rotations, rotations + 1);
    EXPECT_EQ(stats().immutable_memtables, 0);
    EXPECT_EQ(stats().background_error, "");
    EXPECT_EQ(stats().sticky_error, "");
    ASSERT_TRUE(Put("b", "2").ok());
    EXPECT_TRUE(database_.engine().Flush().ok());
  }
  ExpectContentIsVisible();
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ProveRecovery(*copy, database_.history(), Crash::kPowerLoss, 5), "");
}

TEST_F(DegradedTest, ADirectoryThatCannotBeOpenedForItsSyncIsTriedAgain) {
  ASSERT_TRUE(Put("a", "1").ok());
  int renamed = 0;
  bool edit_failed = false;
  int left = 3;
  files_->SetHook([&](Operation operation, const std::string& path) {
    if (operation == Operation::kRename) ++renamed;
    if (operation == Operation::kSync && path.find("MANIFEST") != std::string::npos &&
        !std::exchange(edit_failed, true)) {
      return absl::InternalError(path + ": injected");
    }
    const bool fails = operation == Operation::kSyncDirectory && renamed > 0 && left-- > 0;
    return fails ? SyncNotBegun(absl::ResourceExhaustedError(path + ": injected"))
                 : absl::OkStatus();
  });
  database_.engine().Flush().IgnoreError();
  database_.environment().RunUntilIdle();
  EXPECT_LE(left, 0);
  EXPECT_EQ(renamed, 1);
  EXPECT_EQ(stats().sticky_error, "");
  EXPECT_EQ(stats().background_error, "");
  EXPECT_EQ(stats().immutable_memtables, 0);
  ASSERT_TRUE(Put("b", "2").ok());
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ProveRecovery(*copy, database_.history(), Crash::kPowerLoss, 5), "");
}

TEST_F(DegradedTest, AFailedSyncOfAnotherDirectoryCostsTheEngineNothing) {
  files_->SetHook([](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kSyncDirectory && path == "/";
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  int failed = 0;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(Put(absl::StrCat("key", i % 50), std::string(200, 'x'), kAsync).ok());
    if (i % 40 == 39) failed += database_.engine().Checkpoint("/elsewhere/copy").ok() ? 0 : 1;
  }
  database_.environment().RunUntilIdle();
  EXPECT_EQ(failed, 10);
  EXPECT_GT(stats().compactions, 2u);
  EXPECT_EQ(stats().background_retries, 0u);
  EXPECT_EQ(stats().sticky_error, "");
}

TEST(DirectoryWatchTest, FailuresCountForTheDirectoryAndForWhatMayBeIt) {
  MemoryFileSystem files;
  for (const char* path : {"/db", "/other"}) ASSERT_TRUE(files.CreateDirectory(path).ok());
  files.SetHook([](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kSyncDirectory;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  DirectoryWatch watch(files);
  EXPECT_FALSE(watch.SyncDirectory("/db/").ok());
  EXPECT_FALSE(watch.SyncDirectory("/other/../other").ok());
  EXPECT_EQ(watch.failed_syncs("/db"), 1u);
  EXPECT_EQ(watch.failed_syncs("/other/."), 1u);
  EXPECT_EQ(watch.failed_syncs("/third"), 0u);
  EXPECT_EQ(watch.failed_syncs("db"), 2u);
  files.SetHook([](Operation, const std::string& path) {
    return SyncNotBegun(absl::PermissionDeniedError(path));
  });
  EXPECT_FALSE(watch.SyncDirectory("/db").ok());
  EXPECT_EQ(watch.failed_syncs("/db"), 1u);
  files.SetHook([](Operation, const std::string& path) { return absl::InternalError(path); });
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(watch.SyncDirectory(absl::StrCat("/d", i)).ok());
  EXPECT_GT(watch.failed_syncs("/third"), 0u);  // too many to be told apart
}

TEST_F(DegradedTest, AFailedRenameOfCurrentIsSticky) {
  ASSERT_TRUE(Put("a", "1").ok());
  auto edit_failed = std::make_shared<bool>(false);
  files_->SetHook([=](Operation operation, const std::string& path) {
    const bool edit = operation == Operation::kSync && path.find("MANIFEST") != std::string::npos &&
                      !std::exchange(*edit_failed, true);
    const bool fails = edit || operation == Operation::kRename;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(database_.engine().Flush()));
  ExpectReadOnly();
  ExpectReopenClears();
}

// ---- a full disk

class FullDiskTest : public DegradedTest {
 protected:
  explicit FullDiskTest(const Options& options = TinyOptions()) : DegradedTest(options) {}

  // Writes until the disk is full; the last status.
  absl::Status Fill() {
    files_->SetCapacity(UsedBytes() + (100 << 10));
    absl::Status status;
    for (int i = 0; status.ok() && i < 20'000; ++i) {
      status = Put(absl::StrCat("fill", i), std::string(300, 'f'), i % 7 == 0 ? kSync : kAsync);
      if (status.ok()) ++filled_;
    }
    return status;
  }
  int64_t NowNanos() { return database_.environment().environment().clock.NowNanos(); }
  void ExpectAThousandWrites() {
    for (int i = 0; i < 1000; ++i) {
      const absl::Status status =
          Put(absl::StrCat("key", i), std::string(100, 'g'), i % 7 == 0 ? kSync : kAsync);
      ASSERT_TRUE(status.ok()) << i << ": " << status;
    }
    ExpectContentIsVisible();
    EXPECT_TRUE(database_.engine().Flush().ok());
    EXPECT_TRUE(database_.engine().Compact().ok());
    EXPECT_EQ(stats().background_error, "");
    const auto copy = files_->CrashCopy(Crash::kPowerLoss);
    EXPECT_EQ(ProveRecovery(*copy, database_.history(), Crash::kPowerLoss, 5), "");
  }

  int filled_ = 0;
};

// Which of the two is full first when nothing can be flushed: the memtable, or its WAL segment.
Options WithMemtable(uint64_t bytes) {
  Options options = TinyOptions();
  options.memtable_bytes = bytes;
  options.wal_segment_bytes = 256 << 10;
  return options;
}
class FullMemtableTest : public FullDiskTest {
 protected:
  FullMemtableTest() : FullDiskTest(WithMemtable(64 << 10)) {}
};
class FullSegmentTest : public FullDiskTest {
 protected:
  FullSegmentTest() : FullDiskTest(WithMemtable(1 << 20)) {}
};

// What becomes of writes that share a group, in their order.
std::vector<absl::Status> WriteTogether(TestDatabase& database, std::vector<WriteBatch> batches) {
  std::vector<absl::Status> told(batches.size());
  size_t count = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    database.engine().WriteAsync(std::move(batches[i]), {},
                                 [&, i](const absl::StatusOr<WriteResult>& result) {
                                   told[i] = result.status();
                                   ++count;
                                 });
  }
  while (count < told.size()) EXPECT_TRUE(database.environment().RunOne());
  return told;
}

TEST_F(FullMemtableTest, ADeleteIsTakenThoughAPutSharesItsGroup) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  const std::vector<absl::Status> told =
      WriteTogether(database_, {PutBatch("one", "more"), DeleteBatch("fill1"), PutBatch("a", "b")});
  EXPECT_TRUE(absl::IsResourceExhausted(told[0])) << told[0];
  EXPECT_TRUE(told[1].ok()) << told[1];
  EXPECT_TRUE(absl::IsResourceExhausted(told[2])) << told[2];
  EXPECT_EQ(*database_.engine().Get("fill1"), std::nullopt);
  EXPECT_EQ(*database_.engine().Get("one"), std::nullopt);
}

TEST_F(FullSegmentTest, ADeleteIsTakenThoughAPutSharesItsGroup) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  const std::vector<absl::Status> told =
      WriteTogether(database_, {DeleteBatch("fill1"), PutBatch("one", "more")});
  EXPECT_TRUE(told[0].ok()) << told[0];
  EXPECT_TRUE(absl::IsResourceExhausted(told[1])) << told[1];
  EXPECT_THAT(std::string(told[1].message()), HasSubstr("only deletes"));
  EXPECT_EQ(*database_.engine().Get("fill1"), std::nullopt);
}

TEST_F(FullMemtableTest, DeletesGoOnForAWhile) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  ASSERT_TRUE(absl::IsResourceExhausted(Put("one", "more")));
  int deleted = 0;
  absl::Status status;
  while ((status = Delete(absl::StrCat("fill", deleted))).ok()) ++deleted;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(deleted, 20);
  EXPECT_LT(deleted, 2000);
  ExpectContentIsVisible();
}

TEST_F(FullSegmentTest, DeletesGoOnForAWhile) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  const absl::Status put = Put("one", "more");
  ASSERT_TRUE(absl::IsResourceExhausted(put));
  EXPECT_THAT(std::string(put.message()), HasSubstr("only deletes"));
  int deleted = 0;
  absl::Status status;
  while ((status = Delete(absl::StrCat("fill", deleted))).ok()) ++deleted;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(deleted, 10);
  EXPECT_LT(deleted, 2000);
  ExpectContentIsVisible();
}

TEST_F(FullDiskTest, WritesAreRefusedAndReadsGoOn) {
  const absl::Status full = Fill();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr("nothing was written"));
  EXPECT_THAT(stats().background_error, HasSubstr("/db/"));
  EXPECT_EQ(stats().sticky_error, "");
  ExpectContentIsVisible();
  ASSERT_TRUE(absl::IsResourceExhausted(Put("one", "more")));
  for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
    const auto copy = files_->CrashCopy(crash);
    copy->SetCapacity(MemoryFileSystem::kUnlimited);
    EXPECT_EQ(ProveRecovery(*copy, database_.history(), crash, 5), "");
  }
}

TEST_F(FullDiskTest, HealsByItselfOnceThereIsRoom) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  files_->SetCapacity(MemoryFileSystem::kUnlimited);
  const int64_t since = NowNanos();
  while (!Put("again", "1").ok()) ASSERT_TRUE(database_.environment().RunOne());
  EXPECT_LT(NowNanos() - since, 2 * TinyOptions().retry_interval_ns);
  ExpectAThousandWrites();
}

TEST_F(FullDiskTest, HealsAtOnceWhenToldToResume) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  files_->SetCapacity(MemoryFileSystem::kUnlimited);
  const int64_t since = NowNanos();
  database_.engine().Resume();
  while (!Put("again", "1").ok()) ASSERT_TRUE(database_.environment().RunOne());
  EXPECT_LT(NowNanos() - since, TinyOptions().retry_interval_ns / 10);
  ExpectAThousandWrites();
}

TEST_F(FullDiskTest, FillingAndHealingTenTimesLosesNothing) {
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
    files_->SetCapacity(MemoryFileSystem::kUnlimited);
    database_.engine().Resume();
    while (!Put("again", absl::StrCat(round)).ok()) ASSERT_TRUE(database_.environment().RunOne());
  }
  EXPECT_GT(filled_, 1000);
  ExpectAThousandWrites();
}

TEST_F(FullDiskTest, ARefusedHugeBatchIsForgotten) {
  ASSERT_TRUE(Put("a", "1").ok());
  database_.environment().RunUntilIdle();
  files_->SetCapacity(UsedBytes() + (300 << 10));
  const absl::Status huge = Put("huge", std::string(1 << 20, 'h'));
  EXPECT_TRUE(absl::IsResourceExhausted(huge)) << huge;
  // The engine must not go on asking for a segment that nobody needs any more.
  database_.environment().RunUntilIdle();
  EXPECT_EQ(stats().background_error, "");
  EXPECT_TRUE(Put("b", "2").ok());
  EXPECT_TRUE(database_.engine().Flush().ok());
  ExpectContentIsVisible();
}

TEST_F(FullDiskTest, AFullCompactionThatDoesNotFitIsToldAndNotTriedAgain) {
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(Put(absl::StrCat("key", i), std::string(300, 'x'), kAsync).ok());
  }
  ASSERT_TRUE(database_.engine().Flush().ok());
  database_.environment().RunUntilIdle();
  files_->SetCapacity(UsedBytes() + (64 << 10));
  int created = 0;
  files_->SetHook([&](Operation operation, const std::string& path) {
    if (operation == Operation::kCreate && path.find(".sst") != std::string::npos) ++created;
    return absl::OkStatus();
  });
  const absl::Status full = database_.engine().Compact();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  const int tried = created;
  database_.environment().RunUntilIdle();  // which never came while it was tried again for ever
  EXPECT_EQ(created, tried);
  EXPECT_EQ(stats().background_error, "");
  EXPECT_TRUE(Put("small", "1").ok());
  files_->SetCapacity(MemoryFileSystem::kUnlimited);
  EXPECT_TRUE(database_.engine().Compact().ok());
  ExpectContentIsVisible();
}

TEST_F(DegradedTest, ACompactionThatGoesOnFailingIsTriedEverLessOften) {
  int failed = 0;
  const auto failing = [&](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kCreate && path.find(".sst") != std::string::npos;
    failed += fails ? 1 : 0;
    return fails ? absl::ResourceExhaustedError(path + ": injected") : absl::OkStatus();
  };
  for (int i = 0; i < 4; ++i) {
    files_->SetHook({});
    ASSERT_TRUE(Put(absl::StrCat("key", i % 2), std::string(200, 'x')).ok());
    ASSERT_TRUE(database_.engine().Flush().ok());
    files_->SetHook(failing);
  }
  const auto now = [&] { return database_.environment().environment().clock.NowNanos(); };
  const int64_t start = now();
  while (now() - start < 100 * TinyOptions().retry_interval_ns) {
    ASSERT_TRUE(database_.environment().RunOne());
  }
  EXPECT_GE(failed, 8);
  EXPECT_LE(failed, 30);
  EXPECT_THAT(stats().background_error, HasSubstr("injected"));
  files_->SetHook({});
  database_.environment().RunUntilIdle();
  EXPECT_EQ(stats().background_error, "");
  ExpectContentIsVisible();
}

TEST_F(FullDiskTest, CloseOnAFullDiskIsCleanAndReopens) {
  ASSERT_TRUE(absl::IsResourceExhausted(Fill()));
  const absl::Status closed = database_.engine().Close();
  EXPECT_TRUE(closed.ok()) << closed;
  database_.Leave();
  files_->SetCapacity(MemoryFileSystem::kUnlimited);
  const auto copy = files_->CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ProveRecovery(*copy, database_.history(), Crash::kProcess, 5), "");
}

}  // namespace
}  // namespace lumen
