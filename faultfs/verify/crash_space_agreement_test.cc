// Goal: for every profile CrashSpace allows exactly the images that docs/fault_model.md allows:
// none is missing, none is too many. Method: random programs on a volume, with syncs that fail and
// lie and damage at rest; their histories, cut so that few operations are pending; the set of
// images compared with that of an enumerator written from the page alone. Then a second program
// starts from one of those images, and is compared too. A failing pair of programs is shrunk, and
// the report names the image and, where it can, the rule. That the comparison can fail at all is
// shown by planted errors.
//
//   LUMEN_PROPTEST_SEED=7    other programs
//   LUMEN_PROPTEST_SCALE=10  ten times as many
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/profile.h"
#include "faultfs/verify/comparison.h"
#include "faultfs/verify/enumerator.h"
#include "faultfs/verify/random_history_testing.h"
#include "rapidcheck.h"

namespace lumen::faultfs::verify {
namespace {

constexpr uint64_t kLeastHistories = 300;
constexpr int kCases = 200;  // each has two histories
constexpr size_t kMostPending = 6;
constexpr uint64_t kMostChoices = 3000;
constexpr uint64_t kSeed = 4711;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

struct Tally {
  uint64_t histories = 0;
  uint64_t images = 0;
  uint64_t most_images = 0;
  uint64_t pending = 0;
  uint64_t with_zombies = 0;
  // What the histories hold.
  std::map<OperationKind, uint64_t> kinds = {};
  std::map<SyncEffect, uint64_t> effects = {};
  std::map<SyncEffect, uint64_t> directory_effects = {};
  uint64_t renames_over = 0;
  uint64_t renames_between = 0;

  void Count(const std::vector<Operation>& history);
  void ExpectVariety();
};

void Tally::Count(const std::vector<Operation>& history) {
  for (const Operation& operation : history) {
    ++kinds[operation.kind];
    if (operation.kind == OperationKind::kSync) ++effects[operation.effect];
    if (operation.kind == OperationKind::kSyncDirectory) ++directory_effects[operation.effect];
    if (operation.kind != OperationKind::kRename) continue;
    if (operation.replaced != 0) ++renames_over;
    if (operation.directory != operation.to_directory) ++renames_between;
  }
}

// A generator that loses one of these would test less without anybody's noticing.
void Tally::ExpectVariety() {
  constexpr uint64_t kLeast = 20;
  for (int kind = 0; kind <= static_cast<int>(OperationKind::kDamage); ++kind) {
    const auto found = kinds.find(static_cast<OperationKind>(kind));
    EXPECT_TRUE(found != kinds.end() && found->second >= kLeast) << "operations of kind " << kind;
  }
  for (int effect = 0; effect <= static_cast<int>(SyncEffect::kFailedPartly); ++effect) {
    EXPECT_GE(effects[static_cast<SyncEffect>(effect)], kLeast) << "syncs of effect " << effect;
    EXPECT_GE(directory_effects[static_cast<SyncEffect>(effect)], kLeast)
        << "syncs of directories of effect " << effect;
  }
  EXPECT_GE(renames_over, kLeast);
  EXPECT_GE(renames_between, kLeast);
}

// A moment of a history, as both sides see it.
struct Moment {
  Question question;
  Answer legal;
  DiskState state;
};

std::vector<Loser> AsLosers(const std::vector<DiskState::Zombie>& zombies) {
  std::vector<Loser> losers;
  for (const DiskState::Zombie& zombie : zombies) {
    losers.push_back({zombie.inode, zombie.sector, *zombie.bytes});
  }
  return losers;
}

struct Cut {
  size_t length = 0;  // of the history
  size_t pending = 0;
};

// Where the history may be cut so that few operations are pending: the longest first, but those
// after which hardly any are pending last.
std::vector<Cut> Cuts(const Question& question) {
  std::vector<Cut> cuts = {{0, 0}};
  Remains remains(question.profile, question.start);
  size_t length = 0;
  for (const Operation& operation : question.history) {
    remains.Apply(operation);
    ++length;
    const size_t pending = remains.pending().size();
    if (pending <= kMostPending) cuts.push_back({length, pending});
  }
  std::reverse(cuts.begin(), cuts.end());
  std::stable_partition(cuts.begin(), cuts.end(),
                        [](const Cut& cut) { return cut.pending > kMostPending / 2; });
  return cuts;
}

// The longest part of the history, from its start, that has few pending operations and few images.
Moment CutShort(Profile profile, const CrashImage& start, const std::vector<Operation>& history,
                Tally& tally) {
  Question question = {.profile = std::string(ProfileName(profile)),
                       .start = PlainDisk(start.image),
                       .history = history,
                       .seed = kSeed,
                       .zombies = AsLosers(start.zombies),
                       .limit = kMostChoices};
  for (const auto& [length, pending] : Cuts(question)) {
    question.history.assign(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(length));
    question.next = length < history.size() ? std::optional(history[length]) : std::nullopt;
    if (length == 0) question.limit = ~uint64_t{0};  // zombies only
    std::optional<Answer> legal = LegalImages(question);
    if (!legal) continue;
    DiskState state(profile, start.image, start.zombies);
    for (const Operation& operation : question.history) state.Apply(operation);
    if (question.next) state.Begin(*question.next);
    tally.pending += pending;
    return {std::move(question), *std::move(legal), std::move(state)};
  }
  RC_FAIL("the empty history has too many images");
}

std::vector<CrashImage> Enumerated(const DiskState& state) {
  std::vector<CrashImage> images;
  const CrashSpace space(state, kSeed, state.unlinked());
  const bool all = space.Enumerate(10 * kMostChoices, [&](const CrashImage& image) {
    images.push_back(image);
    return true;
  });
  RC_ASSERT(all);
  return images;
}

// Those that can make a difference: not what landed anyway, not beyond the end of the file.
Losers VisibleLosers(const CrashImage& image) {
  Losers losers;
  for (const DiskState::Zombie& zombie : image.zombies) {
    const std::string file = image.image.File(zombie.inode)->ToString();
    const uint64_t start = zombie.sector * kSectorBytes;
    if (start >= file.size()) continue;
    const std::string landed = file.substr(start, kSectorBytes);
    std::string bytes = *zombie.bytes;
    bytes.resize(landed.size());
    if (bytes != landed) losers.insert({zombie.inode, zombie.sector, bytes});
  }
  return losers;
}

// The images of CrashSpace at this moment, which must be the enumerator's.
std::vector<CrashImage> Compare(const Moment& moment, Tally& tally) {
  const std::vector<CrashImage> images = Enumerated(moment.state);
  std::set<PlainImage> claimed;
  for (const CrashImage& image : images) {
    if (!claimed.insert(image.image.Plain()).second) {
      RC_FAIL("the same image twice:\n" + ShowImage(image.image.Plain()) +
              ShowHistory(moment.question.history));
    }
  }
  const std::string differences = Differences(moment.question, moment.legal, claimed);
  if (!differences.empty()) RC_FAIL("\n" + differences);
  for (const CrashImage& image : images) {
    if (moment.state.profile() != Profile::kZombie) {
      RC_ASSERT(image.zombies.empty());
    } else if (!moment.legal.at(image.image.Plain()).contains(VisibleLosers(image))) {
      RC_FAIL("wrong losers with the image\n" + ShowImage(image.image.Plain()) +
              ShowHistory(moment.question.history));
    }
  }
  ++tally.histories;
  tally.Count(moment.question.history);
  tally.images += images.size();
  tally.most_images = std::max<uint64_t>(tally.most_images, images.size());
  if (!moment.state.zombies().empty()) ++tally.with_zombies;
  return images;
}

// Images that are chosen without enumerating are legal ones too, and can be made again.
void CheckChosen(const Moment& moment) {
  constexpr uint64_t kSamples = 8;
  const CrashSpace space(moment.state, kSeed, moment.state.unlinked());
  const auto check = [&](const CrashImage& image) {
    if (!moment.legal.contains(image.image.Plain())) {
      RC_FAIL("chosen, but not legal:\n" + ShowImage(image.image.Plain()) +
              ShowHistory(moment.question.history));
    }
    const auto again = space.Make(image.survivors);
    RC_ASSERT(again.ok());
    RC_ASSERT(again->image.Plain() == image.image.Plain());
    return true;
  };
  for (uint64_t seed = 0; seed < kSamples; ++seed) check(space.Sample(seed));
  space.Systematic(check);
}

void CheckKill(Profile profile, const Ran& ran, const std::vector<CrashImage>& images,
               const Moment& moment) {
  if (profile != Profile::kKill || moment.question.history.size() != ran.history.size()) return;
  RC_ASSERT(images.size() == 1u);
  RC_ASSERT(images[0].image.Plain() == ran.current);
}

// Runs the property on `cases` cases of two programs and a choice.
template <typename Property>
bool ForPrograms(Profile profile, int cases, const Property& property) {
  const std::string name(ProfileName(profile));
  rc::detail::TestParams params;
  params.seed = Setting("LUMEN_PROPTEST_SEED", 1);
  params.maxSuccess = cases;
  const bool small = profile == Profile::kTornPage;
  const auto result = rc::detail::checkTestable(
      [&] {
        const Program first = *AnyProgram(small), second = *AnyProgram(small);
        property(first, second, *rc::gen::inRange<size_t>(0, 1 << 20));
      },
      rc::detail::TestMetadata{name, name}, params);
  if (result.template is<rc::detail::SuccessResult>()) return true;
  rc::detail::printResultMessage(result, std::cerr);
  std::cerr << std::endl;
  return false;
}

class CrashSpaceAgreement : public testing::TestWithParam<Profile> {};

TEST_P(CrashSpaceAgreement, WithTheEnumerator) {
  const Profile profile = GetParam();
  Tally tally;
  const int cases = static_cast<int>(kCases * Setting("LUMEN_PROPTEST_SCALE", 1));
  ASSERT_TRUE(
      ForPrograms(profile, cases, [&](const Program& first, const Program& second, size_t choice) {
        CrashImage start;
        for (const Program& program : {first, second}) {
          const Ran ran = RunOnVolume(program, start.image);
          const Moment moment = CutShort(profile, start, ran.history, tally);
          const std::vector<CrashImage> images = Compare(moment, tally);
          CheckChosen(moment);
          CheckKill(profile, ran, images, moment);
          start = images[choice % images.size()];
        }
      }));
  std::cout << ProfileName(profile) << ": " << tally.histories << " histories, " << tally.pending
            << " pending operations, " << tally.images << " images, at most " << tally.most_images
            << ", " << tally.with_zombies << " with zombies\n";
  EXPECT_GE(tally.histories, kLeastHistories);
  tally.ExpectVariety();
  const bool has_choices = profile != Profile::kKill && profile != Profile::kDropUnsynced;
  EXPECT_GE(tally.images, (has_choices ? 8 : 1) * tally.histories);
  if (profile == Profile::kZombie) {
    EXPECT_GE(tally.with_zombies, tally.histories / 10);
  }
}

std::string TestName(std::string name) {
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Profiles, CrashSpaceAgreement, testing::ValuesIn(kProfiles),
                         [](const auto& test) {
                           return TestName(std::string(ProfileName(test.param)));
                         });

// --- The comparison can fail.

using RuleOfProfile = std::tuple<Profile, Rule>;
class PlantedRule : public testing::TestWithParam<RuleOfProfile> {};

// An enumerator that ignores one rule of the page disagrees with CrashSpace.
TEST_P(PlantedRule, IsNoticed) {
  const auto [profile, rule] = GetParam();
  Tally tally;
  int cases = 0, noticed = 0;
  const Profile judged = profile;
  const Rule ignored = rule;
  ASSERT_TRUE(ForPrograms(judged, kCases, [&](const Program& program, const Program&, size_t) {
    if (noticed != 0) return;
    ++cases;
    Moment moment = CutShort(judged, {}, RunOnVolume(program, {}).history, tally);
    moment.question.ignored = ignored;
    const std::optional<Answer> wrong = LegalImages(moment.question);
    if (!wrong) return;
    std::set<PlainImage> claimed;
    for (const CrashImage& image : Enumerated(moment.state)) claimed.insert(image.image.Plain());
    if (!Differences(moment.question, *wrong, claimed).empty()) ++noticed;
  }));
  EXPECT_EQ(noticed, 1) << RuleName(rule);
  std::cout << "noticed after " << cases << " histories\n";
}

INSTANTIATE_TEST_SUITE_P(Rules, PlantedRule,
                         testing::Values(RuleOfProfile{Profile::kStrictPosix, Rule::kEntryOrder},
                                         RuleOfProfile{Profile::kXfs, Rule::kEntryOrder},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kEntryOrder},
                                         RuleOfProfile{Profile::kXfs, Rule::kAllocateOrder},
                                         RuleOfProfile{Profile::kExt4Ordered,
                                                       Rule::kDataBeforeSize},
                                         RuleOfProfile{Profile::kExt4Ordered, Rule::kRenameOver},
                                         RuleOfProfile{Profile::kZombie, Rule::kMarkedClean},
                                         RuleOfProfile{Profile::kStrictPosix, Rule::kLostNames},
                                         RuleOfProfile{Profile::kXfs, Rule::kLostNames},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kLostNames},
                                         RuleOfProfile{Profile::kDropUnsynced, Rule::kLostNames},
                                         RuleOfProfile{Profile::kStrictPosix, Rule::kComesBack},
                                         RuleOfProfile{Profile::kXfs, Rule::kComesBack},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kComesBack},
                                         RuleOfProfile{Profile::kStrictPosix, Rule::kGarbage},
                                         RuleOfProfile{Profile::kExt4Writeback, Rule::kGarbage},
                                         RuleOfProfile{Profile::kStrictPosix, Rule::kWalGarbage},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kGrowingAppends},
                                         RuleOfProfile{Profile::kKill, Rule::kWithinAppends},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kWithinAppends},
                                         RuleOfProfile{Profile::kExt4Ordered, Rule::kWithinAppends},
                                         RuleOfProfile{Profile::kZombie, Rule::kWithinAppends},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kOwnBytes},
                                         RuleOfProfile{Profile::kBtrfs, Rule::kSyncCommits},
                                         RuleOfProfile{Profile::kExt4Ordered, Rule::kSyncCommits},
                                         RuleOfProfile{Profile::kTornPage, Rule::kRenameOver},
                                         RuleOfProfile{Profile::kTornPage, Rule::kTornWords}));

Question SecondCrash(const Question& first, const CrashImage& start, const Losers& losers) {
  return {.profile = first.profile,
          .start = PlainDisk(start.image),
          .history = {},
          .seed = kSeed,
          .zombies = {losers.begin(), losers.end()},
          .limit = kMostChoices};
}

std::set<PlainImage> ImagesOf(const Answer& answer) {
  std::set<PlainImage> images;
  for (const auto& [image, losers] : answer) images.insert(image);
  return images;
}

// An enumerator whose zombies may be older than what landed disagrees with the losers of
// CrashSpace, and what such a zombie leaves at the next crash is an image too many.
TEST(PlantedZombie, OlderThanWhatLandedIsNoticed) {
  constexpr uint64_t kEnough = 20;
  Tally tally;
  uint64_t noticed = 0;
  uint64_t too_many = 0;
  ASSERT_TRUE(
      ForPrograms(Profile::kZombie, kCases, [&](const Program& program, const Program&, size_t) {
        if (noticed >= kEnough) return;
        const Moment moment =
            CutShort(Profile::kZombie, {}, RunOnVolume(program, {}).history, tally);
        Question planted = moment.question;
        planted.ignored = Rule::kNeverOlder;
        const std::optional<Answer> wrong = LegalImages(planted);
        if (!wrong) return;
        for (const CrashImage& image : Enumerated(moment.state)) {
          const Losers right = VisibleLosers(image);
          const std::set<Losers>& sets = wrong->at(image.image.Plain());
          if (sets.contains(right)) continue;
          ++noticed;
          const Question next = SecondCrash(moment.question, image, right);
          const Answer legal = *LegalImages(next);
          for (const Losers& older : sets) {
            const auto claimed = ImagesOf(*LegalImages(SecondCrash(moment.question, image, older)));
            if (claimed == ImagesOf(legal)) continue;
            ++too_many;
            const std::string report = Differences(next, legal, claimed);
            RC_ASSERT(report.find(" 0 too many") == std::string::npos);
            RC_ASSERT(!report.empty());
          }
          return;
        }
      }));
  EXPECT_GE(noticed, kEnough);
  EXPECT_GE(too_many, kEnough / 2);
}

// One image dropped from what CrashSpace says, or one added to it with a byte that nobody wrote:
// both are reported, in every profile.
TEST(PlantedImage, IsNoticed) {
  for (const Profile profile : kProfiles) {
    uint64_t planted = 0;
    Tally tally;
    ASSERT_TRUE(
        ForPrograms(profile, 30, [&](const Program& program, const Program&, size_t choice) {
          const Moment moment = CutShort(profile, {}, RunOnVolume(program, {}).history, tally);
          std::set<PlainImage> claimed;
          for (const auto& image : Enumerated(moment.state)) claimed.insert(image.image.Plain());
          const auto victim =
              std::next(claimed.begin(), static_cast<std::ptrdiff_t>(choice % claimed.size()));
          PlainImage image = *victim;
          claimed.erase(victim);
          RC_ASSERT(Differences(moment.question, moment.legal, claimed).find("1 missing, 0 too") !=
                    std::string::npos);
          claimed.insert(image);
          for (auto& [path, content] : image) {
            if (!content || content->empty()) continue;
            content->back() = '?';
            claimed.insert(image);
            RC_ASSERT(
                Differences(moment.question, moment.legal, claimed).find("0 missing, 1 too many") !=
                std::string::npos);
            ++planted;
            break;
          }
        }));
    EXPECT_GE(planted, 1u) << ProfileName(profile);
  }
}

}  // namespace
}  // namespace lumen::faultfs::verify
