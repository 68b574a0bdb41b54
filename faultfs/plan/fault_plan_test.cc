// Goal: a plan survives being written and read, a wrong one is refused with the place and what was
// expected, and what it says in words is what it does. Method: generated plans, tables of bad lines
// and of explanations.
#include "faultfs/fault_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "faultfs/plan/path_glob.h"
#include "rapidcheck.h"

namespace lumen::faultfs {
namespace {

// The same properties each time.
template <typename Property>
void Holds(Property property, int cases = 1000) {
  rc::detail::TestParams params;
  params.seed = 1;
  params.maxSuccess = cases;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params);
  std::ostringstream shown;
  rc::detail::printResultMessage(result, shown);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << shown.str();
}

bool SameSelector(const FaultSelector& a, const FaultSelector& b) {
  const bool same_after = a.after == nullptr || b.after == nullptr
                              ? a.after == b.after
                              : SameSelector(*a.after, *b.after);
  return a.path_glob == b.path_glob && a.role == b.role && a.calls == b.calls && a.nth == b.nth &&
         a.times == b.times && a.probability == b.probability && same_after;
}

bool SameRule(const FaultRule& a, const FaultRule& b) {
  return a.name == b.name && a.fault.kind == b.fault.kind && a.fault.error == b.fault.error &&
         a.fault.amount == b.fault.amount && a.random_amount == b.random_amount &&
         SameSelector(a.when, b.when);
}

std::vector<CallKind> AnyCalls(std::string_view fault) {
  std::vector<CallKind> possible;
  for (int i = 0; i < kCallKinds; ++i) {
    if (CanMeet(fault, static_cast<CallKind>(i))) possible.push_back(static_cast<CallKind>(i));
  }
  const size_t count = *rc::gen::inRange<size_t>(0, 4);
  return *rc::gen::container<std::vector<CallKind>>(count, rc::gen::elementOf(possible));
}

void AddCommon(FaultSelector& selector) {
  if (*rc::gen::arbitrary<bool>()) selector.role = static_cast<FileRole>(*rc::gen::inRange(0, 7));
  selector.path_glob = *rc::gen::arbitrary<std::string>();
  selector.nth = *rc::gen::arbitrary<uint64_t>();
}

FaultRule AnyRule() {
  const auto names = FaultNames();
  FaultRule rule = *RuleNamed(names[*rc::gen::inRange<size_t>(0, names.size())]);
  rule.when.calls = AnyCalls(rule.name);
  AddCommon(rule.when);
  rule.when.times = *rc::gen::arbitrary<uint64_t>();
  rule.when.probability = 1.0 / (1 + *rc::gen::inRange(0, 1000));
  if (rule.random_amount && *rc::gen::arbitrary<bool>()) {
    rule.random_amount = false;
    rule.fault.amount = *rc::gen::arbitrary<uint64_t>();
  }
  if (*rc::gen::arbitrary<bool>()) {
    FaultSelector after;
    after.calls = {static_cast<CallKind>(*rc::gen::inRange(0, kCallKinds))};
    AddCommon(after);
    rule.when.after = std::make_shared<const FaultSelector>(after);
  }
  return rule;
}

TEST(FaultPlanTest, WhatIsWrittenIsReadAsTheSamePlan) {
  Holds([] {
    FaultPlan plan;
    const int rules = *rc::gen::inRange(0, 5);
    for (int i = 0; i < rules; ++i) plan.Add(AnyRule());
    const auto read = FaultPlan::Parse(plan.ToString());
    if (!read.ok()) RC_FAIL(read.status().ToString() + "\n" + plan.ToString());
    RC_ASSERT(read->rules().size() == plan.rules().size());
    for (size_t i = 0; i < plan.rules().size(); ++i) {
      if (!SameRule(plan.rules()[i], read->rules()[i])) RC_FAIL(plan.ToString());
    }
  });
}

TEST(FaultPlanTest, NoTextMakesTheReaderFailOtherThanByAnError) {
  const std::vector<std::string> words = {"eio-before", "latency",
                                          "bit-flip",   " ",
                                          "on",         "of",
                                          "in",         "nth",
                                          "times",      "0",
                                          "1",          "5ms",
                                          "always",     "append",
                                          "wal",        "\"",
                                          "\\",         ",",
                                          "#",          "\n",
                                          "after",      "0.5",
                                          "nan",        "-1",
                                          "amount",     "18446744073709551616"};
  Holds([&] {
    std::string text;
    for (const std::string& word :
         *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(words))) {
      absl::StrAppend(&text, word, *rc::gen::element("", " "));
    }
    const auto plan = FaultPlan::Parse(text);
    if (plan.ok()) RC_ASSERT(FaultPlan::Parse(plan->ToString())->ToString() == plan->ToString());
  });
}

TEST(FaultPlanTest, EveryFaultOfTheModelHasAName) {
  for (const std::string_view name : {"eio-before",         "eio-after",     "enospc-before",
                                      "enospc-after",       "edquot-before", "edquot-after",
                                      "emfile-before",      "emfile-after",  "erofs-before",
                                      "erofs-after",        "short-write",   "sync-marked-clean",
                                      "sync-late",          "sync-reverted", "sync-failed-durable",
                                      "sync-failed-partly", "sync-lied",     "bit-flip",
                                      "sector-garbage",     "truncated",     "lost-write",
                                      "misdirected-write",  "stale-read",    "read-eio",
                                      "read-eio-sticky",    "latency",       "hang"}) {
    const auto plan = FaultPlan::Parse(name);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->rules().at(0).name, name);
    EXPECT_NE(FaultSummary(name), "");
  }
  EXPECT_EQ(FaultNames().size(), 27u);
}

TEST(FaultPlanTest, EveryKindHasANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(FaultKind::kHang); ++i) {
    names.push_back(FaultName(static_cast<FaultKind>(i)));
  }
  EXPECT_THAT(names, testing::Not(testing::Contains("unknown")));
  for (const std::string_view name : names)
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1);
}

TEST(FaultPlanTest, CommentsBlankLinesAndTheOrderOfClausesDoNotMatter) {
  const auto plan = FaultPlan::Parse(
      "# a comment\r\n"
      "\n"
      "  enospc-after times 5 probability 0.01 on create , append   # another\r\n"
      "latency amount 20ms times always on sync");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->ToString(),
            "enospc-after on create,append times 5 probability 0.01\n"
            "latency on sync times always amount 20000000ns\n");
}

struct BadPlan {
  std::string text;
  std::string error;
};
void PrintTo(const BadPlan& bad, std::ostream* out) { *out << bad.text; }

class BadPlanTest : public testing::TestWithParam<BadPlan> {};

TEST_P(BadPlanTest, IsRefusedWithThePlaceAndWhatWasExpected) {
  const absl::Status status = FaultPlan::Parse(GetParam().text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().error);
}

const BadPlan kBadPlans[] = {
    {"eoi-before", "line 1, column 1: expected the name of a fault, found \"eoi-before\""},
    {"\n  , on append", "line 2, column 3: expected the name of a fault, found \",\""},
    {"\"eio-before\"", "line 1, column 1: expected the name of a fault, found \"eio-before\""},
    {"eintr on read",
     "line 1, column 1: expected the name of a fault that a program can see (only the file system "
     "meets this one), found \"eintr\""},
    {"eio-before append",
     "line 1, column 12: expected on, of, in, nth, times, probability, amount or after, found "
     "\"append\""},
    {"eio-before on",
     "line 1, column 14: expected a call that eio-before can meet: create, allocate, append, sync, "
     "open, read, rename, link, remove, mkdir, rmdir, list, syncdir, exists, size, free, lock, "
     "found the end of the line"},
    {"# ok\neio-before\nemfile-after on open,append",
     "line 3, column 22: expected a call that emfile-after can meet: create, open, list, syncdir, "
     "lock, found \"append\""},
    {"sync-lied on sync, # and",
     "line 1, column 20: expected a call that sync-lied can meet: sync, syncdir, found the end of "
     "the line"},
    {"eio-before of log",
     "line 1, column 15: expected a role: wal, manifest, current, sst, temp, lock, other, found "
     "\"log\""},
    {"eio-before in /db/*",
     "line 1, column 15: expected a path pattern in quotes, such as \"/db/*.sst\", found "
     "\"/db/*\""},
    {"eio-before in \"/db",
     "line 1, column 15: expected a path pattern in quotes, such as \"/db/*.sst\", found a quote "
     "that does not end"},
    {"eio-before in \"\"",
     "line 1, column 15: expected a path pattern in quotes, such as \"/db/*.sst\", found \"\""},
    {"eio-before nth 0", "line 1, column 16: expected a number from 1, found \"0\""},
    {"eio-before nth third", "line 1, column 16: expected a number from 1, found \"third\""},
    {"eio-before nth 18446744073709551616",
     "line 1, column 16: expected a number from 1, found \"18446744073709551616\""},
    {"eio-before times 0", "line 1, column 18: expected a number from 1, or always, found \"0\""},
    {"eio-before times -1", "line 1, column 18: expected a number from 1, or always, found \"-1\""},
    {"eio-before probability 0",
     "line 1, column 24: expected a probability above 0 and at most 1, found \"0\""},
    {"eio-before probability 1.5",
     "line 1, column 24: expected a probability above 0 and at most 1, found \"1.5\""},
    {"eio-before probability nan",
     "line 1, column 24: expected a probability above 0 and at most 1, found \"nan\""},
    {"eio-before amount 5",
     "line 1, column 12: expected no amount (eio-before has none), found \"amount\""},
    {"bit-flip amount 5ms", "line 1, column 17: expected a number, found \"5ms\""},
    {"latency amount 5",
     "line 1, column 16: expected a duration, such as 20ms (s, ms, us, ns), found \"5\""},
    {"latency amount 99999999999s",
     "line 1, column 16: expected a duration, such as 20ms (s, ms, us, ns), found "
     "\"99999999999s\""},
    {"eio-before nth 2 nth 3", "line 1, column 18: expected each clause once, found \"nth\""},
    {"eio-before after",
     "line 1, column 17: expected a call: create, allocate, append, sync, open, read, rename, "
     "link, remove, mkdir, rmdir, list, syncdir, exists, size, free, lock, found the end of the "
     "line"},
    {"eio-before after rename of current times 3",
     "line 1, column 36: expected of, in, nth or the end of the line (\"after\" is the last "
     "clause), found \"times\""},
};

INSTANTIATE_TEST_SUITE_P(Table, BadPlanTest, testing::ValuesIn(kBadPlans));

TEST(FaultPlanTest, HasALimit) {
  std::string text;
  for (size_t i = 0; i < FaultPlan::kMostRules; ++i) text += "eio-before\n";
  EXPECT_TRUE(FaultPlan::Parse(text + "# no rule\n").ok());
  EXPECT_EQ(FaultPlan::Parse(text + "eio-before").status().message(),
            "line 1001, column 1: expected at most 1000 rules, found another one");
}

TEST(FaultPlanTest, ExplainsItselfInSentences) {
  const auto plan = FaultPlan::Parse(R"(
      eio-before on append of wal nth 3
      sync-marked-clean of manifest after rename of current
      bit-flip in "/db/*.sst" nth 2 amount 4711
      enospc-after on create,append,sync probability 0.01 times 5
      enospc-before on append nth 21 times 30
      latency on sync times always amount 20ms
      sync-lied on syncdir times 2 after append of wal nth 12
      truncated on open of sst
      read-eio-sticky probability 0.5 times always
      short-write amount 100
      sector-garbage amount 3
      hang on sync
  )");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(
      plan->Explain(),
      "1. On the 3rd append of role wal: the call fails with EIO, and nothing happens.\n"
      "2. On the first sync or syncdir of role manifest, counted after the first rename of role "
      "current: the sync fails with EIO; what was pending stays readable and never reaches the "
      "disk.\n"
      "3. On the 2nd call in \"/db/*.sst\": one bit of the file is flipped at rest (bit 4711, "
      "modulo its size).\n"
      "4. On each create, append or sync with probability 0.01, at most 5 times: the call takes "
      "effect, and fails with ENOSPC nevertheless.\n"
      "5. On each append from the 21st on, at most 30 times: the call fails with ENOSPC, and "
      "nothing happens.\n"
      "6. On each sync: the call takes longer (by 20 ms).\n"
      "7. On each syncdir, at most twice, counted after the 12th append of role wal: the sync says "
      "OK, and nothing became durable.\n"
      "8. On the first open of role sst: the file loses its end at rest (the seed says where).\n"
      "9. On each read with probability 0.5: the read fails with EIO, and so does every later one "
      "of these sectors.\n"
      "10. On the first append: only a part is written, and the call fails with ENOSPC (the first "
      "100 bytes, modulo its length).\n"
      "11. On the first call: one sector of the file turns into random bytes at rest (sector 3, "
      "modulo its size).\n"
      "12. On the first sync: the call hangs until it is cancelled, and then fails with EINTR "
      "without effect.\n");
}

TEST(GlobTest, StarsStayWithinAComponentAndDoubleStarsDoNot) {
  EXPECT_TRUE(GlobMatches("/db/*.sst", "/db/000007.sst"));
  EXPECT_FALSE(GlobMatches("/db/*.sst", "/db/old/000007.sst"));
  EXPECT_TRUE(GlobMatches("**.sst", "/db/old/000007.sst"));
  EXPECT_TRUE(GlobMatches("/**/CURRENT", "/a/b/CURRENT"));
  EXPECT_FALSE(GlobMatches("/*/CURRENT", "/a/b/CURRENT"));
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_FALSE(GlobMatches("", "x"));
}

// What GlobMatches promises, said in the plainest way.
bool PlainlyMatches(std::string_view glob, std::string_view path) {
  if (glob.empty()) return path.empty();
  const bool across = glob.starts_with("**");
  if (glob[0] != '*') {
    return !path.empty() && path[0] == glob[0] && PlainlyMatches(glob.substr(1), path.substr(1));
  }
  const std::string_view rest = glob.substr(across ? 2 : 1);
  for (size_t taken = 0; taken <= path.size(); ++taken) {
    if (PlainlyMatches(rest, path.substr(taken))) return true;
    if (taken < path.size() && path[taken] == '/' && !across) return false;
  }
  return false;
}

rc::Gen<std::string> AnyText(const std::string& letters, size_t most_bytes) {
  return rc::gen::mapcat(rc::gen::inRange<size_t>(0, most_bytes + 1), [letters](size_t bytes) {
    return rc::gen::container<std::string>(bytes, rc::gen::elementOf(letters));
  });
}

TEST(GlobTest, AgreesWithThePlainDefinition) {
  Holds(
      [] {
        const auto glob = *AnyText("ab/***", 8);
        const auto path = *AnyText("ab/", 10);
        RC_CLASSIFY(PlainlyMatches(glob, path), "matches");
        RC_ASSERT(GlobMatches(glob, path) == PlainlyMatches(glob, path));
      },
      5000);
}

}  // namespace
}  // namespace lumen::faultfs
