// What a crash chose, as text, in words, and judged: choices that the fault model forbids are
// refused with the reason.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/crash/script_testing.h"
#include "faultfs/crash_space.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

using testing::HasSubstr;

Survivors Parsed(std::string_view text) {
  auto survivors = Survivors::Parse(text);
  EXPECT_TRUE(survivors.ok()) << survivors.status();
  return *std::move(survivors);
}

std::string Refusal(const DiskState& state, std::string_view survivors) {
  const auto made = CrashSpace(state, 1).Make(Parsed(survivors));
  return made.ok() ? "made " + Show(made->image) : std::string(made.status().message());
}

TEST(SurvivorsText, ComesBackAsItWas) {
  for (const std::string_view text :
       {"none", "entries=3,5-9", "sizes=4@17,5@2", "sizes=4@17:1536,5@2",
        "sizes=1@0:18446744073709551104", "sectors=4/0-2=v17,4/3=stale,5/0=words7",
        "sectors=4/0=base,4/1=zeros,4/2=random,4/3=zombie0,4/4=words18446744073709551615",
        "entries=1 sizes=2@3 sectors=2/0=v3 appends=3-4", "entries=7,3,3-4",
        "sectors=4294967295/18446744073709551615=v0"}) {
    EXPECT_EQ(Parsed(text).ToString(), text);
  }
}

TEST(SurvivorsText, IsRefusedWhereItIsMalformed) {
  for (const std::string_view text : {"",
                                      " ",
                                      "entries",
                                      "entries=",
                                      "entries=3,",
                                      "entries=-3",
                                      "entries=5-3",
                                      "entries=x",
                                      "entries=99999999999999999999",
                                      "entries=0-18446744073709551615",
                                      "sizes=4",
                                      "sizes=@4",
                                      "sizes=4@",
                                      "sizes=4@17:",
                                      "sizes=4@17:0",
                                      "sizes=4@17:x",
                                      "sizes=4:17",
                                      "sizes=4:5@17",
                                      "sizes=4@17:5:6",
                                      "sizes=4294967296@1",
                                      "sectors=4/0",
                                      "sectors=4=v1",
                                      "sectors=4/0=nothing",
                                      "sectors=4/0=v1x",
                                      "others=1",
                                      "none entries=1",
                                      "entries=1  sizes=4@1"}) {
    const auto parsed = Survivors::Parse(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("survivors: expected ")) << text;
  }
}

// 0 create CURRENT · 1 append · 2 sync · 3 syncdir · 4 create t · 5 append t · 6 rename t over
// CURRENT · 7 append t
Script RenameScript() {
  Script script;
  const InodeNumber current = script.Create("CURRENT");
  script.Append(current, 0, std::string(10, 'a'));
  script.Sync(current);
  script.SyncDirectory();
  const InodeNumber temp = script.Create("CURRENT.tmp");
  script.Append(temp, 0, std::string(600, 'b'));
  script.Rename(temp, "CURRENT.tmp", "CURRENT", current);
  script.Append(temp, 600, std::string(600, 'c'));
  return script;
}

TEST(Make, RefusesWhatTheOrderForbids) {
  const Script script = RenameScript();
  EXPECT_THAT(Refusal(script.State(Profile::kStrictPosix), "entries=6"),
              HasSubstr("rename(CURRENT.tmp -> CURRENT) (operation 6) cannot have happened without "
                        "create(CURRENT.tmp) (operation 4)"));
  EXPECT_THAT(Refusal(script.State(Profile::kXfs), "entries=6"), HasSubstr("without create"));
  EXPECT_THAT(Refusal(script.State(Profile::kBtrfs), "entries=6"), HasSubstr("without create"));
  EXPECT_THAT(Refusal(script.State(Profile::kXfs), "entries=4,6"), HasSubstr("made /CURRENT[]"));
  EXPECT_THAT(Refusal(script.State(Profile::kBtrfs), "entries=4 appends=7"),
              HasSubstr("append(CURRENT, 600+600) grew the file after append(CURRENT.tmp, 0+600) "
                        "and cannot have happened without it"));
}

TEST(Make, RefusesOperationsThatAreNotPending) {
  const DiskState state = RenameScript().State(Profile::kStrictPosix);
  EXPECT_THAT(Refusal(state, "entries=0"), HasSubstr("operation 0 is no pending entry operation"));
  EXPECT_THAT(Refusal(state, "entries=5"), HasSubstr("operation 5 is no pending entry"));
  EXPECT_THAT(Refusal(state, "entries=4 sizes=3@4"), HasSubstr("no pending size operation"));
  EXPECT_THAT(Refusal(state, "entries=4 sizes=9@5"), HasSubstr("no pending size operation"));
  EXPECT_THAT(Refusal(state, "entries=4 sizes=3@5 sectors=3/0=v7"),
              HasSubstr("cannot have the version of operation 7"));
  EXPECT_THAT(Refusal(state, "sectors=9/0=zeros"), HasSubstr("there is no file 9"));
  EXPECT_THAT(Refusal(state, "appends=5"), HasSubstr("in btrfs only"));
  EXPECT_THAT(Refusal(state, "entries=4 sectors=3/0=v5"), HasSubstr("beyond the file's size of 0"));
  EXPECT_THAT(Refusal(state, "entries=4,4"), HasSubstr("listed twice"));
  EXPECT_THAT(Refusal(state, "entries=4 sizes=3@5,3@7"), HasSubstr("two sizes"));
  EXPECT_THAT(Refusal(state, "entries=4 sizes=3@5 sectors=3/0=v5,3/0=zeros"),
              HasSubstr("two contents"));
  EXPECT_THAT(Refusal(state, "sectors=2/0=zeros"), HasSubstr("inside the durable size"));
  EXPECT_THAT(Refusal(state, "sectors=2/0=zombie0"), HasSubstr("cannot have zombie 0"));
  EXPECT_THAT(Refusal(state, "sectors=2/0=words1"), HasSubstr("cannot have words"));
}

TEST(Make, RefusesSizesAndContentsThatTheProfileForbids) {
  const Script script = RenameScript();
  const DiskState ordered = script.State(Profile::kExt4Ordered);
  EXPECT_THAT(Refusal(ordered, "entries=4,6"), HasSubstr("cannot be shorter than 600 bytes"));
  EXPECT_THAT(Refusal(ordered, "entries=4,6 sizes=3@5"), HasSubstr("newer ones came first"));
  EXPECT_THAT(Refusal(ordered, "entries=4 sizes=3@7 sectors=3/0=v5,3/1=v5"),
              HasSubstr("sector 1 of file 3 (CURRENT) cannot have the version of operation 5"));
  EXPECT_THAT(Refusal(ordered, "entries=4,6 sizes=3@7 sectors=3/0=v5,3/1-2=v7"),
              HasSubstr("made /CURRENT[b*600 c*600]"));
  EXPECT_THAT(Refusal(script.State(Profile::kXfs), "entries=4 sizes=3@5 sectors=3/0=random"),
              HasSubstr("cannot have random bytes"));
  EXPECT_THAT(Refusal(script.State(Profile::kStrictPosix), "entries=4 sizes=3@5 sectors=3/0=stale"),
              HasSubstr("cannot have stale bytes"));
  EXPECT_THAT(Refusal(script.State(Profile::kBtrfs), "entries=4 sizes=3@5"),
              HasSubstr("appends are chosen, not sizes"));
  for (const Profile profile : {Profile::kKill, Profile::kDropUnsynced}) {
    EXPECT_THAT(Refusal(script.State(profile), "entries=4"), HasSubstr("has no choice"));
  }
}

// 0 create f · 1 sync f · 2 syncdir · 3 append f to 100 · 4 append f to 1100 · 5 append f to 2000
Script GrowingScript() {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(100, 'a'));
  script.Append(file, 100, std::string(1000, 'b'));
  script.Append(file, 1100, std::string(900, 'c'));
  return script;
}

TEST(Make, RefusesStopsThatAreNoSectorEndsOfTheAppend) {
  const Script script = GrowingScript();
  const DiskState xfs = script.State(Profile::kXfs);
  EXPECT_THAT(Refusal(xfs, "sizes=2@4:1024 sectors=2/1=v4"), HasSubstr("made /f[0*512 b*512]"));
  for (const char* stop : {"sizes=2@3:64", "sizes=2@4:100", "sizes=2@4:700", "sizes=2@4:1100",
                           "sizes=2@4:1536", "sizes=2@5:1024", "sizes=2@5:2048"}) {
    EXPECT_THAT(Refusal(xfs, stop), HasSubstr("cannot stop at byte")) << stop;
  }
  EXPECT_THAT(Refusal(xfs, "sizes=2@4:512 sectors=2/1=v4"),
              HasSubstr("beyond the file's size of 512 bytes"));
  EXPECT_THAT(Refusal(script.State(Profile::kExt4Ordered), "sizes=2@4:512"),
              HasSubstr("cannot have the bytes that were durable: newer ones came first"));
  EXPECT_THAT(Refusal(RenameScript().State(Profile::kExt4Ordered), "entries=4,6 sizes=3@5:512"),
              HasSubstr("cannot be shorter than 600 bytes"));
}

TEST(Make, RefusesStopsInBtrfsOfOthersThanTheLastGrowingAppend) {
  const DiskState state = GrowingScript().State(Profile::kBtrfs);
  EXPECT_THAT(Refusal(state, "appends=3-4 sizes=2@4:1024"), HasSubstr("made /f[a*100 b*924]"));
  EXPECT_THAT(Refusal(state, "appends=3-5 sizes=2@4:1024"),
              HasSubstr("append(f, 1100+900) grew the file after append(f, 100+1000), which cannot "
                        "have stopped short"));
  EXPECT_THAT(Refusal(state, "appends=3-4 sizes=2@4:1100"), HasSubstr("cannot stop at byte 1100"));
  EXPECT_THAT(Refusal(state, "appends=3 sizes=2@4:1024"),
              HasSubstr("operation 4 is no append of file 2 that happened"));
  EXPECT_THAT(Refusal(state, "appends=3 sizes=9@3:512"), HasSubstr("no append of file 9"));
}

TEST(Make, RefusesInKillWhatIsNoPartOfTheAppendUnderWay) {
  const Script script = GrowingScript();
  const DiskState state = script.StateInLast(Profile::kKill);
  EXPECT_THAT(Refusal(state, "none"), HasSubstr("made /f[a*100 b*1000]"));
  EXPECT_THAT(Refusal(state, "sizes=2@5:1536"), HasSubstr("made /f[a*100 b*1000 c*436]"));
  EXPECT_THAT(Refusal(state, "sizes=2@5:1024"), HasSubstr("no sector end within it"));
  EXPECT_THAT(Refusal(state, "sizes=2@5"), HasSubstr("no sector end within it"));
  EXPECT_THAT(Refusal(state, "sizes=2@4:512"),
              HasSubstr("no choice but about operation 5, which is under way"));
  EXPECT_THAT(Refusal(state, "sizes=2@5:1536,3@5:1536"), HasSubstr("has no choice"));
  EXPECT_THAT(Refusal(script.State(Profile::kKill), "sizes=2@5:1536"),
              HasSubstr("no append of several sectors is under way"));
}

TEST(Make, RefusesAnAllocateThatTheJournalDoesNotHave) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Sync(file);
  script.SyncDirectory();
  script.Create("g");
  script.Allocate(file, 1000);
  const DiskState state = script.State(Profile::kXfs);
  EXPECT_THAT(Refusal(state, "entries=3 sizes=2@4"), HasSubstr("not in the journal's prefix"));
  EXPECT_THAT(Refusal(state, "entries=3-4"), HasSubstr("cannot be shorter than 1000 bytes"));
  EXPECT_THAT(Refusal(state, "entries=3-4 sizes=2@4"), HasSubstr("made /f[0*1000] /g[]"));
}

std::string Explained(const DiskState& state, std::string_view survivors) {
  const auto made = CrashSpace(state, 1).Make(Parsed(survivors));
  EXPECT_TRUE(made.ok()) << made.status();
  return ExplainSurvivors(state, Parsed(survivors));
}

TEST(Explain, NamesWhatSurvivedOutOfOrder) {
  Script script;
  const InodeNumber manifest = script.Create("MANIFEST-3");
  const InodeNumber temp = script.Create("CURRENT.tmp");
  script.SyncDirectory();
  script.Rename(temp, "CURRENT.tmp", "CURRENT");
  script.Unlink(manifest, "MANIFEST-3");
  const DiskState state = script.State(Profile::kStrictPosix);
  EXPECT_EQ(Explained(state, "entries=4"),
            "`unlink(MANIFEST-3)` persisted but `rename(CURRENT.tmp -> CURRENT)` did not; no sync "
            "of the root directory took effect between operations 3 and 4");
  EXPECT_EQ(Explained(state, "entries=3"),
            "the first 1 of 2 pending operations persisted, up to `rename(CURRENT.tmp -> "
            "CURRENT)`; `unlink(MANIFEST-3)` did not; no sync of the root directory took effect "
            "between operation 4 and the crash");
  EXPECT_EQ(Explained(state, "entries=3-4"), "all of 2 pending operations persisted");
  EXPECT_EQ(Explained(state, "none"),
            "none of 2 pending operations persisted: `rename(CURRENT.tmp -> CURRENT)`, "
            "`unlink(MANIFEST-3)`; no sync of the root directory took effect between operation 3 "
            "and the crash");
}

// The second half of the classic: what the file system was free to reorder, and why.
TEST(Explain, NamesTheFileWhoseSyncIsMissing) {
  Script script;
  const InodeNumber db = script.MakeDirectory("db");
  const InodeNumber temp = script.Create("CURRENT.tmp", db);
  script.SyncDirectory();
  script.SyncDirectory(db);
  script.Append(temp, 0, std::string(20, 'a'));
  script.Rename(temp, "CURRENT.tmp", "CURRENT", 0, db, db);
  const DiskState state = script.State(Profile::kStrictPosix);
  EXPECT_EQ(Explained(state, "entries=5"),
            "`rename(CURRENT.tmp -> CURRENT)` persisted but `append(CURRENT.tmp, 0+20)` did not; "
            "no sync of CURRENT.tmp took effect between operations 4 and 5");
  EXPECT_EQ(Explained(state, "sizes=3@4 sectors=3/0=v4"),
            "the first 1 of 2 pending operations persisted, up to `append(CURRENT.tmp, 0+20)`; "
            "`rename(CURRENT.tmp -> CURRENT)` did not; no sync of directory db took effect between "
            "operation 5 and the crash");
  // Syncs that lied are syncs that did not take effect: nothing else can be said about them.
  script.Sync(temp, SyncEffect::kLied);
  EXPECT_THAT(Explained(script.State(Profile::kLyingDisk), "entries=5"),
              HasSubstr("no sync of CURRENT.tmp took effect between operations 4 and 5"));
}

TEST(Explain, NamesAFewOfManyMissingSyncs) {
  Script script;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    const InodeNumber file = script.Create(name);
    script.SyncDirectory();
    script.Append(file, 0, "x");
  }
  EXPECT_THAT(Explained(script.State(Profile::kStrictPosix), "none"),
              HasSubstr("; no sync of a took effect between operation 2 and the crash; no sync of "
                        "b took effect between operation 5 and the crash; no sync of c took effect "
                        "between operation 8 and the crash; and none of 2 more"));
}

TEST(Explain, TellsTheSectorsOfATornAppend) {
  Script script;
  const InodeNumber wal = script.Create("1.wal");
  script.Allocate(wal, 8192);
  script.Sync(wal);
  script.SyncDirectory();
  script.Append(wal, 0, std::string(100, 'a'));
  script.Append(wal, 100, std::string(2000, 'b'));
  script.Append(wal, 2100, std::string(2000, 'c'));
  const DiskState state = script.State(Profile::kStrictPosix);
  EXPECT_EQ(Explained(state, "sectors=2/0-1=v5,2/3=random,2/5-8=v6"),
            "of `append(1.wal, 100+2000)`, sectors 0-1 persisted, sector 2 did not, sector 3 got "
            "random bytes, sector 4 did not; of `append(1.wal, 2100+2000)`, sector 4 did not, "
            "sectors 5-8 persisted; before that, 1 operation persisted; no sync of 1.wal took "
            "effect between operation 5 and the crash");
}

TEST(Explain, TellsSizesWithoutDataAndLostData) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a'));
  const DiskState state = script.State(Profile::kXfs);
  EXPECT_EQ(Explained(state, "sizes=2@2"),
            "of `append(f, 0+512)`, its size persisted, its bytes did not; no sync of f took "
            "effect between operation 2 and the crash");
  script.Sync(file, SyncEffect::kMarkedClean);
  const DiskState lost = script.State(Profile::kXfs);
  EXPECT_EQ(Explained(lost, "sizes=2@2"),
            "of `append(f, 0+512)`, a failed sync had lost its bytes, and its size persisted");
}

TEST(Explain, TellsWhereAnAppendStopped) {
  Script script = GrowingScript();
  const DiskState xfs = script.State(Profile::kXfs);
  EXPECT_EQ(Explained(xfs, "sizes=2@4:1024 sectors=2/0-1=v4"),
            "of `append(f, 100+1000)`, sectors 0-1 persisted, sector 2 did not, the file ended at "
            "byte 1024; before that, 1 operation persisted; after that, 1 operation did not; no "
            "sync of f took effect between operation 4 and the crash");
  EXPECT_EQ(Explained(xfs, "sizes=2@5:1536 sectors=2/0-2=v4"),
            "of `append(f, 1100+900)`, its size persisted up to byte 1536, its bytes did not; "
            "before that, 2 operations persisted; no sync of f took effect between operation 5 and "
            "the crash");
  EXPECT_EQ(Explained(script.State(Profile::kBtrfs), "appends=3-4 sizes=2@4:512"),
            "of `append(f, 100+1000)`, what is before byte 512 of the file persisted; before that, "
            "1 operation persisted; after that, 1 operation did not; no sync of f took effect "
            "between operation 4 and the crash");
  const DiskState kill = script.StateInLast(Profile::kKill);
  EXPECT_EQ(Explained(kill, "none"), "the page cache survived: nothing was lost");
  EXPECT_EQ(Explained(kill, "sizes=2@5:1536"),
            "the page cache survived: nothing was lost; of `append(f, 1100+900)`, which was under "
            "way, what is before byte 1536 of the file was there");
  script.Sync(2, SyncEffect::kMarkedClean);
  EXPECT_EQ(
      Explained(script.State(Profile::kXfs), "sizes=2@4:512"),
      "of `append(f, 0+100)`, a failed sync had lost its bytes, and its size persisted; of "
      "`append(f, 100+1000)`, a failed sync had lost its bytes, and its size persisted up to "
      "byte 512; of `append(f, 1100+900)`, a failed sync had lost its bytes, and its size did "
      "not persist");
}

TEST(Explain, TellsTheNamesThatAFailedSyncLost) {
  Script script;
  const InodeNumber a = script.Create("a");
  script.Create("b");
  script.SyncDirectory(kRootInode, SyncEffect::kMarkedClean);
  script.Rename(a, "a", "c");
  const DiskState state = script.State(Profile::kXfs);
  EXPECT_EQ(
      Explained(state, "none"),
      "none of 1 pending operation persisted: `rename(a -> c)`; no sync of the root directory "
      "took effect between operation 3 and the crash; a failed sync of their "
      "directory had lost `create(a)`, `create(b)`");
  EXPECT_EQ(Explained(state, "entries=3"),
            "all of 1 pending operation persisted; a failed sync of their directory had lost "
            "`create(b)`");
}

TEST(Explain, PassesOverFilesWithoutAName) {
  const DiskState state = RenameScript().State(Profile::kStrictPosix);
  EXPECT_EQ(Explained(state, "none"),
            "none of 2 pending operations persisted: `create(CURRENT.tmp)`, "
            "`rename(CURRENT.tmp -> CURRENT)`; no sync of the root directory took effect between "
            "operation 4 and the crash");
}

TEST(Explain, TellsTheProfilesWithoutChoice) {
  const Script script = RenameScript();
  EXPECT_THAT(ExplainSurvivors(script.State(Profile::kKill), {}), HasSubstr("page cache"));
  EXPECT_EQ(ExplainSurvivors(script.State(Profile::kDropUnsynced), {}),
            "nothing that was not synced persisted; no sync of the root directory took effect "
            "between operation 4 and the crash");
}

TEST(Explain, TellsZombies) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Allocate(file, 512);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a'));
  const DiskState before = script.State(Profile::kZombie);
  const auto crash = CrashSpace(before, 1).Make(Survivors());
  ASSERT_TRUE(crash.ok());
  const DiskState after = Script(5).State(Profile::kZombie, crash->image, crash->zombies);
  EXPECT_EQ(Explained(after, "sectors=2/0=zombie0"),
            "nothing was pending; a write from before the previous crash landed in sector 0 of f");
}

}  // namespace
}  // namespace lumen::faultfs
