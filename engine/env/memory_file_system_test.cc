// Goal: what a crash leaves of files in memory is what engine/file_system.h promises and nothing
// more, and the controls for tests do what they say. Method: one small story for each rule.

#include "engine/memory_file_system.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "engine/env/memory_content.h"
#include "engine/env/seeded_random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

using Crash = MemoryFileSystem::Crash;
using Operation = MemoryFileSystem::Operation;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MemoryFiles : public testing::Test {
 protected:
  std::unique_ptr<LogFile> Create(const std::string& path) { return *fs_.CreateLogFile(path); }
  void WriteSynced(const std::string& path, std::string_view content) {
    auto file = Create(path);
    ASSERT_TRUE(file->Append(content).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  std::string AfterPowerLoss(const std::string& path) {
    const auto content = fs_.CrashCopy(Crash::kPowerLoss)->ReadWhole(path);
    return content.ok() ? *content : std::string(absl::StatusCodeToString(content.status().code()));
  }
  std::string AfterProcessCrash(const std::string& path) {
    const auto content = fs_.CrashCopy(Crash::kProcess)->ReadWhole(path);
    return content.ok() ? *content : std::string(absl::StatusCodeToString(content.status().code()));
  }

  MemoryFileSystem fs_;
};

TEST_F(MemoryFiles, AProcessCrashKeepsEverything) {
  ASSERT_TRUE(fs_.CreateDirectory("d").ok());
  auto file = Create("d/f");
  ASSERT_TRUE(file->Allocate(5).ok());
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(fs_.Link("d/f", "g").ok());
  EXPECT_EQ(AfterProcessCrash("d/f"), std::string("abc\0\0", 5));
  EXPECT_EQ(AfterProcessCrash("g"), std::string("abc\0\0", 5));
}

TEST_F(MemoryFiles, PowerLossAfterAProcessCrashStillTakesWhatWasNotSynced) {
  WriteSynced("kept", "abc");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(Create("lost")->Append("x").ok());
  auto restarted = fs_.CrashCopy(Crash::kProcess);
  EXPECT_TRUE(*restarted->Exists("lost"));
  auto rebooted = restarted->CrashCopy(Crash::kPowerLoss);
  EXPECT_THAT(*rebooted->List("/"), ElementsAre("kept"));
}

TEST_F(MemoryFiles, PowerLossKeepsOfAFileWhatItsLastSyncCovered) {
  auto file = Create("f");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_EQ(AfterPowerLoss("f"), "");
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append("def").ok());
  EXPECT_EQ(AfterPowerLoss("f"), "abc");
  EXPECT_EQ(AfterProcessCrash("f"), "abcdef");
}

TEST_F(MemoryFiles, AReservationIsDurableOnceSynced) {
  auto file = Create("f");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Allocate(6).ok());
  EXPECT_EQ(AfterPowerLoss("f"), "");
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(AfterPowerLoss("f"), std::string(6, '\0'));
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(AfterPowerLoss("f"), std::string("abc\0\0\0", 6));
}

TEST_F(MemoryFiles, ASyncedFileWithoutASyncedNameIsGone) {
  WriteSynced("f", "abc");
  EXPECT_EQ(AfterPowerLoss("f"), "NOT_FOUND");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_EQ(AfterPowerLoss("f"), "abc");
}

TEST_F(MemoryFiles, ANameInADirectoryWhoseOwnNameWasNeverSyncedIsGone) {
  ASSERT_TRUE(fs_.CreateDirectory("d").ok());
  WriteSynced("d/f", "abc");
  ASSERT_TRUE(fs_.SyncDirectory("d").ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), "NOT_FOUND");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), "abc");
}

TEST_F(MemoryFiles, AnUnsyncedRenameLeavesTheOldNames) {
  WriteSynced("old", "old");
  WriteSynced("new", "new");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(fs_.Rename("new", "old").ok());
  EXPECT_EQ(AfterPowerLoss("old"), "old");
  EXPECT_EQ(AfterPowerLoss("new"), "new");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_EQ(AfterPowerLoss("old"), "new");
  EXPECT_EQ(AfterPowerLoss("new"), "NOT_FOUND");
}

TEST_F(MemoryFiles, AnUnsyncedRemoveIsUndone) {
  WriteSynced("f", "abc");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(fs_.Remove("f").ok());
  EXPECT_EQ(AfterPowerLoss("f"), "abc");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  EXPECT_EQ(AfterPowerLoss("f"), "NOT_FOUND");
}

TEST_F(MemoryFiles, LinksStayNamesOfOneFileThroughACrash) {
  auto file = Create("a");
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(fs_.Link("a", "b").ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Sync().ok());
  auto copy = fs_.CrashCopy(Crash::kPowerLoss);
  ASSERT_TRUE(copy->Overwrite("a", 0, "X").ok());
  EXPECT_EQ(*copy->ReadWhole("b"), "Xbc");
}

// root{a{b}} becomes root{b{a}} with syncs that leave a and b durable in each other.
TEST_F(MemoryFiles, DirectoriesThatUnsyncedRenamesTieInAKnotAreStillATree) {
  ASSERT_TRUE(fs_.CreateDirectory("a").ok());
  ASSERT_TRUE(fs_.CreateDirectory("a/b").ok());
  ASSERT_TRUE(fs_.SyncDirectory("a").ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(fs_.Rename("a/b", "b").ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(fs_.Rename("a", "b/a").ok());
  ASSERT_TRUE(fs_.SyncDirectory("b").ok());
  auto copy = fs_.CrashCopy(Crash::kPowerLoss);
  EXPECT_THAT(*copy->List("/"), ElementsAre("a"));
  EXPECT_THAT(*copy->List("a"), ElementsAre("b"));
  EXPECT_THAT(*copy->List("a/b"), IsEmpty());
}

TEST_F(MemoryFiles, ACrashCopyAndItsOriginalGoSeparateWays) {
  auto file = Create("f");
  ASSERT_TRUE(file->Append(std::string(100'000, 'x')).ok());
  auto copy = fs_.CrashCopy(Crash::kProcess);
  ASSERT_TRUE(file->Append("more").ok());
  ASSERT_TRUE(fs_.Overwrite("f", 0, "O").ok());
  ASSERT_TRUE(copy->Overwrite("f", 50'000, "C").ok());
  std::string expected(100'000, 'x');
  expected[50'000] = 'C';
  EXPECT_TRUE(*copy->ReadWhole("f") == expected);
  EXPECT_EQ((*fs_.ReadWhole("f"))[50'000], 'x');
  EXPECT_EQ(*fs_.FileSize("f"), 100'004u);
}

TEST_F(MemoryFiles, AppendsAfterTheCrashDoNotReachTheReservationInTheCopy) {
  auto file = Create("f");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Allocate(10).ok());
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(file->Sync().ok());
  auto killed = fs_.CrashCopy(Crash::kProcess);
  auto unpowered = fs_.CrashCopy(Crash::kPowerLoss);
  ASSERT_TRUE(file->Append("more").ok());
  EXPECT_EQ(*killed->ReadWhole("f"), std::string("abc\0\0\0\0\0\0\0", 10));
  EXPECT_EQ(*unpowered->ReadWhole("f"), std::string("abc\0\0\0\0\0\0\0", 10));
}

TEST_F(MemoryFiles, ACrashReleasesLocks) {
  auto lock = fs_.Lock("LOCK", "first");
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(fs_.CrashCopy(Crash::kProcess)->Lock("LOCK", "second").ok());
  EXPECT_FALSE(fs_.Lock("LOCK", "second").ok());
}

TEST_F(MemoryFiles, OpenFilesOutliveTheFileSystem) {
  auto fs = std::make_unique<MemoryFileSystem>();
  auto log = *fs->CreateLogFile("f");
  auto reader = *fs->OpenReadFile("f");
  fs.reset();
  ASSERT_TRUE(log->Append("abc").ok());
  std::string out(3, '?');
  EXPECT_EQ(*reader->ReadAt(0, out), 3u);
  EXPECT_EQ(out, "abc");
}

TEST_F(MemoryFiles, AFullDiskTakesWhatFitsAndHeals) {
  fs_.SetCapacity(10);
  auto full = Create("f");
  EXPECT_EQ(*fs_.FreeSpace("/"), 10u);
  ASSERT_TRUE(full->Append("1234567").ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 3u);
  const absl::Status error = full->Append("89abcd");
  EXPECT_TRUE(absl::IsResourceExhausted(error)) << error;
  EXPECT_EQ(error.message(), "f: append: No space left on device");
  EXPECT_EQ(full->Sync(), error);
  EXPECT_EQ(full->offset(), 7u);
  EXPECT_EQ(*fs_.ReadWhole("f"), "123456789a");
  EXPECT_TRUE(absl::IsResourceExhausted(Create("g")->Allocate(1)));
  ASSERT_TRUE(fs_.Remove("f").ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 0u);  // still open
  full.reset();
  EXPECT_EQ(*fs_.FreeSpace("/"), 10u);
}

TEST_F(MemoryFiles, AReservationPaysForItsAppends) {
  fs_.SetCapacity(10);
  auto file = Create("f");
  ASSERT_TRUE(file->Allocate(10).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Create("g")->Append("x")));
  EXPECT_TRUE(file->Append("0123456789").ok());
  EXPECT_FALSE(file->Append("x").ok());
}

TEST_F(MemoryFiles, SpaceIsCountedAsFilesComeAndGo) {
  fs_.SetCapacity(100);
  WriteSynced("a", "0123456789");
  ASSERT_TRUE(fs_.Link("a", "b").ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 90u);
  ASSERT_TRUE(fs_.Remove("a").ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 90u);
  WriteSynced("c", "01234");
  ASSERT_TRUE(fs_.Rename("c", "b").ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 95u);
  EXPECT_EQ(*fs_.CrashCopy(Crash::kProcess)->FreeSpace("/"), 95u);
  EXPECT_EQ(*fs_.CrashCopy(Crash::kPowerLoss)->FreeSpace("/"), 100u);
  ASSERT_TRUE(fs_.Truncate("b", 2).ok());
  EXPECT_EQ(*fs_.FreeSpace("/"), 98u);
}

TEST_F(MemoryFiles, AHookMakesTheNthSyncFailAndTheFileRemembers) {
  int syncs = 0;
  fs_.SetHook([&](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kSync && ++syncs == 2;
    return fails ? absl::InternalError(path + ": planted") : absl::OkStatus();
  });
  auto file = Create("f");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append("def").ok());
  const absl::Status error = absl::InternalError("f: planted");
  EXPECT_EQ(file->Sync(), error);
  EXPECT_EQ(file->Sync(), error);
  EXPECT_EQ(file->Append("x"), error);
  EXPECT_EQ(file->Allocate(9), error);
  EXPECT_EQ(syncs, 2);
  EXPECT_EQ(file->durable_offset(), 3u);
  fs_.SetHook({});
  EXPECT_EQ(AfterPowerLoss("f"), "abc");
  EXPECT_EQ(AfterProcessCrash("f"), "abcdef");
}

TEST_F(MemoryFiles, AHookSeesEveryOperationAndStopsIt) {
  WriteSynced("f", "abc");
  ASSERT_TRUE(fs_.CreateDirectory("d").ok());
  auto reader = *fs_.OpenReadFile("f");
  const auto before = *fs_.List("/");
  std::string seen;
  fs_.SetHook([&](Operation, const std::string& path) {
    seen += path + " ";
    return absl::UnavailableError("planted");
  });
  std::string out(3, '?');
  for (const absl::Status& status :
       {fs_.CreateLogFile("g").status(), fs_.OpenReadFile("f").status(), fs_.Rename("f", "g"),
        fs_.Link("f", "g"), fs_.Remove("f"), fs_.CreateDirectory("e"), fs_.RemoveDirectory("d"),
        fs_.List("/").status(), fs_.SyncDirectory("/"), fs_.Exists("f").status(),
        fs_.FileSize("f").status(), fs_.FreeSpace("/").status(), fs_.Lock("l", "o").status(),
        reader->ReadAt(0, out).status()}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_FALSE(reader->View(0, 3).has_value());
  EXPECT_EQ(seen, "g f f f f e d / / f f / l f f ");
  fs_.SetHook({});
  EXPECT_EQ(*fs_.List("/"), before);
  EXPECT_TRUE(reader->View(0, 3).has_value());
}

TEST_F(MemoryFiles, AHookMayTakeACrashCopy) {
  std::unique_ptr<MemoryFileSystem> copy;
  fs_.SetHook([&](Operation operation, const std::string&) {
    if (operation == Operation::kSync) copy = fs_.CrashCopy(Crash::kPowerLoss);
    return absl::OkStatus();
  });
  auto file = Create("f");
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*copy->ReadWhole("f"), "");
  EXPECT_EQ(AfterPowerLoss("f"), "abc");
}

TEST_F(MemoryFiles, ChangesToTheMediumSurviveEverything) {
  ASSERT_TRUE(fs_.CreateDirectory("d").ok());
  ASSERT_TRUE(fs_.WriteWhole("d/f", "0123456789").ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), "0123456789");
  ASSERT_TRUE(fs_.WriteWhole("d/f", "abcdef").ok());
  ASSERT_TRUE(fs_.Overwrite("d/f", 1, "XY").ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), "aXYdef");
  ASSERT_TRUE(fs_.Truncate("d/f", 2).ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), "aX");
  ASSERT_TRUE(fs_.Truncate("d/f", 4).ok());
  EXPECT_EQ(AfterPowerLoss("d/f"), std::string("aX\0\0", 4));
  EXPECT_FALSE(fs_.Overwrite("d/f", 3, "no").ok());
  EXPECT_TRUE(absl::IsNotFound(fs_.WriteWhole("e/f", "x")));
}

TEST_F(MemoryFiles, AViewNeverChangesUnderItsReader) {
  ASSERT_TRUE(fs_.WriteWhole("f", std::string(100'000, 'x')).ok());
  auto reader = *fs_.OpenReadFile("f");
  const auto view = reader->View(70'000, 1000);
  ASSERT_TRUE(view.has_value());
  ASSERT_TRUE(fs_.Overwrite("f", 70'500, "changed").ok());
  ASSERT_TRUE(fs_.Truncate("f", 70'200).ok());
  ASSERT_TRUE(fs_.Remove("f").ok());
  EXPECT_EQ(*view, std::string(1000, 'x'));
}

TEST_F(MemoryFiles, ViewsMayBeReadWhileTheFileGrows) {
  constexpr size_t kPiece = 100;
  constexpr int kPieces = 2000;
  auto log = Create("f");
  auto reader = *fs_.OpenReadFile("f");
  std::thread writer([&] {
    for (int i = 0; i < kPieces; i++) {
      ASSERT_TRUE(log->Append(std::string(kPiece, static_cast<char>('a' + i % 26))).ok());
    }
  });
  int views = 0;
  for (int i = 0; i < kPieces; i++) {
    const auto offset = static_cast<uint64_t>(i) * kPiece;
    while (log->offset() < offset + kPiece) std::this_thread::yield();
    if (const auto view = reader->View(offset, kPiece)) {
      ASSERT_EQ(*view, std::string(kPiece, static_cast<char>('a' + i % 26)));
      views++;
    }
  }
  writer.join();
  EXPECT_GT(views, kPieces * 9 / 10);
}

TEST_F(MemoryFiles, ThreadsMayUseItTogether) {
  std::atomic<int> failures{0};
  const auto work = [&](const std::string& name) {
    for (int i = 0; i < 200; i++) {
      WriteSynced(name, "abc");
      if (!fs_.SyncDirectory("/").ok() || !fs_.OpenReadFile(name).ok()) failures++;
      if (!fs_.Rename(name, name + "2").ok() || !fs_.Remove(name + "2").ok()) failures++;
      if (fs_.CrashCopy(Crash::kPowerLoss)->Exists("zz").value()) failures++;
    }
  };
  std::thread first(work, "a"), second(work, "b");
  first.join();
  second.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(MemoryFiles, AReservationCostsNoMemory) {
  // 4 TiB would not fit this machine.
  auto file = Create("f");
  ASSERT_TRUE(file->Allocate(uint64_t{4} << 40).ok());
  ASSERT_TRUE(file->Append("abc").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  auto copy = fs_.CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(*copy->FileSize("f"), uint64_t{4} << 40);
}

// MemoryContent against the obvious model: three strings.
TEST(MemoryContentModel, EveryVersionIsWhatPlainStringsSay) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    MemoryContent content;
    std::string now, synced;
    size_t written = 0;
    for (int i = 0; i < 60; i++) {
      const size_t size = 1 + random.Below(100'000);
      switch (random.Below(6)) {
        case 0: {  // over what is there, or over its end
          const uint64_t offset = now.empty() ? 0 : random.Below(now.size());
          const std::string data(size, static_cast<char>('a' + i % 26));
          content.Write(offset, data);
          content.Sync();
          written = std::max(written, offset + size);
          now.resize(std::max<size_t>(now.size(), offset + size));
          now.replace(offset, size, data);
          synced = now;
          break;
        }
        case 1:
        case 2: {
          const std::string data(size, static_cast<char>('A' + i % 26));
          content.Write(written, data);
          now.resize(std::max(now.size(), written + size));
          now.replace(written, size, data);
          written += size;
          break;
        }
        case 3:
          content.Extend(written + size);
          now.resize(std::max(now.size(), written + size));
          break;
        case 4:
          content.Sync();
          synced = now;
          break;
        default:
          if (i % 3 != 0) break;
          content.Resize(size);
          now.resize(size);
          written = std::min(written, size);
          synced = now;
      }
      MemoryContent copies[] = {content.Copy(), content.DurableCopy(),
                                content.Copy().DurableCopy()};
      const std::string* expected[] = {&now, &synced, &synced};
      for (int c = 0; c < 3; c++) {
        std::string read(static_cast<size_t>(copies[c].size()), '?');
        ASSERT_EQ(copies[c].Read(0, read), read.size());
        ASSERT_TRUE(read == *expected[c]) << "operation " << i << ", copy " << c;
      }
    }
  }
}

}  // namespace
}  // namespace lumen
