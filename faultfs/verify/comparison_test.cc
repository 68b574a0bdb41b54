// Goal: a set with an image too many or too few is rejected, in words that say which image and
// which rule. Method: the enumerator's own set with an error planted in it, down to a set made with
// one rule of the page switched off.
#include "faultfs/verify/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "faultfs/verify/history_script_testing.h"

namespace lumen::faultfs::verify {
namespace {

using testing::HasSubstr;

class Comparison : public testing::Test {
 protected:
  Comparison() {
    const InodeNumber b = script_.File("b", "o");
    const InodeNumber a = script_.File("a");
    script_.Append(a, "x");
    script_.Rename(a, "a", "b", b);
    script_.Create("c");
  }
  static std::set<PlainImage> Set(const Answer& answer) {
    std::set<PlainImage> images;
    for (const auto& [image, losers] : answer) images.insert(image);
    return images;
  }
  std::string DifferencesWithout(Rule rule) {
    Question question = Ask();
    const Answer legal = *LegalImages(question);
    question.ignored = rule;
    const std::set<PlainImage> claimed = Set(*LegalImages(question));
    question.ignored = Rule::kNone;
    return Differences(question, legal, claimed);
  }
  Question Ask() const { return {.profile = "ext4-ordered", .history = script_.history}; }
  Script script_;
};

TEST_F(Comparison, TheTrueSetHasNoDifferences) { EXPECT_EQ(DifferencesWithout(Rule::kNone), ""); }

TEST_F(Comparison, AnImageThatIsMissingIsShownWithTheNearestOne) {
  const Question question = Ask();
  const Answer legal = *LegalImages(question);
  for (const auto& [image, losers] : legal) {
    std::set<PlainImage> claimed = Set(legal);
    claimed.erase(image);
    const std::string report = Differences(question, legal, claimed);
    EXPECT_THAT(report, HasSubstr("1 missing, 0 too many"));
    EXPECT_THAT(report, HasSubstr("a legal image that is missing:\n" + ShowImage(image)));
    EXPECT_THAT(report, HasSubstr("the nearest of the other set has instead\n"));
  }
}

TEST_F(Comparison, ImpossibleBytesInAnUnsyncedSectorAreTooMany) {
  const Question question = Ask();
  const Answer legal = *LegalImages(question);
  std::set<PlainImage> claimed = Set(legal);
  PlainImage wrong = {{"/a", std::string(kSectorBytes, 'q')},
                      {"/b", std::string(kSectorBytes, 'o')}};
  claimed.insert(wrong);
  const std::string report = Differences(question, legal, claimed);
  EXPECT_THAT(report, HasSubstr("0 missing, 1 too many"));
  EXPECT_THAT(report, HasSubstr("/a: 512 bytes: 512 x 'q'"));
  EXPECT_THAT(report, HasSubstr("no single one explains it"));
  EXPECT_THAT(report, HasSubstr("rename 1/a -> 1/b inode 3 over inode 2"));
}

TEST_F(Comparison, ARuleThatIsIgnoredIsNamed) {
  for (const Rule rule : {Rule::kEntryOrder, Rule::kDataBeforeSize, Rule::kRenameOver}) {
    EXPECT_THAT(DifferencesWithout(rule),
                HasSubstr(std::string("breaks the rule: ") + std::string(RuleName(rule))));
  }
}

}  // namespace
}  // namespace lumen::faultfs::verify
