// Goal: each rule of docs/fault_model.md, sections 2 and 3, as the exact set of images that a small
// history may leave. Method: histories and sets written by hand; nothing computes what is expected.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/crash/profiles_testing.h"
#include "faultfs/crash/script_testing.h"
#include "faultfs/crash_space.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(Profiles, ARenameIsOldOrNewUntilItsDirectoryIsSynced) {
  Script script;
  const InodeNumber current = script.Create("CURRENT");
  script.Append(current, 0, A(10));
  script.Sync(current);
  script.SyncDirectory();
  const InodeNumber temp = script.Create("t");
  script.Append(temp, 0, A(10, 'b'));
  script.Sync(temp);
  script.Rename(temp, "t", "CURRENT", current);
  const std::string old_one = "/CURRENT[a*10]";
  const std::string both = "/CURRENT[a*10] /t[b*10]";
  const std::string new_one = "/CURRENT[b*10]";
  Expect(script, kAnyOrder, {old_one, both, new_one});
  Expect(script, kJournals, {both, new_one});
  Expect(script, {Profile::kBtrfs}, {both, new_one});
  Expect(script, {Profile::kKill}, {new_one});
  Expect(script, {Profile::kDropUnsynced}, {old_one});
  script.SyncDirectory();
  for (const Profile profile : kProfiles) Expect(script, {profile}, {new_one});
}

TEST(Profiles, UnsyncedBytesInAllocatedSpaceAreThereOrNotSectorBySector) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 1024);
  script.Append(file, 0, A(512));
  script.Append(file, 512, A(512, 'b'));
  const Images any = {"/f[0*1024]", "/f[a*512 0*512]", "/f[0*512 b*512]", "/f[a*512 b*512]"};
  Expect(script,
         {Profile::kStrictPosix, Profile::kExt4Ordered, Profile::kExt4Writeback, Profile::kXfs,
          Profile::kBtrfs, Profile::kLyingDisk, Profile::kZombie},
         any);
  Expect(script, {Profile::kKill}, {"/f[a*512 b*512]"});
  Expect(script, {Profile::kDropUnsynced}, {"/f[0*1024]"});
}

TEST(Profiles, AnAppendOfSeveralSectorsTears) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 1024);
  script.Append(file, 100, A(900));
  const Images torn = {"/f[0*1024]", "/f[0*100 a*412 0*512]", "/f[0*512 a*488 0*24]",
                       "/f[0*100 a*900 0*24]"};
  Expect(script, {Profile::kStrictPosix, Profile::kExt4Ordered, Profile::kXfs}, torn);
  Expect(script, {Profile::kBtrfs}, {"/f[0*1024]", "/f[0*100 a*900 0*24]"});
}

TEST(Profiles, ASectorIsSeenAsItWasAfterOneOfItsAppends) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 512);
  script.Append(file, 0, A(100));
  script.Append(file, 100, A(100, 'b'));
  Expect(script,
         {Profile::kStrictPosix, Profile::kExt4Ordered, Profile::kExt4Writeback, Profile::kXfs},
         {"/f[0*512]", "/f[a*100 0*412]", "/f[a*100 b*100 0*312]"});
  Expect(script, {Profile::kBtrfs},
         {"/f[0*512]", "/f[a*100 0*412]", "/f[0*100 b*100 0*312]", "/f[a*100 b*100 0*312]"});
}

TEST(Profiles, HowAFileGrowsSeparatesTheProfiles) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Append(file, 0, A(512));
  script.Append(file, 512, A(512, 'b'));
  Expect(script, {Profile::kExt4Ordered, Profile::kTornPage, Profile::kBtrfs},
         {"/f[]", "/f[a*512]", "/f[a*512 b*512]"});
  const Images size_leads = {"/f[]",           "/f[0*512]",       "/f[a*512]",
                             "/f[0*1024]",     "/f[a*512 0*512]", "/f[0*512 b*512]",
                             "/f[a*512 b*512]"};
  Expect(script, {Profile::kXfs, Profile::kZombie, Profile::kLyingDisk}, size_leads);
  EXPECT_EQ(AllImages(script.State(Profile::kStrictPosix)).size(), 1u + 3 + 3 * 3);
  EXPECT_EQ(AllImages(script.State(Profile::kExt4Writeback)).size(), 1u + 3 + 3 * 3);
  FileBytes unlinked;
  unlinked.Write(0, A(512, 'S'));
  for (const Profile profile : {Profile::kStrictPosix, Profile::kExt4Writeback}) {
    const Images images = AllImages(script.State(profile), 1000, &unlinked);
    EXPECT_EQ(images.size(), 1u + 4 + 4 * 3);
    EXPECT_THAT(images, testing::IsSupersetOf(size_leads));
    EXPECT_THAT(images, testing::IsSupersetOf({"/f[S*512]", "/f[S*512 b*512]", "/f[S*512 0*512]"}));
  }
}

TEST(Profiles, StaleBytesComeFromTheFileUnlinkedOrReplacedLast) {
  Script script;
  const InodeNumber old_file = script.Create("old");
  script.Append(old_file, 0, A(600, 'S'));
  const InodeNumber file = script.Create("f");
  script.Sync(old_file);
  script.Sync(file);
  script.Unlink(old_file, "old");
  script.SyncDirectory();
  script.Append(file, 0, A(512));
  script.Append(file, 512, A(512, 'b'));
  const DiskState state = script.State(Profile::kStrictPosix);
  ASSERT_NE(state.unlinked(), nullptr);
  EXPECT_EQ(state.unlinked()->ToString(), A(600, 'S'));
  EXPECT_THAT(AllImages(state, 1000, state.unlinked()),
              testing::IsSupersetOf({"/f[S*600 0*424]", "/f[a*512 S*88 0*424]", "/f[S*512]"}));
}

TEST(Profiles, RandomBytesAreThoseOfThePage) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Append(file, 0, A(16));
  ASSERT_EQ(file, 2u);
  const DiskState state = script.State(Profile::kStrictPosix);
  const CrashSpace space(state, 42);
  const auto made = space.Make(*Survivors::Parse("sizes=2@3 sectors=2/0=random"));
  ASSERT_TRUE(made.ok()) << made.status();
  // From the page's formula, worked out apart.
  EXPECT_EQ(made->image.Plain().at("/f"), std::string("\x4e\x14\xa0\x7e\x73\xcf\x53\x28"
                                                      "\x9c\xdc\x4c\x12\x89\xd0\x99\xa8",
                                                      16));
}

TEST(Profiles, AnUnlinkMayPersistWithoutWhatCameBeforeIt) {
  Script script;
  const InodeNumber a = script.Create("a");
  const InodeNumber b = script.Create("b");
  script.SyncDirectory();
  script.Rename(a, "a", "c");
  script.Unlink(b, "b");
  Expect(script, kAnyOrder, {"/a[] /b[]", "/b[] /c[]", "/a[]", "/c[]"});
  Expect(script, kJournals, {"/a[] /b[]", "/b[] /c[]", "/c[]"});
  Expect(script, {Profile::kBtrfs}, {"/a[] /b[]", "/b[] /c[]", "/c[]"});
}

TEST(Profiles, BtrfsKeepsTheOrderWithinADirectoryOnly) {
  Script script;
  const InodeNumber d = script.MakeDirectory("d");
  const InodeNumber e = script.MakeDirectory("e");
  script.SyncDirectory();
  script.Create("x", d);
  script.Create("y", e);
  Expect(script, {Profile::kBtrfs},
         {"/d/ /e/", "/d/ /d/x[] /e/", "/d/ /e/ /e/y[]", "/d/ /d/x[] /e/ /e/y[]"});
  Expect(script, kJournals, {"/d/ /e/", "/d/ /d/x[] /e/", "/d/ /d/x[] /e/ /e/y[]"});
}

TEST(Profiles, OperationsOnOneNameKeepTheirOrder) {
  Script script;
  const InodeNumber a = script.Create("a");
  script.Unlink(a, "a");
  const InodeNumber again = script.Create("a");
  script.Append(again, 0, A(5));
  script.Sync(again);
  Expect(script, kAnyOrder, {"", "/a[]", "/a[a*5]"});
  Expect(script, kJournals, {"/a[a*5]"});
}

TEST(Profiles, SyncOfAFileMakesNamesDurableByProfile) {
  Script script;
  const InodeNumber x = script.Create("x");
  script.Create("y");
  script.Sync(x);
  Expect(script, kAnyOrder, {"", "/x[]", "/y[]", "/x[] /y[]"});
  Expect(script, {Profile::kDropUnsynced}, {""});
  Expect(script, kJournals, {"/x[] /y[]"});
  Expect(script, {Profile::kBtrfs}, {"/x[]", "/x[] /y[]"});
}

TEST(Profiles, BtrfsSyncMakesOnlyTheNewestNameOfANewFileDurable) {
  Script script;
  const InodeNumber d = script.MakeDirectory("d");
  script.SyncDirectory();
  const InodeNumber x = script.Create("x");
  script.Link(x, "y", d);
  script.Sync(x);
  Expect(script, {Profile::kBtrfs}, {"/d/ /d/y[]", "/d/ /d/y[] /x[]"});
  script.Sync(x);
  Expect(script, {Profile::kBtrfs}, {"/d/ /d/y[] /x[]"});
}

TEST(Profiles, SyncOfADirectoryMakesItsEntriesDurableNotItsOwnName) {
  Script script;
  const InodeNumber d = script.MakeDirectory("d");
  script.Create("x", d);
  script.SyncDirectory(d);
  Expect(script, kAnyOrder, {"", "/d/ /d/x[]"});
  Expect(script, {Profile::kDropUnsynced}, {""});
  Expect(script, kJournals, {"/d/ /d/x[]"});
  Expect(script, {Profile::kBtrfs}, {"/d/ /d/x[]"});
  script.SyncDirectory();
  Expect(script, kAnyOrder, {"/d/ /d/x[]"});
}

TEST(Profiles, ARenameIntoADirectoryThatMayBeLostNeverLosesTheFile) {
  Script script;
  const InodeNumber x = script.Create("x");
  const InodeNumber e = script.MakeDirectory("e");
  script.SyncDirectory();
  const InodeNumber d = script.MakeDirectory("d", e);
  script.Rename(x, "x", "y", 0, kRootInode, d);
  Expect(script, kAnyOrder, {"/e/ /x[]", "/e/ /e/d/ /x[]", "/e/ /e/d/ /e/d/y[]"});
  script.SyncDirectory();  // of where it came from
  Expect(script, kAnyOrder, {"/e/ /e/d/ /e/d/y[]"});
}

TEST(Profiles, ADirectoryIsRemovedOnlyAfterItsEntries) {
  Script script;
  const InodeNumber d = script.MakeDirectory("d");
  const InodeNumber x = script.Create("x", d);
  script.SyncDirectory();
  script.SyncDirectory(d);
  script.Unlink(x, "x", d);
  script.RemoveDirectory(d, "d");
  Expect(script, kAnyOrder, {"/d/ /d/x[]", "/d/", ""});
  Expect(script, kJournals, {"/d/ /d/x[]", "/d/", ""});
}

TEST(Profiles, AllocatesAreInTheJournal) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  const InodeNumber other = script.Create("g");
  script.Allocate(file, 1024);
  script.Append(file, 0, A(512));
  const Images prefixes = {"/f[]", "/f[] /g[]", "/f[0*1024] /g[]", "/f[a*512 0*512] /g[]"};
  Expect(script, kJournals, prefixes);
  Images free = prefixes;
  free.insert({"/f[0*1024]", "/f[a*512 0*512]"});
  Expect(script, kAnyOrder, free);
  Expect(script, {Profile::kBtrfs}, free);
  script.Sync(other);
  Expect(script, {Profile::kXfs, Profile::kExt4Ordered},
         {"/f[0*1024] /g[]", "/f[a*512 0*512] /g[]"});
}

TEST(Profiles, AnAppendBeyondAnAllocateMayGiveTheSizeWithoutIt) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Allocate(file, 512);
  script.Append(file, 512, A(512));
  Expect(script, {Profile::kXfs, Profile::kLyingDisk},
         {"/f[]", "/f[0*512]", "/f[0*1024]", "/f[0*512 a*512]"});
  Expect(script, {Profile::kExt4Ordered}, {"/f[]", "/f[0*512]", "/f[0*512 a*512]"});
}

TEST(Profiles, RenameOverBringsItsDataInExt4Ordered) {
  Script script;
  const InodeNumber current = script.Create("c");
  script.Append(current, 0, A(10));
  script.Sync(current);
  script.SyncDirectory();
  const InodeNumber temp = script.Create("t");
  script.Append(temp, 0, A(10, 'b'));
  script.Rename(temp, "t", "c", current);
  const Images ordered = {"/c[a*10]", "/c[a*10] /t[]", "/c[a*10] /t[b*10]", "/c[b*10]"};
  Expect(script, {Profile::kExt4Ordered, Profile::kTornPage}, ordered);
  Images any = ordered;
  any.insert({"/c[]", "/c[0*10]", "/c[a*10] /t[0*10]"});
  Expect(script, {Profile::kXfs, Profile::kLyingDisk}, any);
  // Where the journal commits, so does what it demands.
  const InodeNumber other = script.Create("o");
  script.Append(temp, 10, A(10, 'd'));
  script.Sync(other);
  Expect(script, {Profile::kExt4Ordered},
         {"/c[b*10] /o[]", "/c[b*10 d*10] /o[]", "/c[b*10 0*10] /o[]"});
  Expect(script, {Profile::kXfs},
         {"/c[] /o[]", "/c[0*10] /o[]", "/c[b*10] /o[]", "/c[0*20] /o[]", "/c[b*10 0*10] /o[]",
          "/c[b*10 d*10] /o[]"});
}

TEST(Profiles, WhatWasMarkedCleanIsLostUntilItsSectorIsWrittenAgain) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 1024);
  script.Append(file, 0, A(100));
  script.Append(file, 512, A(100));
  script.Sync(file, SyncEffect::kMarkedClean);
  for (const Profile profile : kProfiles) {
    const bool kill = profile == Profile::kKill;
    Expect(script, {profile}, {kill ? "/f[a*100 0*412 a*100 0*412]" : "/f[0*1024]"});
  }
  script.Append(file, 100, A(100, 'b'));
  Expect(script, {Profile::kStrictPosix, Profile::kExt4Ordered, Profile::kXfs},
         {"/f[0*1024]", "/f[a*100 b*100 0*824]"});
  Expect(script, {Profile::kBtrfs}, {"/f[0*1024]", "/f[0*100 b*100 0*824]"});
  script.Sync(file);
  Expect(script, {Profile::kStrictPosix, Profile::kDropUnsynced, Profile::kXfs},
         {"/f[a*100 b*100 0*824]"});
  Expect(script, {Profile::kBtrfs}, {"/f[0*100 b*100 0*824]"});
  Expect(script, {Profile::kKill}, {"/f[a*100 b*100 0*312 a*100 0*412]"});
}

TEST(Profiles, TheSizeOfWhatWasMarkedCleanMayStillPersist) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Append(file, 0, A(512));
  script.Sync(file, SyncEffect::kMarkedClean);
  Expect(script, {Profile::kExt4Ordered, Profile::kXfs, Profile::kBtrfs, Profile::kLyingDisk},
         {"/f[]", "/f[0*512]"});
  script.Sync(file);
  for (const Profile profile : kProfiles) {
    Expect(script, {profile}, {profile == Profile::kKill ? "/f[a*512]" : "/f[0*512]"});
  }
}

TEST(Profiles, ARevertedFileIsAsItWasAfterItsLastSync) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Append(file, 0, A(100));
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 100, A(1000, 'b'));
  script.Allocate(file, 5000);
  script.Sync(file, SyncEffect::kReverted);
  for (const Profile profile : kProfiles) Expect(script, {profile}, {"/f[a*100]"});
  script.Append(file, 100, A(100, 'c'));
  Expect(script, {Profile::kXfs}, {"/f[a*100]", "/f[a*100 0*100]", "/f[a*100 c*100]"});
  Expect(script, {Profile::kKill}, {"/f[a*100 c*100]"});
}

// The journal's commit made an allocate durable that a sync of the file would have.
TEST(Profiles, ARevertedFileForgetsAllocatesThatOnlyTheJournalMadeDurable) {
  Script script;
  const InodeNumber file = script.Create("1.wal");
  const InodeNumber other = script.Create("o");
  script.SyncDirectory();
  script.Allocate(file, 1024);
  script.Sync(other);
  script.Sync(file, SyncEffect::kReverted);
  script.Append(file, 0, A(100));
  // The file was empty again, so the append grew it; but the disk has it at its old length.
  Expect(script, {Profile::kXfs}, {"/1.wal[0*1024] /o[]", "/1.wal[a*100 0*924] /o[]"});
  Expect(script, {Profile::kKill}, {"/1.wal[a*100] /o[]"});
}

TEST(Profiles, APartlyDurableSyncKeepsTheSectorsOfItsSeed) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Append(file, 0, A(1536));
  script.Sync(file, SyncEffect::kFailedPartly, 0b101);
  for (const Profile profile : kProfiles) {
    Expect(script, {profile}, {profile == Profile::kKill ? "/f[a*1536]" : "/f[a*512 0*512 a*512]"});
  }
}

TEST(Profiles, FailedButDurableAndLyingSyncs) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 512);
  script.Append(file, 0, A(512));
  Script failed = script;
  failed.Sync(file, SyncEffect::kFailedDurable);
  for (const Profile profile : kProfiles) Expect(failed, {profile}, {"/f[a*512]"});
  script.Sync(file, SyncEffect::kLied);
  Expect(script, {Profile::kLyingDisk, Profile::kStrictPosix, Profile::kXfs, Profile::kBtrfs},
         {"/f[0*512]", "/f[a*512]"});
  Expect(script, {Profile::kDropUnsynced}, {"/f[0*512]"});
}

TEST(Profiles, AFailedSyncOfADirectoryLosesNamesThatARetryDoesNotBringBack) {
  for (const SyncEffect effect : {SyncEffect::kMarkedClean, SyncEffect::kReverted}) {
    Script script;
    const InodeNumber lost = script.Create("lost");
    script.SyncDirectory(kRootInode, effect);
    script.Create("kept");
    script.Sync(lost);
    script.SyncDirectory();
    for (const Profile profile : kProfiles) {
      Expect(script, {profile}, {profile == Profile::kKill ? "/kept[] /lost[]" : "/kept[]"});
    }
    script.Link(lost, "again");
    script.Rename(lost, "lost", "back");
    script.SyncDirectory();
    for (const Profile profile : kProfiles) Expect(script, {profile}, {"/again[] /back[] /kept[]"});
  }
}

TEST(Profiles, APartlyFailedSyncOfADirectoryKeepsTheNamesOfItsSeed) {
  Script script;
  script.Create("a");
  script.Create("b");
  script.Create("c");
  script.SyncDirectory(kRootInode, SyncEffect::kFailedPartly, 0b010);
  Expect(script, {Profile::kStrictPosix, Profile::kDropUnsynced, Profile::kZombie}, {"/b[]"});
  Expect(script, {Profile::kXfs, Profile::kExt4Ordered, Profile::kBtrfs}, {"/a[] /b[]"});
}

// Both names of a lost rename belong together, whichever of them is used again.
TEST(Profiles, ALostRenameComesBackWhole) {
  for (const bool by_source : {false, true}) {
    Script script;
    const InodeNumber file = script.Create("a");
    script.SyncDirectory();
    script.Rename(file, "a", "b");
    script.SyncDirectory(kRootInode, SyncEffect::kMarkedClean);
    Script next = script;
    if (by_source) {
      next.Create("a");
    } else {
      next.Unlink(file, "b");
    }
    for (const Profile profile : kProfiles) {
      if (profile == Profile::kKill) continue;
      Expect(script, {profile}, {"/a[]"});
    }
    next.SyncDirectory();
    for (const Profile profile : kProfiles) Expect(next, {profile}, {by_source ? "/a[] /b[]" : ""});
  }
}

TEST(Profiles, DamageIsThereAtOnceAndStays) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Append(file, 0, A(1000));
  script.Sync(file);
  script.SyncDirectory();
  script.Damage(file, 900, 10, "X");
  for (const Profile profile : kProfiles) Expect(script, {profile}, {"/f[a*10 X*1 a*889]"});
}

TEST(Profiles, InStrictPosixASectorOfAWalThatNoDurableAppendTouchedMayBeRandom) {
  Script script;
  const InodeNumber wal = DurableFile(script, "1.wal", 1024);
  script.Append(wal, 0, A(512));
  const Images before = AllImages(script.State(Profile::kStrictPosix));
  EXPECT_EQ(before.size(), 3u);
  EXPECT_THAT(before, testing::IsSupersetOf({"/1.wal[0*1024]", "/1.wal[a*512 0*512]"}));
  Expect(script, {Profile::kLyingDisk, Profile::kExt4Writeback, Profile::kXfs},
         {"/1.wal[0*1024]", "/1.wal[a*512 0*512]"});
  Script synced;
  const InodeNumber again = DurableFile(synced, "1.wal", 1024);
  synced.Append(again, 0, A(100));
  synced.Sync(again);
  synced.Append(again, 100, A(100, 'b'));
  Expect(synced, {Profile::kStrictPosix}, {"/1.wal[a*100 0*924]", "/1.wal[a*100 b*100 0*824]"});
}

TEST(Profiles, TornPagesMixWordsInsideTheDurableSize) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 512);
  script.Append(file, 4, A(12));
  Expect(script, {Profile::kTornPage},
         {"/f[0*512]", "/f[0*4 a*4 0*504]", "/f[0*8 a*8 0*496]", "/f[0*4 a*12 0*496]"});
  script.Append(file, 4, A(4, 'b'));
  Expect(script, {Profile::kTornPage},
         {"/f[0*512]", "/f[0*4 a*4 0*504]", "/f[0*4 b*4 0*504]", "/f[0*8 a*8 0*496]",
          "/f[0*4 a*12 0*496]", "/f[0*4 b*4 a*8 0*496]"});
}

TEST(Profiles, ARenameOverRestrictsTheWordsThatMix) {
  Script script;
  const InodeNumber old_file = script.Create("c");
  const InodeNumber file = script.Create("t");
  script.Allocate(file, 512);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, A(8));
  script.Rename(file, "t", "c", old_file);
  script.Append(file, 0, A(8, 'b'));
  Expect(script, {Profile::kTornPage},
         {"/c[] /t[0*512]", "/c[] /t[a*8 0*504]", "/c[] /t[b*8 0*504]", "/c[a*8 0*504]",
          "/c[b*8 0*504]"});
}

class Zombies : public testing::Test {
 protected:
  // Two appends to the first of two allocated sectors, one to the second.
  Zombies() {
    file_ = DurableFile(script_, "f", 1024);
    first_ = script_.Append(file_, 0, A(100));
    second_ = script_.Append(file_, 100, A(100, 'b'));
    script_.Append(file_, 512, A(512, 'c'));
  }

  CrashImage Crash(const std::string& survivors) const {
    const DiskState state = script_.State(Profile::kZombie);
    auto made = CrashSpace(state, 1).Make(*Survivors::Parse(survivors));
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  Images After(const Script& recovery, const CrashImage& crash) const {
    return AllImages(recovery.State(Profile::kZombie, crash.image, crash.zombies));
  }

  Script script_;
  InodeNumber file_ = 0;
  uint64_t first_ = 0;
  uint64_t second_ = 0;
};

TEST_F(Zombies, LandInAnyCombination) {
  EXPECT_THAT(After(Script(10), Crash("none")),
              UnorderedElementsAre("/f[0*1024]", "/f[a*100 0*924]", "/f[a*100 b*100 0*824]",
                                   "/f[0*512 c*512]", "/f[a*100 0*412 c*512]",
                                   "/f[a*100 b*100 0*312 c*512]"));
}

TEST_F(Zombies, AreNeverOlderThanWhatLanded) {
  const CrashImage crash = Crash("sectors=2/0=v" + std::to_string(first_));
  EXPECT_THAT(After(Script(10), crash),
              UnorderedElementsAre("/f[a*100 0*924]", "/f[a*100 b*100 0*824]",
                                   "/f[a*100 0*412 c*512]", "/f[a*100 b*100 0*312 c*512]"));
  const CrashImage newest =
      Crash("sectors=2/0=v" + std::to_string(second_) + ",2/1=v" + std::to_string(second_ + 1));
  EXPECT_TRUE(newest.zombies.empty());
}

TEST_F(Zombies, DoNotLandWhereRecoveryHasWritten) {
  Script recovery(10);
  recovery.Append(file_, 0, A(10, 'd'));
  EXPECT_THAT(After(recovery, Crash("none")),
              UnorderedElementsAre("/f[0*1024]", "/f[d*10 0*1014]", "/f[0*512 c*512]",
                                   "/f[d*10 0*502 c*512]"));
  recovery.Sync(file_);
  EXPECT_THAT(After(recovery, Crash("none")),
              UnorderedElementsAre("/f[d*10 0*1014]", "/f[d*10 0*502 c*512]"));
}

TEST_F(Zombies, LiveForOneGenerationAndAsLongAsTheirFile) {
  const CrashImage crash = Crash("none");
  ASSERT_EQ(crash.zombies.size(), 3u);
  const DiskState second = Script(10).State(Profile::kZombie, crash.image, crash.zombies);
  EXPECT_TRUE(CrashSpace(second, 1).Make(Survivors())->zombies.empty());
  Script removes(10);
  removes.Unlink(file_, "f");
  removes.Create("g");
  EXPECT_THAT(AllImages(removes.State(Profile::kZombie, crash.image, crash.zombies)),
              testing::IsSupersetOf({"/g[]", "", "/f[0*512 c*512] /g[]"}));
  removes.SyncDirectory();
  EXPECT_THAT(After(removes, crash), ElementsAre("/g[]"));
}

TEST_F(Zombies, AreOnlyInTheirProfile) {
  for (const Profile profile : kProfiles) {
    if (profile == Profile::kZombie) continue;
    const DiskState state = script_.State(profile);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      EXPECT_TRUE(CrashSpace(state, 1).Sample(seed).zombies.empty());
    }
  }
}

}  // namespace
}  // namespace lumen::faultfs
