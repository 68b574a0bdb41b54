// Goal: the enumerator says what docs/fault_model.md says, row by row. Method: histories by hand,
// each with the exact set of images that the row allows, in the notation of
// short_images_testing.h.
#include "faultfs/verify/enumerator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "faultfs/verify/comparison.h"
#include "faultfs/verify/history_script_testing.h"
#include "faultfs/verify/short_images_testing.h"

namespace lumen::faultfs::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::vector<std::string> kPosix = {"strict-posix", "zombie", "lying-disk"};
const std::vector<std::string> kJournals = {"ext4-ordered", "ext4-writeback", "xfs", "torn-page"};

// --- What a sync does.

TEST(Enumerator, ASyncMakesTheDataDurableAndTheNameOnlyWhereTheProfileSaysSo) {
  Script script;
  const InodeNumber a = script.Create("a");
  script.Append(a, "x");
  script.Sync(a);
  for (const std::string& profile : kPosix) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("", "a:x")) << profile;
  }
  for (const std::string& profile : kJournals) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:x")) << profile;
  }
  EXPECT_THAT(Images("btrfs", script), ElementsAre("a:x"));
  EXPECT_THAT(Images("drop-unsynced", script), ElementsAre(""));
  EXPECT_THAT(Images("kill", script), ElementsAre("a:x"));
}

TEST(Enumerator, InBtrfsASyncMakesTheNewestNameDurableAndOfNewFilesOnly) {
  Script fresh;
  const InodeNumber a = fresh.Create("a");
  fresh.Create("b");
  fresh.Rename(a, "a", "c");
  fresh.Create("d");
  fresh.Sync(a);
  EXPECT_THAT(Images("btrfs", fresh), UnorderedElementsAre("b: c:", "b: c: d:"));

  Script old;
  const InodeNumber file = old.File("a", "x");
  old.Rename(file, "a", "b");
  old.Sync(file);
  EXPECT_THAT(Images("btrfs", old), UnorderedElementsAre("a:x", "b:x"));
}

TEST(Enumerator, ASyncOfADirectoryMakesItsEntriesDurableNotTheData) {
  Script script;
  script.Append(script.Create("a"), "x");
  script.SyncDirectory();
  EXPECT_THAT(Images("zombie", script), UnorderedElementsAre("a:", "a:0", "a:x"));
  EXPECT_THAT(Images("xfs", script), UnorderedElementsAre("a:", "a:0", "a:x"));
  EXPECT_THAT(Images("ext4-ordered", script), UnorderedElementsAre("a:", "a:x"));
  EXPECT_THAT(Images("drop-unsynced", script), ElementsAre("a:"));
}

TEST(Enumerator, InStrictPosixASyncOfADirectoryMakesNotItsOwnNameDurable) {
  Script script;
  const InodeNumber d = script.Mkdir("d");
  script.Create("a", d);
  script.SyncDirectory(d);
  EXPECT_THAT(Images("strict-posix", script), UnorderedElementsAre("", "d/ d/a:"));
  EXPECT_THAT(Images("drop-unsynced", script), ElementsAre(""));
  EXPECT_THAT(Images("btrfs", script), ElementsAre("d/ d/a:"));
  EXPECT_THAT(Images("xfs", script), ElementsAre("d/ d/a:"));
}

TEST(Enumerator, ARenameBetweenDirectoriesIsDurableBySyncOfEither) {
  for (const bool source : {true, false}) {
    Script script;
    const InodeNumber d = script.Mkdir("d");
    const InodeNumber a = script.Create("a", d);
    script.SyncDirectory(d);
    script.SyncDirectory();
    script.Rename(a, "a", "b", 0, d, kRootInode);
    EXPECT_THAT(Images("strict-posix", script), UnorderedElementsAre("b: d/", "d/ d/a:"));
    script.SyncDirectory(source ? d : kRootInode);
    EXPECT_THAT(Images("strict-posix", script), ElementsAre("b: d/"));
    EXPECT_THAT(Images("btrfs", script), ElementsAre("b: d/"));
  }
}

TEST(Enumerator, MarkedCleanDataNeverReachesTheDiskButItsSizeMay) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "x");
  script.Sync(a, SyncEffect::kMarkedClean);
  for (const char* profile : {"ext4-ordered", "xfs", "zombie", "btrfs"}) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("a:", "a:0")) << profile;
  }
  script.Append(a, "y");
  script.Sync(a);  // the retry says OK
  for (const char* profile : {"ext4-ordered", "xfs", "zombie", "btrfs", "drop-unsynced"}) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:0y")) << profile;
  }
  EXPECT_THAT(Images("kill", script), ElementsAre("a:xy"));
}

TEST(Enumerator, ALaterAppendToTheSectorBringsBackWhatWasMarkedClean) {
  Script script;
  const InodeNumber a = script.File("a");
  script.AppendBytes(a, std::string(500, 'x'));
  script.Sync(a, SyncEffect::kMarkedClean);
  script.AppendBytes(a, std::string(12, 'x'));
  script.Sync(a);
  EXPECT_THAT(Images("xfs", script), ElementsAre("a:x"));
  const auto btrfs = LegalImages(Ask("btrfs", script.history));
  ASSERT_EQ(btrfs->size(), 1);
  EXPECT_EQ(btrfs->begin()->first.at("/a"), std::string(500, '\0') + std::string(12, 'x'));
}

TEST(Enumerator, ARevertedSyncUndoesSizesAndThePageCache) {
  Script script;
  const InodeNumber a = script.File("a", "x");
  script.Append(a, "y");
  script.Sync(a, SyncEffect::kReverted);
  for (const char* profile : {"kill", "ext4-ordered", "strict-posix", "btrfs"}) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:x")) << profile;
  }
}

TEST(Enumerator, AFailedSyncMayHaveBeenDurableWhollyOrInTheSectorsOfItsSeed) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "xyz");
  script.Sync(a, SyncEffect::kFailedPartly, 0b101);
  for (const char* profile : {"ext4-ordered", "strict-posix", "btrfs", "drop-unsynced"}) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:x0z")) << profile;
  }
  EXPECT_THAT(Images("kill", script), ElementsAre("a:xyz"));
  script.history.back().effect = SyncEffect::kFailedDurable;
  EXPECT_THAT(Images("drop-unsynced", script), ElementsAre("a:xyz"));
}

TEST(Enumerator, ALyingSyncLeavesEverythingPending) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "x");
  script.Sync(a, SyncEffect::kLied);
  EXPECT_THAT(Images("lying-disk", script), UnorderedElementsAre("a:", "a:0", "a:x"));
}

const std::vector<std::string> kLosing = {"drop-unsynced", "ext4-ordered", "ext4-writeback",
                                          "xfs",           "btrfs",        "strict-posix",
                                          "torn-page",     "lying-disk",   "zombie"};

TEST(Enumerator, ADirectorySyncThatFailsLosesNamesThatARetryDoesNotBringBack) {
  for (const SyncEffect effect : {SyncEffect::kMarkedClean, SyncEffect::kReverted}) {
    Script script;
    const InodeNumber d = script.Mkdir("d");
    script.SyncDirectory();
    const InodeNumber a = script.Create("a");
    script.Create("b", d);
    script.SyncDirectory(kRootInode, effect);
    for (const std::string& profile : kLosing) {
      if (profile == "drop-unsynced") continue;
      EXPECT_THAT(Images(profile, script), UnorderedElementsAre("d/", "d/ d/b:")) << profile;
    }
    EXPECT_THAT(Images("kill", script), ElementsAre("a: d/ d/b:"));
    script.Create("c");
    script.Sync(a);
    script.SyncDirectory();  // the retry says OK
    script.SyncDirectory(d);
    for (const std::string& profile : kLosing) {
      EXPECT_THAT(Images(profile, script), ElementsAre("c: d/ d/b:")) << profile;
    }
    EXPECT_THAT(Images("kill", script), ElementsAre("a: c: d/ d/b:"));
  }
}

TEST(Enumerator, ADirectorySyncThatFailedMayHaveBeenDurableWhollyOrInTheOperationsOfItsSeed) {
  Script script;
  script.Create("a");
  script.Create("b");
  script.SyncDirectory(kRootInode, SyncEffect::kFailedPartly, 0b01);
  for (const std::string& profile : kLosing) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:")) << profile;
  }
  // The journal, and the tree of btrfs, have what comes before as well.
  script.history.back().seed = 0b10;
  for (const std::string& profile : kJournals) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a: b:")) << profile;
  }
  EXPECT_THAT(Images("btrfs", script), ElementsAre("a: b:"));
  for (const char* profile : {"strict-posix", "zombie", "lying-disk", "drop-unsynced"}) {
    EXPECT_THAT(Images(profile, script), ElementsAre("b:")) << profile;
  }
  script.history.back().effect = SyncEffect::kFailedDurable;
  for (const std::string& profile : kLosing) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a: b:")) << profile;
  }
  script.history.back().effect = SyncEffect::kLied;
  EXPECT_THAT(Images("xfs", script), UnorderedElementsAre("", "a:", "a: b:"));
}

TEST(Enumerator, ALostNameComesBackWithWhatNeedsItAndNotAlone) {
  Script script;
  const InodeNumber a = script.Create("a");
  script.SyncDirectory(kRootInode, SyncEffect::kMarkedClean);
  script.Create("b");
  script.Rename(a, "a", "c");
  for (const char* profile : {"xfs", "ext4-ordered", "btrfs"}) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("", "b:", "b: c:")) << profile;
  }
  EXPECT_THAT(Images("strict-posix", script), UnorderedElementsAre("", "b:", "c:", "b: c:"));
  script.SyncDirectory();
  for (const std::string& profile : kLosing) {
    EXPECT_THAT(Images(profile, script), ElementsAre("b: c:")) << profile;
  }
}

TEST(Enumerator, WhatIsInADirectoryWhoseMkdirWasLostDoesNotBringItBack) {
  Script script;
  const InodeNumber d = script.Mkdir("d");
  script.SyncDirectory(kRootInode, SyncEffect::kMarkedClean);
  script.Create("a", d);
  script.SyncDirectory(d);
  script.SyncDirectory();
  for (const std::string& profile : kLosing) {
    EXPECT_THAT(Images(profile, script), ElementsAre("")) << profile;
  }
  script.Rename(d, "d", "e");
  script.SyncDirectory();
  for (const std::string& profile : kLosing) {
    EXPECT_THAT(Images(profile, script), ElementsAre("e/ e/a:")) << profile;
  }
}

TEST(Enumerator, DamageIsInTheBaseAtOnce) {
  Script script;
  const InodeNumber a = script.File("a", "xyz");
  Operation damage = {OperationKind::kDamage, a};
  damage.size = 2 * kSectorBytes;
  damage.offset = kSectorBytes;
  damage.data = std::make_shared<const std::string>(kSectorBytes, 'q');
  script.history.push_back(damage);
  for (const char* profile : {"kill", "drop-unsynced", "ext4-ordered", "btrfs", "strict-posix"}) {
    EXPECT_THAT(Images(profile, script), ElementsAre("a:xq")) << profile;
  }
}

// --- Which entry operations happened.

TEST(Enumerator, StrictPosixKeepsAnySubsetOfUnrelatedNames) {
  Script script;
  script.Create("a");
  script.Create("b");
  for (const std::string& profile : kPosix) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("", "a:", "b:", "a: b:"));
  }
  for (const std::string& profile : kJournals) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("", "a:", "a: b:"));
  }
  EXPECT_THAT(Images("btrfs", script), UnorderedElementsAre("", "a:", "a: b:"));
}

TEST(Enumerator, OperationsOnOneNameHappenInTheirOrder) {
  Script script;
  const InodeNumber a = script.Create("a");
  script.Unlink(a, "a");
  script.Create("a");
  script.Mkdir("d");
  EXPECT_THAT(Images("strict-posix", script), UnorderedElementsAre("", "a:", "d/", "a: d/"));
}

TEST(Enumerator, ARenameChangesBothNamesOrNone) {
  Script script;
  const InodeNumber a = script.File("a", "x");
  const InodeNumber b = script.File("b", "y");
  script.Rename(a, "a", "b", b);
  for (const char* profile : {"strict-posix", "ext4-ordered", "btrfs", "xfs"}) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("a:x b:y", "b:x")) << profile;
  }
}

TEST(Enumerator, AnUnlinkMayPersistAloneExceptInAJournal) {
  Script script;
  const InodeNumber old = script.File("old");
  script.Create("new");
  script.Unlink(old, "old");
  EXPECT_THAT(Images("strict-posix", script),
              UnorderedElementsAre("old:", "new: old:", "", "new:"));
  EXPECT_THAT(Images("xfs", script), UnorderedElementsAre("old:", "new: old:", "new:"));
}

TEST(Enumerator, BtrfsOrdersADirectoryAtATime) {
  Script script;
  const InodeNumber d = script.Mkdir("d");
  script.SyncDirectory();
  script.Create("a", d);
  script.Create("b");
  script.Create("c", d);
  EXPECT_THAT(Images("btrfs", script),
              UnorderedElementsAre("d/", "d/ d/a:", "d/ d/a: d/c:", "b: d/",
                                   "b: d/ d/a:", "b: d/ d/a: d/c:"));
}

TEST(Enumerator, ADirectoryGoesAfterWhatWasInIt) {
  Script script;
  const InodeNumber d = script.Mkdir("d");
  const InodeNumber a = script.Create("a", d);
  script.SyncDirectory(d);
  script.SyncDirectory();
  script.Rename(a, "a", "b", 0, d, kRootInode);
  script.Rmdir(d, "d");
  EXPECT_THAT(Images("strict-posix", script), UnorderedElementsAre("d/ d/a:", "b: d/", "b:"));
}

TEST(Enumerator, ARenameIntoANewDirectoryMakesNoFileVanish) {
  Script script;
  const InodeNumber a = script.File("a", "x");
  const InodeNumber d = script.Mkdir("d");
  script.Rename(a, "a", "a", 0, kRootInode, d);
  for (const char* profile : {"strict-posix", "xfs", "btrfs"}) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("a:x", "a:x d/", "d/ d/a:x"))
        << profile;
  }
}

// --- Sizes and data.

TEST(Enumerator, AnUnsyncedAppendByProfile) {
  Script script;
  script.Unlink(script.File("old", "s"), "old");
  const InodeNumber a = script.File("a");
  script.SyncDirectory();
  script.Append(a, "xy");
  EXPECT_THAT(Images("xfs", script),
              UnorderedElementsAre("a:", "a:0", "a:x", "a:00", "a:0y", "a:x0", "a:xy"));
  EXPECT_THAT(Images("zombie", script), Images("xfs", script));
  EXPECT_THAT(Images("lying-disk", script), Images("xfs", script));
  EXPECT_THAT(Images("ext4-ordered", script), UnorderedElementsAre("a:", "a:x", "a:xy"));
  EXPECT_THAT(Images("torn-page", script), UnorderedElementsAre("a:", "a:x", "a:xy"));
  EXPECT_THAT(Images("btrfs", script), UnorderedElementsAre("a:", "a:x", "a:xy"));
  EXPECT_THAT(Images("drop-unsynced", script), ElementsAre("a:"));
  EXPECT_THAT(Images("kill", script), ElementsAre("a:xy"));
  // The stale file has one sector.
  const auto garbage =
      UnorderedElementsAre("a:", "a:0", "a:x", "a:S", "a:R", "a:00", "a:0y", "a:0R", "a:x0", "a:xy",
                           "a:xR", "a:S0", "a:Sy", "a:SR", "a:R0", "a:Ry", "a:RR");
  EXPECT_THAT(Images("ext4-writeback", script), garbage);
  EXPECT_THAT(Images("strict-posix", script), garbage);
}

TEST(Enumerator, AllocatedSpaceHoldsZerosOrAnyVersionInAnyOrder) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Allocate(a, 2);
  script.Sync(a);
  script.Append(a, "x");
  script.Append(a, "y");
  for (const char* profile : {"ext4-ordered", "ext4-writeback", "xfs", "strict-posix", "btrfs"}) {
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("a:00", "a:0y", "a:x0", "a:xy"))
        << profile;
  }
}

TEST(Enumerator, AnAllocateIsInTheJournalWithTheNames) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Create("b");
  script.Allocate(a, 1);
  script.Create("c");
  EXPECT_THAT(Images("xfs", script), UnorderedElementsAre("a:", "a: b:", "a:0 b:", "a:0 b: c:"));
  EXPECT_THAT(Images("strict-posix", script),
              UnorderedElementsAre("a:", "a: b:", "a: c:", "a: b: c:", "a:0",
                                   "a:0 b:", "a:0 c:", "a:0 b: c:"));
  EXPECT_THAT(Images("btrfs", script),
              UnorderedElementsAre("a:", "a: b:", "a: b: c:", "a:0", "a:0 b:", "a:0 b: c:"));
}

TEST(Enumerator, SyncOfAnotherFileCommitsAnAllocateButNoData) {
  Script script;
  const InodeNumber a = script.File("a");
  const InodeNumber b = script.File("b");
  script.Append(a, "x");
  script.Allocate(a, 2);
  script.Sync(b);
  for (const std::string& profile : kJournals) {
    if (profile == "torn-page") continue;
    EXPECT_THAT(Images(profile, script), UnorderedElementsAre("a:00 b:", "a:x0 b:")) << profile;
  }
  EXPECT_THAT(Images("zombie", script),
              UnorderedElementsAre("a: b:", "a:0 b:", "a:x b:", "a:00 b:", "a:x0 b:"));
}

TEST(Enumerator, DataBeforeSizeWantsTheNewestVersionUpToTheSize) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "x");
  script.AppendBytes(a, std::string(100, 'y'));
  script.AppendBytes(a, std::string(412, 'y'));
  script.Append(a, "z");
  EXPECT_THAT(Images("ext4-ordered", script),
              UnorderedElementsAre("a:", "a:x", "a:xy", "a:xyz"));  // 100 and 512 bytes of y
  EXPECT_EQ(LegalImages(Ask("ext4-ordered", script.history))->size(), 5);
}

TEST(Enumerator, ARenameOverFlushesTheRenamedFileWhereDataIsOrdered) {
  Script script;
  const InodeNumber b = script.File("b", "o");
  const InodeNumber a = script.File("a");
  script.Append(a, "x");
  script.Rename(a, "a", "b", b);
  EXPECT_THAT(Images("ext4-ordered", script), UnorderedElementsAre("a: b:o", "a:x b:o", "b:x"));
  EXPECT_THAT(Images("torn-page", script), Images("ext4-ordered", script));
  EXPECT_THAT(Images("xfs", script),
              UnorderedElementsAre("a: b:o", "a:0 b:o", "a:x b:o", "b:", "b:0", "b:x"));
  script.SyncDirectory();
  EXPECT_THAT(Images("ext4-ordered", script), ElementsAre("b:x"));
  EXPECT_THAT(Images("xfs", script), UnorderedElementsAre("b:", "b:0", "b:x"));
}

TEST(Enumerator, BtrfsGrowsByAPrefixOfTheGrowingAppends) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "x");
  script.Append(a, "y");
  EXPECT_THAT(Images("btrfs", script), UnorderedElementsAre("a:", "a:x", "a:xy"));
  Script allocated;
  const InodeNumber b = allocated.File("b");
  allocated.Allocate(b, 1);
  allocated.Append(b, "x");
  EXPECT_THAT(Images("btrfs", allocated), UnorderedElementsAre("b:", "b:0", "b:x"));
}

TEST(Enumerator, TornPagesMixWordsOfChangedSyncedSectors) {
  Script script;
  const InodeNumber a = script.File("a");
  script.AppendBytes(a, std::string(504, 'x'));
  script.Allocate(a, 1);
  script.Sync(a);
  script.AppendBytes(a, std::string(8, 'y'));
  EXPECT_EQ(LegalImages(Ask("torn-page", script.history))->size(), 2);
  Script three;
  const InodeNumber b = three.File("b");
  three.AppendBytes(b, std::string(488, 'x'));
  three.Allocate(b, 1);
  three.Sync(b);
  three.AppendBytes(b, std::string(20, 'y'));  // words 61, 62 and half of 63
  three.AppendBytes(b, std::string(4, 'z'));
  EXPECT_EQ(LegalImages(Ask("torn-page", three.history))->size(), 2 * 2 * 3);
  EXPECT_EQ(LegalImages(Ask("ext4-ordered", three.history))->size(), 3);
}

TEST(Enumerator, AWalMayHoldRandomBytesInStrictPosixWhereNothingWasAppendedDurably) {
  Script script;
  const InodeNumber wal = script.File("00000001.wal");
  script.Allocate(wal, 3);
  script.AppendBytes(wal, std::string(100, 'x'));
  script.Sync(wal);
  const size_t before = LegalImages(Ask("strict-posix", script.history))->size();
  EXPECT_EQ(before, 1);
  script.AppendBytes(wal, std::string(412, 'x'));
  script.Append(wal, "y");
  EXPECT_EQ(LegalImages(Ask("strict-posix", script.history))->size(), 2 * 3);
  EXPECT_EQ(LegalImages(Ask("zombie", script.history))->size(), 2 * 2);
}

TEST(Enumerator, AZombieLandsOnceWhereNothingWasWrittenAndIsNeverOlderThanWhatLanded) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Allocate(a, 1);
  script.Sync(a);
  script.AppendBytes(a, std::string(256, 'x'));
  script.AppendBytes(a, std::string(256, 'x'));
  const auto first = LegalImages(Ask("zombie", script.history));
  ASSERT_EQ(first->size(), 3);
  const std::string half = std::string(256, 'x') + std::string(256, '\0');
  const auto losers_of = [&](const std::string& landed) {
    return *first->at({{"/a", landed}}).begin();
  };
  const std::string whole(kSectorBytes, 'x');
  EXPECT_THAT(losers_of(std::string(kSectorBytes, '\0')),
              UnorderedElementsAre(Loser{a, 0, half}, Loser{a, 0, whole}));
  EXPECT_THAT(losers_of(half), UnorderedElementsAre(Loser{a, 0, whole}));
  EXPECT_THAT(losers_of(whole), IsEmpty());

  Question second = Ask("zombie", {});
  second.start.files[a] = half;
  second.start.directories[kRootInode]["a"] = a;
  second.zombies = {{a, 0, whole}};
  EXPECT_THAT(*LegalImages(second), UnorderedElementsAre(testing::Key(PlainImage{{"/a", half}}),
                                                         testing::Key(PlainImage{{"/a", whole}})));
  Operation damage = {OperationKind::kDamage, a};
  damage.size = kSectorBytes;
  damage.data = std::make_shared<const std::string>("q");
  second.history = {damage};
  EXPECT_EQ(LegalImages(second)->size(), 1);
}

TEST(Enumerator, TooManyChoicesAreNoAnswer) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "abcdefgh");
  Question question = Ask("strict-posix", script.history);
  question.limit = 1000;
  EXPECT_FALSE(LegalImages(question).has_value());
}

}  // namespace
}  // namespace lumen::faultfs::verify
