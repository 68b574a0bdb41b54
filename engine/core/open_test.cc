// Goal: Open refuses what it cannot trust, in words that help, and changes nothing; it creates only
// where there was nothing. Method: one small database on an in-memory file system, damaged in one
// way per test; the directory is compared byte for byte before and after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/database_inspect.h"
#include "engine/errno_status.h"
#include "engine/format/coding.h"
#include "engine/format/crc32c.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal_inspect.h"

namespace lumen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Operation = MemoryFileSystem::Operation;

std::vector<std::string> NamesIn(MemoryFileSystem& files) {
  absl::StatusOr<std::vector<std::string>> names = files.List("/db");
  EXPECT_TRUE(names.ok()) << names.status();
  return *std::move(names);
}

// Every file but the lock, with its size and the hash of its bytes, which are too many to print.
std::map<std::string, std::pair<size_t, size_t>> FilesOf(MemoryFileSystem& files) {
  std::map<std::string, std::pair<size_t, size_t>> all;
  for (const std::string& name : NamesIn(files)) {
    if (name == "LOCK") continue;
    const std::string bytes = *files.ReadWhole("/db/" + name);
    all[name] = {bytes.size(), std::hash<std::string>()(bytes)};
  }
  return all;
}

std::string NameOf(MemoryFileSystem& files, FileKind kind) {
  for (const std::string& name : NamesIn(files)) {
    if (ParseFileName(name).kind == kind) return "/db/" + name;
  }
  return "none";
}

// A database with a table and with writes that are in the WAL only, as a process crash leaves it.
class OpenTest : public testing::Test {
 protected:
  OpenTest() {
    TestDatabase database(*files_, 3);
    EXPECT_TRUE(database.Open().ok());
    EXPECT_TRUE(database.Write({{"flushed", "1"}}, Durability::kSync).ok());
    EXPECT_TRUE(database.engine().Flush().ok());
    for (const char* key : {"a", "b", "c"}) {
      EXPECT_TRUE(database.Write({{key, "2"}}, Durability::kSync).ok());
    }
    content_ = database.history().Visible();
    files_ = files_->CrashCopy(Crash::kProcess);
  }

  absl::Status Open(Options options = TinyOptions()) {
    TestDatabase database(*files_, 4, std::move(options));
    return database.Open();
  }
  // Refused with a message that says `words`, and nothing changed.
  void ExpectRefusal(absl::StatusCode code, const std::vector<std::string>& words) {
    const auto before = FilesOf(*files_);
    const absl::Status status = Open();
    EXPECT_EQ(status.code(), code) << status;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(word));
    }
    EXPECT_EQ(FilesOf(*files_), before);
  }
  // The database opens and holds what was written.
  void ExpectWhole() {
    TestDatabase database(*files_, 9);
    ASSERT_TRUE(database.Open().ok());
    const auto content = ReadContent(database.engine());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, content_);
  }
  std::string Take(const std::string& path) {
    std::string bytes = *files_->ReadWhole(path);
    EXPECT_TRUE(files_->Remove(path).ok());
    return bytes;
  }

  std::unique_ptr<MemoryFileSystem> files_ = std::make_unique<MemoryFileSystem>();
  Content content_;
};

TEST_F(OpenTest, ASegmentSizeThatRecoveryCannotReadIsRefused) {
  Options options = TinyOptions();
  for (const uint64_t bytes : {uint64_t{60} << 10, (uint64_t{64} << 10) + 512, uint64_t{2} << 30}) {
    options.wal_segment_bytes = bytes;
    const absl::Status status = Open(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("wal_segment_bytes"));
  }
}

TEST_F(OpenTest, AMissingTableIsRefusedAndPutBackItOpens) {
  const std::string table = NameOf(*files_, FileKind::kTable);
  const std::string bytes = Take(table);
  ExpectRefusal(absl::StatusCode::kDataLoss, {table, "missing", "lumen "});
  ASSERT_TRUE(files_->WriteWhole(table, bytes).ok());
  ExpectWhole();
}

TEST_F(OpenTest, ATableOfAnotherSizeIsRefused) {
  const std::string table = NameOf(*files_, FileKind::kTable);
  const std::string bytes = *files_->ReadWhole(table);
  for (const std::string& wrong : {bytes.substr(0, bytes.size() - 1), bytes + "x", std::string()}) {
    ASSERT_TRUE(files_->WriteWhole(table, wrong).ok());
    ExpectRefusal(absl::StatusCode::kDataLoss,
                  {table, absl::StrCat(wrong.size(), " bytes"), "lumen "});
  }
  ASSERT_TRUE(files_->WriteWhole(table, bytes).ok());
  ExpectWhole();
}

TEST_F(OpenTest, ATableInAnotherOnesPlaceIsRefusedThoughItIsAsLong) {
  {
    TestDatabase database(*files_, 5);
    ASSERT_TRUE(database.Open().ok());  // which writes a second table
    ASSERT_TRUE(database.Write({{"flushes", "1"}}, Durability::kSync).ok());
    ASSERT_TRUE(database.engine().Flush().ok());
    database.Leave();
  }
  std::map<size_t, std::string> by_size;  // "flushed" and "flushes" make tables of one size
  std::string one;
  std::string other;
  for (const std::string& name : NamesIn(*files_)) {
    if (ParseFileName(name).kind != FileKind::kTable) continue;
    const std::string path = "/db/" + name;
    const auto [at, added] = by_size.emplace(*files_->FileSize(path), path);
    if (!added) std::tie(one, other) = std::pair(at->second, path);
  }
  ASSERT_NE(one, "");
  const std::string bytes = *files_->ReadWhole(one);
  ASSERT_TRUE(files_->WriteWhole(one, *files_->ReadWhole(other)).ok());
  ASSERT_TRUE(files_->WriteWhole(other, bytes).ok());
  ExpectRefusal(absl::StatusCode::kDataLoss,
                {"/db/0", ".sst: offset ", "another table", "sequence", "instead of", "lumen "});
}

TEST_F(OpenTest, AMissingManifestIsRefused) {
  const std::string manifest = NameOf(*files_, FileKind::kManifest);
  const std::string bytes = Take(manifest);
  ExpectRefusal(absl::StatusCode::kDataLoss, {manifest, "missing", "lumen "});
  ASSERT_TRUE(files_->WriteWhole(manifest, bytes).ok());
  ExpectWhole();
}

TEST_F(OpenTest, AMissingFloorSegmentIsRefused) {
  std::string first;
  for (const std::string& name : NamesIn(*files_)) {
    if (ParseFileName(name).kind != FileKind::kWal) continue;
    if (first.empty()) first = "/db/" + name;
    Take("/db/" + name);
  }
  ExpectRefusal(absl::StatusCode::kDataLoss,
                {first + ": ", "floor-missing", "lumen wal dump " + first, "lumen verify /db -"});
}

TEST_F(OpenTest, SlashesBehindTheDirectoryChangeNothing) {
  for (const std::string directory : {"/new//", "/deep/below/"}) {
    SimulatedEnvironment environment(5, *files_);
    const auto made = Engine::Open(TinyOptions(), directory, environment.environment());
    EXPECT_TRUE(made.ok()) << made.status();
  }
  EXPECT_TRUE(*files_->Exists("/new/CURRENT"));
  EXPECT_TRUE(*files_->Exists("/deep/below/CURRENT"));
  Take(NameOf(*files_, FileKind::kWal));
  SimulatedEnvironment environment(6, *files_);
  for (const absl::Status& refusal :
       {Engine::Open(TinyOptions(), "/db//", environment.environment()).status(),
        VerifyDatabase(*files_, "/db//")->verdict(),
        VerifyWalDirectory(*files_, "/db//")->verdict}) {
    EXPECT_TRUE(absl::IsDataLoss(refusal)) << refusal;
    const std::string words(refusal.message());
    EXPECT_THAT(words, testing::StartsWith("/db/"));
    EXPECT_THAT(words, HasSubstr("lumen verify /db -"));
    EXPECT_THAT(words, testing::EndsWith("lumen repair /db"));
    EXPECT_THAT(words, testing::Not(HasSubstr("//")));
  }
}

// Cut or wiped, it is not missing, and is not said to be.
TEST_F(OpenTest, AnEmptyFloorSegmentIsSaidToBeThere) {
  std::string first;
  for (const std::string& name : NamesIn(*files_)) {
    if (ParseFileName(name).kind != FileKind::kWal) continue;
    if (first.empty()) first = "/db/" + name;
    ASSERT_TRUE(files_->WriteWhole("/db/" + name, "").ok());
  }
  ExpectRefusal(absl::StatusCode::kDataLoss,
                {first + ": ", "floor-missing", "the file is there, but it is empty"});
  ASSERT_TRUE(files_->WriteWhole(first, std::string(5000, '\0')).ok());
  ExpectRefusal(absl::StatusCode::kDataLoss,
                {first + ": ", "floor-missing", "the file is there with 5000 bytes, but neither"});
}

// Nothing is damaged: the commands for damage would refuse, or be wrong.
TEST_F(OpenTest, ANewerFormatIsAnsweredWithWhatHelps) {
  const std::string manifest = NameOf(*files_, FileKind::kManifest);
  const std::string wal = NameOf(*files_, FileKind::kWal);
  for (const std::string& path : {manifest, wal}) {
    const std::string good = *files_->ReadWhole(path);
    std::string newer = good;
    newer[8] = 2;
    StoreFixed<uint32_t>(&newer[4092], Crc32c(std::string_view(newer).substr(0, 4092)));
    ASSERT_TRUE(files_->WriteWhole(path, newer).ok());
    ExpectRefusal(absl::StatusCode::kUnimplemented,
                  {path, "newer-format", "Use the newer lumen-server", "restore a checkpoint"});
    EXPECT_THAT(std::string(Open().message()), Not(HasSubstr("`lumen ")));
    ASSERT_TRUE(files_->WriteWhole(path, good).ok());
  }
  ExpectWhole();
}

TEST_F(OpenTest, ADamagedCurrentIsRefused) {
  const std::string good = *files_->ReadWhole("/db/CURRENT");
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() - 1), "MANIFEST-9999 00000000\n" + good}) {
    ASSERT_TRUE(files_->WriteWhole("/db/CURRENT", bad).ok());
    ExpectRefusal(absl::StatusCode::kDataLoss, {"/db/CURRENT", "current-checksum", "lumen "});
  }
}

TEST_F(OpenTest, ADamagedManifestIsRefused) {
  const std::string manifest = NameOf(*files_, FileKind::kManifest);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4096}}) {
    const std::string good = *files_->ReadWhole(manifest);
    ASSERT_TRUE(files_->Overwrite(manifest, offset, "damage").ok());
    ExpectRefusal(absl::StatusCode::kDataLoss,
                  {manifest, "rule ", "lumen manifest dump " + manifest});
    ASSERT_TRUE(files_->WriteWhole(manifest, good).ok());
  }
  ExpectWhole();
}

TEST_F(OpenTest, ADamagedWalIsRefused) {
  std::string wal;
  for (const std::string& name : NamesIn(*files_)) {
    if (ParseFileName(name).kind != FileKind::kWal) continue;
    if (files_->ReadWhole("/db/" + name)->find("b2") != std::string::npos) wal = "/db/" + name;
  }
  ASSERT_NE(wal, "");
  const std::string good = *files_->ReadWhole(wal);
  ASSERT_TRUE(files_->Overwrite(wal, good.find("b2"), "x").ok());
  ExpectRefusal(absl::StatusCode::kDataLoss, {wal, "durable-promise", "offset ", "lumen "});
}

TEST_F(OpenTest, ADirectoryThatLostCurrentIsNotCreatedAnew) {
  Take("/db/CURRENT");
  ExpectRefusal(absl::StatusCode::kDataLoss, {"/db/", "no CURRENT", "`lumen repair /db` finds"});
  // The WAL alone is evidence enough.
  Take(NameOf(*files_, FileKind::kTable));
  ExpectRefusal(absl::StatusCode::kDataLoss, {".wal", "no CURRENT", "lumen "});
}

TEST_F(OpenTest, AReadErrorIsNoEndOfFile) {
  for (const char* victim : {"CURRENT", "MANIFEST", ".wal", ".sst"}) {
    int reads = 0;
    files_->SetHook([&](Operation operation, const std::string& path) {
      const bool fails = operation == Operation::kRead && path.find(victim) != std::string::npos;
      if (fails) ++reads;
      return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
    });
    ExpectRefusal(absl::StatusCode::kInternal, {victim, "injected"});
    EXPECT_GT(reads, 0);
    files_->SetHook({});
  }
  ExpectWhole();
}

TEST_F(OpenTest, ASecondOpenIsRefusedAndTheFirstWorksOn) {
  Options options = TinyOptions();
  options.lock_owner = "the first one";
  TestDatabase first(*files_, 3, options);
  ASSERT_TRUE(first.Open().ok());
  ExpectRefusal(absl::StatusCode::kFailedPrecondition, {"/db/LOCK", "the first one"});
  EXPECT_TRUE(first.Write({{"more", "3"}}, Durability::kSync).ok());
  first.Leave();
  EXPECT_TRUE(Open().ok());
}

TEST_F(OpenTest, OpensThatFindTheDiskFullLeaveNothingBehind) {
  const auto before = FilesOf(*files_);
  uint64_t used = 0;
  for (const auto& [name, file] : before) used += file.first;
  for (uint64_t room = 0; room < 80 << 10; room += 5000) {
    files_->SetCapacity(used + room);
    const absl::Status status = Open();
    if (status.ok()) break;
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    ASSERT_EQ(FilesOf(*files_), before) << "with room for " << room << " bytes";
  }
  files_->SetCapacity(MemoryFileSystem::kUnlimited);
  ExpectWhole();
}

TEST_F(OpenTest, StrangersFilesAreLeftAlone) {
  ASSERT_TRUE(files_->WriteWhole("/db/notes.txt", "mine").ok());
  ExpectWhole();
  EXPECT_EQ(*files_->ReadWhole("/db/notes.txt"), "mine");
}

TEST(CreationTest, NothingIsCreatedWhereItMayNotBe) {
  MemoryFileSystem files;
  Options options = TinyOptions();
  options.create_if_missing = false;
  TestDatabase database(files, 3, options);
  EXPECT_TRUE(absl::IsNotFound(database.Open()));
  EXPECT_FALSE(*files.Exists("/db"));
  ASSERT_TRUE(files.CreateDirectory("/db").ok());
  EXPECT_TRUE(absl::IsNotFound(database.Open()));
  EXPECT_THAT(FilesOf(files), IsEmpty());
}

TEST(CreationTest, EveryNewParentIsDurable) {
  MemoryFileSystem files;
  TestDatabase database(files, 3, TinyOptions(), "/a/b/c");
  ASSERT_TRUE(database.Open().ok());
  ASSERT_TRUE(database.Write({{"key", "value"}}, Durability::kSync).ok());
  const auto copy = files.CrashCopy(Crash::kPowerLoss);
  Options options = TinyOptions();
  options.create_if_missing = false;
  TestDatabase again(*copy, 4, options, "/a/b/c");
  ASSERT_TRUE(again.Open().ok());
  EXPECT_EQ(*ReadContent(again.engine()), database.history().Visible());
}

TEST(CreationTest, AnAncestorThatMayNotBeReadIsLeftToItsOwner) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDirectory("/home").ok());
  ASSERT_TRUE(files.CreateDirectory("/home/me").ok());
  files.SetHook([](Operation operation, const std::string& path) {
    const bool denied = operation == Operation::kSyncDirectory && (path == "/" || path == "/home");
    return denied ? SyncNotBegun(absl::PermissionDeniedError(path)) : absl::OkStatus();
  });
  TestDatabase here(files, 3, TinyOptions(), "/home/me/new/db");
  const absl::Status opened = here.Open();
  EXPECT_TRUE(opened.ok()) << opened;
  // A name that was made now must be durable.
  TestDatabase there(files, 3, TinyOptions(), "/home/new/db");
  EXPECT_TRUE(absl::IsPermissionDenied(there.Open()));
  EXPECT_FALSE(*files.Exists("/home/new"));
}

TEST(CreationTest, AParentWhoseSyncFailedIsMadeAnew) {
  MemoryFileSystem files;
  bool failed = false;
  files.SetHook([&](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kSyncDirectory && path == "/" && !failed;
    if (fails) failed = true;
    return fails ? absl::InternalError(path + ": injected") : absl::OkStatus();
  });
  TestDatabase database(files, 3, TinyOptions());
  EXPECT_FALSE(database.Open().ok());
  EXPECT_FALSE(*files.Exists("/db"));
  EXPECT_TRUE(database.Open().ok());
}

}  // namespace
}  // namespace lumen
