#include "proptests/harness/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "rapidcheck.h"
#include "rapidcheck/gtest.h"

namespace lumen::crash {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Failure Example() {
  Failure failure;
  failure.failing.profile = faultfs::Profile::kXfs;
  failure.failing.seed = 42;
  failure.failing.workload = GenerateWorkload(7, 5);
  failure.failing.faults = "eio-before on append of wal nth 3\n";
  failure.failing.crashes.resize(2);
  failure.failing.crashes[0].point = 17;
  failure.failing.crashes[0].survivors.entries = {1, 4};
  failure.failing.crashes[1].point = 3;
  failure.violation = {.rule = 2, .what = "key k03 is missing, though it was acknowledged"};
  failure.expected = "k03 = v7";
  failure.got = "nothing";
  failure.build = "8a0a3dd GNU 12.2.0";
  failure.steps_before = 37;
  failure.steps_after = 5;
  failure.elsewhere = {{.profile = faultfs::Profile::kKill, .fails = false, .states = 57},
                       {.profile = faultfs::Profile::kBtrfs, .fails = true, .states = 3}};
  return failure;
}

constexpr char kElsewhere[] = "elsewhere\n  kill not-found 57\n  btrfs fails 3\n";

rc::Gen<faultfs::Survivors> AnySurvivors() {
  return rc::gen::exec([] {
    faultfs::Survivors survivors;
    survivors.entries = *rc::gen::arbitrary<std::vector<uint64_t>>();
    survivors.appends = *rc::gen::arbitrary<std::vector<uint64_t>>();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      survivors.sizes.push_back({.inode = *rc::gen::arbitrary<uint32_t>(),
                                 .index = *rc::gen::arbitrary<uint64_t>(),
                                 .stopped = *rc::gen::arbitrary<uint64_t>()});
    }
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      survivors.sectors.push_back(
          {.inode = *rc::gen::arbitrary<uint32_t>(),
           .sector = *rc::gen::arbitrary<uint64_t>(),
           .bytes = static_cast<faultfs::Survivors::Bytes>(*rc::gen::inRange(0, 7)),
           .index = *rc::gen::arbitrary<uint64_t>()});
    }
    return survivors;
  });
}

rc::Gen<Failure> AnyFailure() {
  return rc::gen::exec([] {
    Failure failure;
    failure.failing.profile = *rc::gen::elementOf(
        std::vector<faultfs::Profile>(faultfs::kProfiles.begin(), faultfs::kProfiles.end()));
    failure.failing.seed = *rc::gen::arbitrary<uint64_t>();
    failure.failing.workload =
        GenerateWorkload(*rc::gen::arbitrary<uint64_t>(), *rc::gen::inRange(0u, 40u));
    failure.failing.faults = *rc::gen::arbitrary<std::string>();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      failure.failing.crashes.push_back(
          {.point = *rc::gen::arbitrary<uint64_t>(), .survivors = *AnySurvivors()});
    }
    failure.failing.recovery_faults = *rc::gen::arbitrary<std::string>();
    failure.violation.rule = *rc::gen::inRange(0, 99);
    failure.violation.what = *rc::gen::arbitrary<std::string>();
    failure.expected = *rc::gen::arbitrary<std::string>();
    failure.got = *rc::gen::arbitrary<std::string>();
    failure.build = *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
    failure.steps_before = *rc::gen::arbitrary<uint64_t>();
    failure.steps_after = *rc::gen::arbitrary<uint64_t>();
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      failure.elsewhere.push_back({.profile = *rc::gen::elementOf(faultfs::kProfiles),
                                   .fails = *rc::gen::arbitrary<bool>(),
                                   .states = *rc::gen::arbitrary<uint64_t>()});
    }
    return failure;
  });
}

// Texts are arbitrary bytes: line ends, zeros, backslashes, what looks like the end of a block.
RC_GTEST_PROP(FailureFile, IsReadBackAsItWasWritten, ()) {
  const Failure written = *AnyFailure();
  const std::string text = written.ToString();
  const absl::StatusOr<Failure> read = Failure::Parse(text);
  if (!read.ok()) RC_FAIL(read.status().ToString() + "\n" + text);
  RC_ASSERT(read->failing.profile == written.failing.profile);
  RC_ASSERT(read->failing.seed == written.failing.seed);
  RC_ASSERT(read->failing.workload.ToString() == written.failing.workload.ToString());
  RC_ASSERT(read->failing.faults == written.failing.faults);
  RC_ASSERT(read->failing.crashes.size() == written.failing.crashes.size());
  for (size_t i = 0; i < written.failing.crashes.size(); ++i) {
    RC_ASSERT(read->failing.crashes[i].point == written.failing.crashes[i].point);
    RC_ASSERT(read->failing.crashes[i].survivors.ToString() ==
              written.failing.crashes[i].survivors.ToString());
  }
  RC_ASSERT(read->failing.recovery_faults == written.failing.recovery_faults);
  RC_ASSERT(read->violation.rule == written.violation.rule);
  RC_ASSERT(read->violation.what == written.violation.what);
  RC_ASSERT(read->expected == written.expected);
  RC_ASSERT(read->got == written.got);
  RC_ASSERT(read->build == written.build);
  RC_ASSERT(read->steps_before == written.steps_before);
  RC_ASSERT(read->steps_after == written.steps_after);
  RC_ASSERT(read->elsewhere.size() == written.elsewhere.size());
  for (size_t i = 0; i < written.elsewhere.size(); ++i) {
    RC_ASSERT(read->elsewhere[i].profile == written.elsewhere[i].profile);
    RC_ASSERT(read->elsewhere[i].fails == written.elsewhere[i].fails);
    RC_ASSERT(read->elsewhere[i].states == written.elsewhere[i].states);
  }
  RC_ASSERT(read->ToString() == text);
}

TEST(FailureFile, CutShortAnywhereIsRefused) {
  const std::string text = Example().ToString();
  ASSERT_TRUE(Failure::Parse(text).ok()) << Failure::Parse(text).status();
  for (size_t length = 0; length + 1 < text.size(); ++length) {
    EXPECT_FALSE(Failure::Parse(text.substr(0, length)).ok()) << length;
  }
}

TEST(FailureFile, SurvivesAnEditorThatTakesTrailingBlanksAndAddsCarriageReturns) {
  Failure failure = Example();
  failure.got = "one\n\ntwo";
  const std::string text = failure.ToString();
  const std::string stripped = absl::StrReplaceAll(text, {{"\n  \n", "\n\n"}});
  ASSERT_NE(text, stripped);
  const absl::StatusOr<Failure> read =
      Failure::Parse(absl::StrReplaceAll(stripped, {{"\n", "\r\n"}}));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToString(), text);
}

TEST(FailureFile, OfAnotherFormatSaysWhichBuildReadsIt) {
  const std::string text =
      absl::StrReplaceAll(Example().ToString(), {{"failure 2\n", "failure 3\n"}});
  const absl::Status status = Failure::Parse(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 3, and this lumen-crash reads "
                                                       "formats 1 to 2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("build 8a0a3dd GNU 12.2.0"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("check that commit out"));
}

TEST(FailureFile, OfTheFirstFormatIsReadAndTellsOfNoOtherProfile) {
  const std::string text =
      absl::StrReplaceAll(Example().ToString(), {{"failure 2\n", "failure 1\n"}, {kElsewhere, ""}});
  const absl::StatusOr<Failure> read = Failure::Parse(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->elsewhere.empty());
  EXPECT_EQ(read->got, "nothing");
  EXPECT_EQ(read->failing.crashes.size(), 2U);
}

struct BadFile {
  std::string_view from;  // in the example's text
  std::string_view to;
  std::string_view error;  // how the message begins
};

constexpr BadFile kBadFiles[] = {
    {"lumen-crash failure 2", "{\"failure\": 1}",
     "line 1: expected 'lumen-crash failure 2', found '{\"failure\": 1}'"},
    {"failure 2", "failure 1", "line 13: expected 'workload', found 'elsewhere'"},
    {"failure 2", "failure one", "line 1: expected 'lumen-crash failure' and a number"},
    {"build 8", "built 8", "line 2: expected 'build ...', found 'built 8a0a3dd"},
    {"profile xfs", "profile zfs", "line 3: expected a profile, found 'zfs'"},
    {"seed 42", "seed -1", "line 4: expected 'seed' and a number, found 'seed -1'"},
    {"seed 42", "seed 18446744073709551616", "line 4: expected 'seed' and a number"},
    {"rule 2", "rule 222", "line 5: expected the number of a rule"},
    {"steps 37 -> 5", "steps 37", "line 6: expected 'steps' with the number"},
    {"what\n", "why\n", "line 7: expected 'what', found 'why'"},
    {"  key k03", "  key \\k03", "line 8: expected '\\\\' or '\\x' and two digits"},
    {"  key k03", "  key \\x0", "line 8: expected '\\\\' or '\\x' and two digits"},
    {"  key k03", "key k03", "line 8: expected 'expected', found 'key k03"},
    {kElsewhere, "", "line 13: expected 'elsewhere', found 'workload'"},
    {"kill not", "kilt not", "line 13: in the block 'elsewhere' that begins here: expected a"},
    {"not-found 57", "lost 57", "line 13: in the block 'elsewhere'"},
    {"not-found 57", "not-found", "line 13: in the block 'elsewhere'"},
    {"not-found 57", "not-found -1", "line 13: in the block 'elsewhere'"},
    {"workload\n", "workload\n  no such thing\n", "line 16: in the block 'workload'"},
    {"crash 17", "crash seventeen", ""},
    {"crash 17\n", "crash 17\n  no such thing\n", ""},
    {"recovery-faults\n", "", ""},
    {"end\n", "", ""},
    {"end\n", "end\nseed 1\n", ""},
};

TEST(FailureFile, ThatIsWrongIsRefusedWithItsLine) {
  const std::string good = Example().ToString();
  for (const BadFile& bad : kBadFiles) {
    const size_t at = good.find(bad.from);
    ASSERT_NE(at, std::string::npos) << bad.from;
    std::string text = good;
    text.replace(at, bad.from.size(), bad.to);
    const absl::Status status = Failure::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.to << '\n' << status;
    EXPECT_THAT(std::string(status.message()), StartsWith("line ")) << bad.to;
    EXPECT_THAT(std::string(status.message()), StartsWith(std::string(bad.error))) << bad.to;
  }
}

}  // namespace
}  // namespace lumen::crash
