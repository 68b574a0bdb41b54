// Goal: every sentence of engine/file_system.h that needs no crash holds for real files and for
// those in memory. Method: the same tests run on both.

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "engine/env/posix_file_system.h"
#include "engine/env/temporary_directory.h"
#include "engine/file_system.h"
#include "engine/memory_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Volume {
 public:
  virtual ~Volume() = default;
  virtual FileSystem& file_system() = 0;
  virtual std::string root() = 0;
};

class PosixVolume final : public Volume {
 public:
  FileSystem& file_system() override { return file_system_; }
  std::string root() override { return directory_.path(); }

 private:
  PosixFileSystem file_system_;
  TemporaryDirectory directory_;
};

class MemoryVolume final : public Volume {
 public:
  FileSystem& file_system() override { return file_system_; }
  std::string root() override { return ""; }

 private:
  MemoryFileSystem file_system_;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Volume>()> make;
};

class FileSystemContract : public testing::TestWithParam<Kind> {
 protected:
  std::string Path(const std::string& name) const { return volume_->root() + "/" + name; }

  std::unique_ptr<LogFile> Create(const std::string& name) {
    auto file = fs_.CreateLogFile(Path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  void Write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(Create(name)->Append(content).ok());
  }
  std::string Read(const std::string& name) {
    auto file = fs_.OpenReadFile(Path(name));
    if (!file.ok()) return file.status().ToString();
    std::string content((*file)->size(), '?');
    EXPECT_EQ(*(*file)->ReadAt(0, content), content.size());
    return content;
  }

  const std::unique_ptr<Volume> volume_ = GetParam().make();
  FileSystem& fs_ = volume_->file_system();
};

TEST_P(FileSystemContract, WhatWasAppendedIsReadBack) {
  auto file = Create("f");
  ASSERT_TRUE(file->Append("hello ").ok());
  ASSERT_TRUE(file->Append("").ok());
  ASSERT_TRUE(file->Append("world").ok());
  EXPECT_EQ(file->offset(), 11u);
  EXPECT_EQ(Read("f"), "hello world");
}

TEST_P(FileSystemContract, LargeAppendsCrossEveryInternalBoundary) {
  std::string content(5 << 20, '\0');
  for (size_t i = 0; i < content.size(); i++) content[i] = static_cast<char>(i * 31 >> 7);
  auto file = Create("f");
  ASSERT_TRUE(file->Append(std::string_view(content).substr(0, 100'001)).ok());
  ASSERT_TRUE(file->Append(std::string_view(content).substr(100'001)).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_TRUE(Read("f") == content);
}

TEST_P(FileSystemContract, DurableOffsetFollowsOnlySync) {
  auto file = Create("f");
  ASSERT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(file->durable_offset(), 0u);
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(file->durable_offset(), 3u);
  ASSERT_TRUE(file->Append("d").ok());
  EXPECT_EQ(file->durable_offset(), 3u);
}

TEST_P(FileSystemContract, OffsetsMayBeReadWhileAnotherThreadSyncs) {
  auto file = Create("f");
  ASSERT_TRUE(file->Append("abc").ok());
  std::thread syncing([&] { EXPECT_TRUE(file->Sync().ok()); });
  while (file->durable_offset() != 3) EXPECT_EQ(file->offset(), 3u);
  syncing.join();
}

TEST_P(FileSystemContract, AReservationReadsAsZerosAndMovesNothing) {
  auto file = Create("f");
  ASSERT_TRUE(file->Allocate(0).ok());
  EXPECT_EQ(*fs_.FileSize(Path("f")), 0u);
  ASSERT_TRUE(file->Allocate(10).ok());
  EXPECT_EQ(file->offset(), 0u);
  ASSERT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(*fs_.FileSize(Path("f")), 10u);
  EXPECT_EQ(Read("f"), std::string("abc\0\0\0\0\0\0\0", 10));
  ASSERT_TRUE(file->Append("0123456789").ok());
  EXPECT_EQ(Read("f"), "abc0123456789");
  ASSERT_TRUE(file->Allocate(4).ok());
  EXPECT_EQ(*fs_.FileSize(Path("f")), 13u);
}

TEST_P(FileSystemContract, BehindItsDataAFileIsZero) {
  auto file = Create("f");
  ASSERT_TRUE(file->Allocate(1 << 20).ok());
  ASSERT_TRUE(file->Append(std::string(5000, 'x')).ok());
  const auto reader = fs_.OpenReadFile(Path("f"));
  ASSERT_TRUE(reader.ok());
  const uint64_t data_end = (*reader)->data_end();
  EXPECT_GE(data_end, 5000u);
  EXPECT_LE(data_end, (*reader)->size());
  EXPECT_EQ(Read("f").find_first_not_of('\0', static_cast<size_t>(data_end)), std::string::npos);
  // Of now, not of when it was opened.
  ASSERT_TRUE(file->Append(std::string(100'000, 'y')).ok());
  EXPECT_GE((*reader)->data_end(), 105'000u);
}

TEST_P(FileSystemContract, AFileIsCreatedOnlyOnce) {
  Write("f", "x");
  const auto again = fs_.CreateLogFile(Path("f")).status();
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  EXPECT_EQ(again.message(), Path("f") + ": create: File exists");
  EXPECT_EQ(Read("f"), "x");
}

TEST_P(FileSystemContract, AMissingNameIsNotFoundEverywhere) {
  const std::string path = Path("missing");
  EXPECT_TRUE(absl::IsNotFound(fs_.OpenReadFile(path).status()));
  EXPECT_TRUE(absl::IsNotFound(fs_.CreateLogFile(path + "/f").status()));
  EXPECT_TRUE(absl::IsNotFound(fs_.Rename(path, Path("x"))));
  EXPECT_TRUE(absl::IsNotFound(fs_.Link(path, Path("x"))));
  EXPECT_TRUE(absl::IsNotFound(fs_.Remove(path)));
  EXPECT_TRUE(absl::IsNotFound(fs_.CreateDirectory(path + "/d")));
  EXPECT_TRUE(absl::IsNotFound(fs_.RemoveDirectory(path)));
  EXPECT_TRUE(absl::IsNotFound(fs_.List(path).status()));
  EXPECT_TRUE(absl::IsNotFound(fs_.SyncDirectory(path)));
  EXPECT_TRUE(absl::IsNotFound(fs_.FileSize(path).status()));
  EXPECT_TRUE(absl::IsNotFound(fs_.FreeSpace(path).status()));
  EXPECT_TRUE(absl::IsNotFound(fs_.Lock(path + "/LOCK", "o").status()));
  EXPECT_FALSE(*fs_.Exists(path));
  EXPECT_FALSE(*fs_.Exists(path + "/deeper"));
}

TEST_P(FileSystemContract, AFileIsNoDirectoryAndADirectoryIsNoFile) {
  Write("f", "x");
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  for (const absl::Status& status :
       {fs_.OpenReadFile(Path("d")).status(), fs_.FileSize(Path("d")).status(),
        fs_.Remove(Path("d")), fs_.Lock(Path("d"), "o").status(), fs_.List(Path("f")).status(),
        fs_.SyncDirectory(Path("f")), fs_.RemoveDirectory(Path("f")),
        fs_.CreateLogFile(Path("f/g")).status()}) {
    EXPECT_TRUE(absl::IsInternal(status)) << status;
  }
  EXPECT_FALSE(*fs_.Exists(Path("f/g")));
}

TEST_P(FileSystemContract, ErrorsStartWithThePath) {
  EXPECT_THAT(std::string(fs_.Remove(Path("m")).message()), StartsWith(Path("m") + ": "));
  EXPECT_THAT(std::string(fs_.Rename(Path("m"), Path("n")).message()),
              StartsWith(Path("m") + ": "));
}

TEST_P(FileSystemContract, ReadsEndAtTheEndOfTheFile) {
  Write("f", "0123456789");
  auto file = *fs_.OpenReadFile(Path("f"));
  std::string out(4, '?');
  EXPECT_EQ(*file->ReadAt(8, out), 2u);
  EXPECT_EQ(out, "89??");
  EXPECT_EQ(*file->ReadAt(10, out), 0u);
  EXPECT_EQ(*file->ReadAt(1000, out), 0u);
}

TEST_P(FileSystemContract, AnOpenFileSeesAppendsButKeepsItsSize) {
  auto log = Create("f");
  ASSERT_TRUE(log->Append("abc").ok());
  auto file = *fs_.OpenReadFile(Path("f"));
  ASSERT_TRUE(log->Append("def").ok());
  EXPECT_EQ(file->size(), 3u);
  std::string out(6, '?');
  EXPECT_EQ(*file->ReadAt(0, out), 6u);
  EXPECT_EQ(out, "abcdef");
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  Write("f", "abc");
  auto file = *fs_.OpenReadFile(Path("f"));
  ASSERT_TRUE(fs_.Remove(Path("f")).ok());
  std::string out(3, '?');
  EXPECT_EQ(*file->ReadAt(0, out), 3u);
  EXPECT_EQ(out, "abc");
}

TEST_P(FileSystemContract, AViewShowsWhatReadAtShows) {
  std::string content(200'000, '\0');
  for (size_t i = 0; i < content.size(); i++) content[i] = static_cast<char>(i % 251);
  Write("f", content);
  auto file = *fs_.OpenReadFile(Path("f"));
  for (size_t offset = 0; offset + 5000 <= content.size(); offset += 4999) {
    if (const auto view = file->View(offset, 5000)) {
      EXPECT_EQ(*view, std::string_view(content).substr(offset, 5000));
    }
  }
  EXPECT_FALSE(file->View(content.size() - 1, 2).has_value());
  EXPECT_FALSE(file->View(content.size() + 1, 0).has_value());
}

TEST_P(FileSystemContract, RenameReplacesItsTarget) {
  Write("a", "new");
  Write("b", "old");
  ASSERT_TRUE(fs_.Rename(Path("a"), Path("b")).ok());
  EXPECT_FALSE(*fs_.Exists(Path("a")));
  EXPECT_EQ(Read("b"), "new");
}

TEST_P(FileSystemContract, RenameMovesADirectoryWithWhatIsInIt) {
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  ASSERT_TRUE(fs_.CreateDirectory(Path("e")).ok());
  Write("d/f", "x");
  EXPECT_TRUE(absl::IsInternal(fs_.Rename(Path("d"), Path("d/g"))));
  ASSERT_TRUE(fs_.Rename(Path("d"), Path("e")).ok());
  EXPECT_EQ(Read("e/f"), "x");
  EXPECT_FALSE(*fs_.Exists(Path("d")));
}

TEST_P(FileSystemContract, ALinkIsASecondNameOfOneFile) {
  auto file = Create("a");
  ASSERT_TRUE(fs_.Link(Path("a"), Path("b")).ok());
  ASSERT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(Read("b"), "abc");
  ASSERT_TRUE(fs_.Remove(Path("a")).ok());
  EXPECT_EQ(Read("b"), "abc");
  Write("c", "");
  EXPECT_TRUE(absl::IsAlreadyExists(fs_.Link(Path("b"), Path("c"))));
}

TEST_P(FileSystemContract, OnlyAnEmptyDirectoryIsRemoved) {
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(fs_.CreateDirectory(Path("d"))));
  Write("d/f", "");
  EXPECT_TRUE(absl::IsInternal(fs_.RemoveDirectory(Path("d"))));
  ASSERT_TRUE(fs_.Remove(Path("d/f")).ok());
  EXPECT_TRUE(fs_.RemoveDirectory(Path("d")).ok());
  EXPECT_FALSE(*fs_.Exists(Path("d")));
}

TEST_P(FileSystemContract, ListSortsBytewise) {
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  EXPECT_THAT(*fs_.List(Path("d")), IsEmpty());
  for (const char* name : {"d/b", "d/\xc3\xa4", "d/B", "d/a", "d/10", "d/9"}) Write(name, "");
  ASSERT_TRUE(fs_.CreateDirectory(Path("d/sub")).ok());
  EXPECT_THAT(*fs_.List(Path("d")), ElementsAre("10", "9", "B", "a", "b", "sub", "\xc3\xa4"));
}

TEST_P(FileSystemContract, ADirectoryExistsAndCanBeSynced) {
  EXPECT_TRUE(*fs_.Exists(volume_->root() + "/"));
  EXPECT_TRUE(fs_.SyncDirectory(volume_->root() + "/").ok());
  EXPECT_GT(*fs_.FreeSpace(volume_->root() + "/"), 0u);
}

TEST_P(FileSystemContract, ALockExcludesThisProcessAndNamesItsHolder) {
  auto lock = fs_.Lock(Path("LOCK"), "server 42");
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(Read("LOCK"), "server 42");
  const auto second = fs_.Lock(Path("LOCK"), "other").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_EQ(second.message(), Path("LOCK") + ": lock: held by \"server 42\"");
  lock->reset();
  EXPECT_TRUE(fs_.Lock(Path("LOCK"), "x").ok());
  EXPECT_EQ(Read("LOCK"), "x");
}

// What an operator does who finds a LOCK left behind, and is wrong about it.
TEST_P(FileSystemContract, ALockWhoseFileIsRemovedIsStillHeld) {
  auto lock = fs_.Lock(Path("LOCK"), "server 42");
  ASSERT_TRUE(lock.ok()) << lock.status();
  ASSERT_TRUE(fs_.Remove(Path("LOCK")).ok());
  EXPECT_TRUE((*lock)->StillHeld().ok());
  const auto second = fs_.Lock(Path("LOCK"), "other").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_EQ(second.message(), Path("LOCK") + ": lock: held; the file does not say by whom");
  // And whoever is refused leaves no file of its own.
  EXPECT_FALSE(*fs_.Exists(Path("LOCK")));
  EXPECT_TRUE((*lock)->StillHeld().ok());
  lock->reset();
  EXPECT_TRUE(fs_.Lock(Path("LOCK"), "other").ok());
}

TEST_P(FileSystemContract, ALockIsLostWithAnotherFileInItsPlace) {
  auto lock = fs_.Lock(Path("LOCK"), "server 42");
  ASSERT_TRUE(lock.ok()) << lock.status();
  Write("copy", "server 42");
  ASSERT_TRUE(fs_.Rename(Path("copy"), Path("LOCK")).ok());
  const absl::Status lost = (*lock)->StillHeld();
  EXPECT_TRUE(absl::IsFailedPrecondition(lost)) << lost;
  EXPECT_EQ(lost.message(), Path("LOCK") + ": lock: the file was replaced since it was locked");
}

TEST_P(FileSystemContract, ALockIsLostWhileItsDirectoryIsElsewhere) {
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  auto lock = fs_.Lock(Path("d/LOCK"), "server 42");
  ASSERT_TRUE(lock.ok()) << lock.status();
  ASSERT_TRUE(fs_.Rename(Path("d"), Path("d.old")).ok());
  const absl::Status lost = (*lock)->StillHeld();
  EXPECT_TRUE(absl::IsFailedPrecondition(lost)) << lost;
  EXPECT_EQ(lost.message(), Path("d/LOCK") +
                                ": lock: the directory was moved, removed or replaced since it was "
                                "locked");
  // Nobody else gets the one that was moved; the one in its place is somebody else's.
  EXPECT_TRUE(absl::IsFailedPrecondition(fs_.Lock(Path("d.old/LOCK"), "other").status()));
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  auto next = fs_.Lock(Path("d/LOCK"), "server 43");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE((*next)->StillHeld().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition((*lock)->StillHeld()));
  // Back in its place it is what it was.
  next->reset();
  ASSERT_TRUE(fs_.Remove(Path("d/LOCK")).ok());
  ASSERT_TRUE(fs_.RemoveDirectory(Path("d")).ok());
  ASSERT_TRUE(fs_.Rename(Path("d.old"), Path("d")).ok());
  EXPECT_TRUE((*lock)->StillHeld().ok());
}

INSTANTIATE_TEST_SUITE_P(
    On, FileSystemContract,
    testing::Values(Kind{"Disk", [] { return std::make_unique<PosixVolume>(); }},
                    Kind{"Memory", [] { return std::make_unique<MemoryVolume>(); }}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace lumen
