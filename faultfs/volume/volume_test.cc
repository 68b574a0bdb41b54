// What a Volume promises beside what real_file_system_test compares: kills, space, the history and
// its tags, the trace, and that it says so where it does not model something.

#include "faultfs/volume.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

using testing::ElementsAre;

std::string ReadAll(FileSystem& files, const std::string& path) {
  const auto file = files.OpenReadFile(path);
  if (!file.ok()) return file.status().ToString();
  std::string bytes((*file)->size(), '?');
  const auto read = (*file)->ReadAt(0, bytes);
  return read.ok() ? bytes.substr(0, *read) : read.status().ToString();
}

std::vector<std::string> Tags(const Volume& volume) {
  std::vector<std::string> tags;
  for (const Operation& operation : volume.history()) tags.push_back(operation.tag);
  return tags;
}

TEST(Volume, TheHistoryIsWhatChangedOrSynced) {
  Volume volume;
  const auto files = volume.Start();
  ASSERT_TRUE(files->CreateDirectory("/db").ok());
  auto wal = *files->CreateLogFile("/db/00000003.wal");
  ASSERT_TRUE(wal->Allocate(1000).ok());
  ASSERT_TRUE(wal->Allocate(900).ok());  // nothing to do
  ASSERT_TRUE(wal->Append("").ok());     // nothing to do
  ASSERT_TRUE(wal->Append("abc").ok());
  ASSERT_TRUE(wal->Sync().ok());
  ASSERT_FALSE(files->CreateLogFile("/db/00000003.wal").ok());
  ASSERT_TRUE(files->Exists("/db").ok());
  ASSERT_TRUE(files->SyncDirectory("/db").ok());
  ASSERT_TRUE(files->Rename("/db/00000003.wal", "/db/CURRENT").ok());
  ASSERT_TRUE(files->Remove("/db/CURRENT").ok());
  EXPECT_THAT(Tags(volume), ElementsAre("directory", "wal 3", "wal 3", "wal 3", "wal 3",
                                        "directory", "current", "current"));
  EXPECT_EQ(volume.calls(), 12u);

  const Operation& append = volume.history()[3];
  EXPECT_EQ(append.kind, OperationKind::kAppend);
  EXPECT_EQ(append.inode, 3u);
  EXPECT_EQ(append.offset, 0u);
  EXPECT_EQ(*append.data, "abc");
  EXPECT_EQ(append.size, 1000u);
  const Operation& rename = volume.history()[6];
  EXPECT_EQ(rename.name, "00000003.wal");
  EXPECT_EQ(rename.to_name, "CURRENT");
  EXPECT_EQ(rename.to_directory, 2u);
  EXPECT_EQ(rename.replaced, 0u);
}

TEST(Volume, WithoutAHistoryEverythingElseIsTheSame) {
  uint64_t hashes[2], calls[2], free_bytes[2];
  for (const bool record : {false, true}) {
    Volume volume(DiskImage(), {.capacity_bytes = 1 << 20, .record_history = record});
    const auto files = volume.Start();
    ASSERT_TRUE(files->CreateDirectory("/db").ok());
    for (const char* name : {"/db/a", "/db/b", "/db/c"}) {
      auto log = *files->CreateLogFile(name);
      ASSERT_TRUE(log->Allocate(5000).ok());
      ASSERT_TRUE(log->Append(name).ok());
      ASSERT_TRUE(log->Sync().ok());
    }
    const auto kept_open = *files->OpenReadFile("/db/b");
    ASSERT_TRUE(files->Link("/db/a", "/db/a2").ok());
    ASSERT_TRUE(files->Rename("/db/a", "/db/b").ok());
    ASSERT_TRUE(files->Remove("/db/a2").ok());
    ASSERT_TRUE(files->Remove("/db/c").ok());
    ASSERT_TRUE(files->SyncDirectory("/db").ok());
    EXPECT_EQ(ReadAll(*files, "/db/b").substr(0, 6), std::string_view("/db/a\0", 6));
    EXPECT_EQ(volume.history().empty(), !record);
    hashes[record] = volume.current().hash();
    calls[record] = volume.calls();
    free_bytes[record] = *files->FreeSpace("/");
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(calls[0], calls[1]);
  EXPECT_EQ(free_bytes[0], free_bytes[1]);
  EXPECT_EQ(free_bytes[0], (1u << 20) - 10000) << "a file that is open keeps its space";
}

TEST(Volume, AKilledProcessDoesNothingMore) {
  Volume volume;
  const auto dead = volume.Start();
  ASSERT_TRUE(dead->CreateDirectory("/db").ok());
  auto log = *dead->CreateLogFile("/db/f");
  ASSERT_TRUE(log->Append("abc").ok());
  auto reader = *dead->OpenReadFile("/db/f");
  auto lock = *dead->Lock("/db/LOCK", "dead");
  const uint64_t hash = volume.current().hash(), calls = volume.calls();
  const size_t operations = volume.history().size();
  dead->Kill();
  dead->Kill();

  EXPECT_TRUE(absl::IsAborted(log->Append("x")));
  EXPECT_TRUE(absl::IsAborted(log->Sync()));
  EXPECT_TRUE(absl::IsAborted(dead->Remove("/db/f")));
  EXPECT_TRUE(absl::IsAborted(dead->List("/db").status()));
  EXPECT_TRUE(absl::IsAborted(lock->StillHeld()));
  std::string out(3, '?');
  EXPECT_TRUE(absl::IsAborted(reader->ReadAt(0, out).status()));
  EXPECT_EQ(reader->View(0, 3), std::nullopt);
  EXPECT_EQ(volume.current().hash(), hash);
  EXPECT_EQ(volume.calls(), calls);
  EXPECT_EQ(volume.history().size(), operations);

  const auto next = volume.Start();
  EXPECT_EQ(ReadAll(*next, "/db/f"), "abc");
  auto next_lock = next->Lock("/db/LOCK", "next");
  ASSERT_TRUE(next_lock.ok()) << next_lock.status();
  lock.reset();  // the dead one's: must not take the next one's away
  log.reset();
  reader.reset();
  const absl::Status second = next->Lock("/db/LOCK", "third").status();
  EXPECT_EQ(second.message(), "/db/LOCK: lock: held by \"next\"");
}

TEST(Volume, ALockFileIsEmptyOnTheDisk) {
  Volume volume;
  const auto files = volume.Start();
  auto lock = *files->Lock("/LOCK", "somebody");
  EXPECT_EQ(ReadAll(*files, "/LOCK"), "somebody");
  EXPECT_EQ(volume.current().Plain(), (PlainImage{{"/LOCK", ""}}));
  EXPECT_THAT(Tags(volume), ElementsAre("lock"));
}

// A volume remembers the directory that the last path led through.
TEST(Volume, APathLeadsWhereItsDirectoriesAreNow) {
  Volume volume;
  const auto files = volume.Start();
  ASSERT_TRUE(files->CreateDirectory("/a").ok());
  ASSERT_TRUE((*files->CreateLogFile("/a/f"))->Append("of a").ok());
  EXPECT_EQ(ReadAll(*files, "/a/f"), "of a");
  ASSERT_TRUE(files->Rename("/a", "/b").ok());
  EXPECT_FALSE(*files->Exists("/a/f"));
  EXPECT_EQ(ReadAll(*files, "/b/f"), "of a");
  ASSERT_TRUE(files->CreateDirectory("/a").ok());
  EXPECT_FALSE(*files->Exists("/a/f"));
  EXPECT_FALSE(files->OpenReadFile("/b/../b/f").ok());
  EXPECT_EQ(ReadAll(*files, "/b/./f"), "of a");
  EXPECT_EQ(ReadAll(*files, "/b//f"), "of a");
  EXPECT_TRUE(absl::IsNotFound(files->Remove("/a/f")));
  ASSERT_TRUE(files->RemoveDirectory("/a").ok());
  EXPECT_TRUE(absl::IsNotFound(files->CreateLogFile("/a/f").status()));
  ASSERT_TRUE(files->Remove("/b/f").ok());
  EXPECT_FALSE(*files->Exists("/b/f"));
}

TEST(Volume, OpenFilesOutliveTheirProcessAndTheirNames) {
  Volume volume;
  auto files = volume.Start();
  auto log = *files->CreateLogFile("/f");
  ASSERT_TRUE(log->Append("abc").ok());
  auto reader = *files->OpenReadFile("/f");
  const auto view = reader->View(0, 3);
  ASSERT_TRUE(files->Remove("/f").ok());
  files.reset();
  ASSERT_TRUE(log->Append("def").ok());
  std::string out(6, '?');
  ASSERT_TRUE(reader->ReadAt(0, out).ok());
  EXPECT_EQ(out, "abcdef");
  EXPECT_EQ(view, "abc");
  EXPECT_EQ(volume.current().Plain(), PlainImage());
}

TEST(Volume, AViewDoesNotChange) {
  Volume volume;
  const auto files = volume.Start();
  auto log = *files->CreateLogFile("/f");
  ASSERT_TRUE(log->Allocate(100).ok());
  auto reader = *files->OpenReadFile("/f");
  const std::string_view before = *reader->View(0, 4);
  ASSERT_TRUE(log->Append("abcd").ok());
  const std::string_view after = *reader->View(0, 4);
  EXPECT_EQ(before, std::string(4, '\0'));
  EXPECT_EQ(after, "abcd");
}

TEST(Volume, AFullDiskTakesWhatFits) {
  Volume volume(DiskImage(), {.capacity_bytes = 10});
  const auto files = volume.Start();
  auto log = *files->CreateLogFile("/f");
  EXPECT_EQ(*files->FreeSpace("/"), 10u);
  EXPECT_TRUE(absl::IsResourceExhausted(log->Allocate(11)));
  EXPECT_TRUE(absl::IsResourceExhausted(log->Append("later calls repeat it")));
  auto other = *files->CreateLogFile("/g");
  const absl::Status status = other->Append("0123456789abc");
  EXPECT_EQ(status.message(), "/g: append: No space left on device");
  EXPECT_EQ(ReadAll(*files, "/g"), "0123456789");
  EXPECT_EQ(*volume.history().back().data, "0123456789");
  EXPECT_EQ(*files->FreeSpace("/"), 0u);
  ASSERT_TRUE(files->Remove("/g").ok());
  EXPECT_EQ(*files->FreeSpace("/"), 0u);  // still open
  other.reset();
  EXPECT_EQ(*files->FreeSpace("/"), 10u);
  volume.SetCapacity(20);
  EXPECT_EQ(*files->FreeSpace("/"), 20u);
}

TEST(Volume, AReservationIsSpace) {
  Volume volume(DiskImage(), {.capacity_bytes = 10});
  const auto files = volume.Start();
  auto log = *files->CreateLogFile("/f");
  ASSERT_TRUE(log->Allocate(10).ok());
  EXPECT_EQ(*files->FreeSpace("/"), 0u);
  EXPECT_TRUE(log->Append("0123456789").ok());
}

TEST(Volume, SaysWhatItDoesNotModel) {
  Volume volume;
  const auto files = volume.Start();
  for (const char* path : {"/a", "/b", "/a/c"}) ASSERT_TRUE(files->CreateDirectory(path).ok());
  const size_t operations = volume.history().size();
  const absl::Status status = files->Rename("/a/c", "/b/c");
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_EQ(status.message(),
            "/a/c: rename to /b/c: not modelled by the simulated volume (docs/fault_model.md, "
            "section 1)");
  EXPECT_TRUE(absl::IsUnimplemented(files->Rename("/b", "/a/c")));
  EXPECT_EQ(volume.history().size(), operations);
  EXPECT_TRUE(files->Rename("/a/c", "/a/d").ok());

  auto log = *files->CreateLogFile("/f");
  ASSERT_TRUE(log->Append("data").ok());
  EXPECT_TRUE(absl::IsUnimplemented(files->Lock("/f", "me").status()));
  auto lock = *files->Lock("/LOCK", "me");
}

TEST(Volume, AProgramThatDoesNotEndMeetsErrorsOnly) {
  Volume volume(DiskImage(), {.most_calls = 2});
  const auto files = volume.Start();
  auto log = *files->CreateLogFile("/f");
  auto reader = *files->OpenReadFile("/f");
  EXPECT_EQ(reader->View(0, 0), std::nullopt);
  EXPECT_EQ(log->Append("x").message(), "/f: append: too many calls");
  EXPECT_EQ(files->Exists("/f").status().message(), "/f: exists: too many calls");
  EXPECT_EQ(volume.history().size(), 1u);
  EXPECT_EQ(volume.calls(), 4u);
}

TEST(Volume, InodesOfAnImageAreNotUsedAgain) {
  Volume first;
  auto files = first.Start();
  ASSERT_TRUE(files->CreateLogFile("/a").ok());
  ASSERT_TRUE(files->CreateLogFile("/b").ok());
  Volume second(first.current());
  files = second.Start();
  ASSERT_TRUE(files->Remove("/b").ok());
  ASSERT_TRUE(files->CreateLogFile("/c").ok());
  EXPECT_EQ(second.history()[1].inode, 4u);
  EXPECT_EQ(second.start().Plain(), first.current().Plain());
  EXPECT_EQ(first.current().Plain(), (PlainImage{{"/a", ""}, {"/b", ""}}));
}

std::vector<std::string> TraceOf(bool record_reads) {
  std::vector<std::string> lines;
  Volume volume(DiskImage(), {.record_reads = record_reads});
  volume.SetTrace([&](std::string_view line) { lines.emplace_back(line); });
  const auto files = volume.Start();
  auto log = *files->CreateLogFile("/1.wal");
  EXPECT_TRUE(log->Allocate(65536).ok());
  EXPECT_TRUE(log->Append("123456789").ok());
  EXPECT_TRUE(log->Sync().ok());
  log.reset();
  EXPECT_TRUE(files->SyncDirectory("/").ok());
  EXPECT_TRUE(files->Rename("/1.wal", "/2.wal").ok());
  EXPECT_EQ(ReadAll(*files, "/2.wal").size(), 65536u);
  EXPECT_TRUE((*files->OpenReadFile("/2.wal"))->View(0, 9).has_value());
  EXPECT_TRUE(files->List("/").ok());
  EXPECT_TRUE(files->Exists("/3.wal").ok());
  EXPECT_TRUE(files->Lock("/LOCK", "me").ok());
  EXPECT_FALSE(files->Remove("/3.wal").ok());
  return lines;
}

TEST(Volume, TheTraceHasALineForEachCall) {
  EXPECT_THAT(TraceOf(false),
              ElementsAre("create 1.wal", "allocate 1.wal 65536", "append 1.wal @0 +9 crc=e3069283",
                          "sync 1.wal @9", "syncdir .", "rename 1.wal -> 2.wal", "lock LOCK",
                          "remove 3.wal ! NOT_FOUND"));
  EXPECT_THAT(TraceOf(true),
              ElementsAre("create 1.wal", "allocate 1.wal 65536", "append 1.wal @0 +9 crc=e3069283",
                          "sync 1.wal @9", "close 1.wal", "syncdir .", "rename 1.wal -> 2.wal",
                          "open 2.wal", "read 2.wal @0 +65536 = 65536", "open 2.wal",
                          "view 2.wal @0 +9", "list . = 1 names", "exists 3.wal = no", "lock LOCK",
                          "unlock LOCK", "remove 3.wal ! NOT_FOUND"));
}

}  // namespace
}  // namespace lumen::faultfs
