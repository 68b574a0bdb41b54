// Goal: where a file may end within an append, and what a process that dies in one leaves:
// docs/fault_model.md, sections 1 and 3. Method: that of profiles_test.cc.

#include <string>

#include "faultfs/crash/profiles_testing.h"
#include "faultfs/crash/script_testing.h"
#include "faultfs/crash_space.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(WithinAppends, AFileMayEndWithinAnAppendAtASectorEnd) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 0);
  script.Append(file, 0, A(100));
  script.Sync(file);
  script.Append(file, 100, A(1000, 'b'));
  Expect(script, {Profile::kBtrfs},
         {"/f[a*100]", "/f[a*100 b*412]", "/f[a*100 b*924]", "/f[a*100 b*1000]"});
  // The sector in which the durable size ends is not beyond it.
  Expect(script, {Profile::kExt4Ordered},
         {"/f[a*100]", "/f[a*100 0*412]", "/f[a*100 b*412]", "/f[a*100 0*412 b*512]",
          "/f[a*100 b*924]", "/f[a*100 0*412 b*588]", "/f[a*100 b*1000]"});
  Expect(script, {Profile::kXfs, Profile::kZombie, Profile::kLyingDisk},
         {"/f[a*100]", "/f[a*100 0*412]", "/f[a*100 b*412]", "/f[a*100 0*924]",
          "/f[a*100 b*412 0*512]", "/f[a*100 0*412 b*512]", "/f[a*100 b*924]", "/f[a*100 0*1000]",
          "/f[a*100 b*412 0*588]", "/f[a*100 0*412 b*512 0*76]", "/f[a*100 0*924 b*76]",
          "/f[a*100 b*924 0*76]", "/f[a*100 b*412 0*512 b*76]", "/f[a*100 0*412 b*588]",
          "/f[a*100 b*1000]"});
  Expect(script, {Profile::kKill}, {"/f[a*100 b*1000]"});
  Expect(script, {Profile::kDropUnsynced}, {"/f[a*100]"});
}

TEST(WithinAppends, AnAppendWithinTheSizeThatTheFileHadDoesNotStopShort) {
  Script script;
  const InodeNumber file = DurableFile(script, "f", 1024);
  script.Append(file, 0, A(1536));
  Expect(script, {Profile::kBtrfs}, {"/f[0*1024]", "/f[a*1536]"});
  script.Append(file, 1536, A(512, 'b'));
  script.Append(file, 2048, A(1024, 'c'));
  Expect(script, {Profile::kBtrfs},
         {"/f[0*1024]", "/f[a*1536]", "/f[a*1536 b*512]", "/f[a*1536 b*512 c*512]",
          "/f[a*1536 b*512 c*1024]"});
}

TEST(WithinAppends, AnAppendThatARenameOverFlushesDoesNotStopShort) {
  Script script;
  const InodeNumber current = DurableFile(script, "c", 0);
  const InodeNumber temp = script.Create("t");
  script.SyncDirectory();
  script.Append(temp, 0, A(1024));
  script.Rename(temp, "t", "c", current);
  Expect(script, {Profile::kExt4Ordered},
         {"/c[] /t[]", "/c[] /t[a*512]", "/c[] /t[a*1024]", "/c[a*1024]"});
  EXPECT_THAT(AllImages(script.State(Profile::kXfs)), testing::Contains("/c[a*512]"));
}

TEST(WithinAppends, AKilledAppendHappenedUpToASectorEnd) {
  Script grows;
  const InodeNumber file = DurableFile(grows, "f", 0);
  grows.Append(file, 0, A(100));
  grows.Append(file, 100, A(1000, 'b'));
  EXPECT_THAT(AllImages(grows.StateInLast(Profile::kKill)),
              UnorderedElementsAre("/f[a*100]", "/f[a*100 b*412]", "/f[a*100 b*924]"));
  for (const Profile profile : kProfiles) {
    if (profile == Profile::kKill) continue;
    Script before;
    before.Append(DurableFile(before, "f", 0), 0, A(100));
    EXPECT_EQ(AllImages(grows.StateInLast(profile)), AllImages(before.State(profile)))
        << ProfileName(profile);
  }
  Script allocated;
  const InodeNumber wal = DurableFile(allocated, "1.wal", 2048);
  allocated.Append(wal, 0, A(1025));
  EXPECT_THAT(
      AllImages(allocated.StateInLast(Profile::kKill)),
      UnorderedElementsAre("/1.wal[0*2048]", "/1.wal[a*512 0*1536]", "/1.wal[a*1024 0*1024]"));
  // What has happened is not under way any more, and a small one has no middle.
  Script small;
  small.Append(DurableFile(small, "f", 0), 0, A(512));
  EXPECT_EQ(small.StateInLast(Profile::kKill).under_way(), nullptr);
  DiskState state = grows.StateInLast(Profile::kKill);
  EXPECT_EQ(CrashSpace(state, 1).choices(), 1u);
  state.Apply(grows.history().back());
  EXPECT_EQ(CrashSpace(state, 1).choices(), 0u);
  EXPECT_THAT(AllImages(state), ElementsAre("/f[a*100 b*1000]"));
}

}  // namespace
}  // namespace lumen::faultfs
