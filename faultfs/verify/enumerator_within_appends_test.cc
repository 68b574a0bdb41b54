// Goal: the enumerator says what docs/fault_model.md says of a file that ends within an append, and
// of a process that dies in one. Method: that of enumerator_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "faultfs/verify/enumerator.h"
#include "faultfs/verify/history_script_testing.h"
#include "faultfs/verify/short_images_testing.h"

namespace lumen::faultfs::verify {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::set<size_t> Lengths(const std::string& profile, const Script& script) {
  std::set<size_t> lengths;
  const auto answer = LegalImages(Ask(profile, script.history));
  for (const auto& [image, losers] : *answer) lengths.insert(image.at("/a")->size());
  return lengths;
}

TEST(EnumeratorWithinAppends, AFileEndsWithinAnAppendAtSectorEndsBeyondTheSizeThatItHad) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Allocate(a, 1);
  script.AppendBytes(a, std::string(100, 'o'));
  script.Sync(a);
  script.AppendBytes(a, std::string(1500, 'x'));  // 512 had the file already; to 1600
  script.AppendBytes(a, std::string(300, 'y'));   // to 1900
  script.AppendBytes(a, std::string(148, 'z'));   // to 2048, which is its own end
  for (const char* profile :
       {"ext4-ordered", "ext4-writeback", "xfs", "btrfs", "zombie", "lying-disk", "strict-posix"}) {
    EXPECT_THAT(Lengths(profile, script), UnorderedElementsAre(512, 1024, 1536, 1600, 1900, 2048))
        << profile;
  }
  EXPECT_THAT(Lengths("kill", script), ElementsAre(2048));
  EXPECT_THAT(Lengths("drop-unsynced", script), ElementsAre(512));
}

TEST(EnumeratorWithinAppends, BeforeARenameOverNoAppendStoppedShort) {
  Script script;
  const InodeNumber b = script.File("b", "o");
  const InodeNumber a = script.File("a");
  script.Append(a, "xy");
  script.Rename(a, "a", "b", b);
  script.Append(a, "zw");
  EXPECT_THAT(Images("ext4-ordered", script),
              UnorderedElementsAre("a: b:o", "a:x b:o", "a:xy b:o", "a:xyz b:o", "a:xyzw b:o",
                                   "b:xy", "b:xyz", "b:xyzw"));
}

TEST(EnumeratorWithinAppends, InBtrfsTheLastGrowingAppendMayStopWithItsBytes) {
  Script script;
  const InodeNumber a = script.File("a");
  script.Append(a, "xy");
  script.Append(a, "zw");
  EXPECT_THAT(Images("btrfs", script),
              UnorderedElementsAre("a:", "a:x", "a:xy", "a:xyz", "a:xyzw"));
  script.Allocate(a, 5);
  EXPECT_THAT(Images("btrfs", script),
              UnorderedElementsAre("a:", "a:x", "a:xy", "a:xyz", "a:xyzw", "a:00000", "a:x0000",
                                   "a:xy000", "a:xyz00", "a:xyzw0"));
  Script lost;
  const InodeNumber b = lost.File("b");
  lost.Append(b, "xy");
  lost.Sync(b, SyncEffect::kMarkedClean);
  EXPECT_THAT(Images("btrfs", lost), UnorderedElementsAre("b:", "b:0", "b:00"));
}

TEST(EnumeratorWithinAppends, AKilledAppendHappenedUpToASectorEnd) {
  const auto killed = [](const Script& script, InodeNumber file, const std::string& profile) {
    Question question = Ask(profile, script.history);
    Script with_next = script;
    with_next.Append(file, "xyz");
    question.next = with_next.history.back();
    std::set<std::string> images;
    const auto answer = LegalImages(question);
    for (const auto& [image, losers] : *answer) images.insert(Short(image));
    return images;
  };
  Script growing;
  const InodeNumber a = growing.File("a", "o");
  EXPECT_THAT(killed(growing, a, "kill"), UnorderedElementsAre("a:o", "a:ox", "a:oxy"));
  EXPECT_THAT(killed(growing, a, "strict-posix"), ElementsAre("a:o"));
  Script allocated;
  const InodeNumber b = allocated.File("b");
  allocated.Allocate(b, 3);
  allocated.AppendBytes(b, std::string(512, 'o'));
  EXPECT_THAT(killed(allocated, b, "kill"), UnorderedElementsAre("b:o00", "b:ox0", "b:oxy"));
}

}  // namespace
}  // namespace lumen::faultfs::verify
