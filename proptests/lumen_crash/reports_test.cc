// What the reports say, byte by byte where another program reads them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proptests/lumen_crash/html_report.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/json_writer.h"
#include "proptests/lumen_crash/junit_report.h"
#include "proptests/lumen_crash/run_report_testing.h"
#include "proptests/lumen_crash/summary.h"
#include "proptests/lumen_crash/timeline_text.h"

namespace lumen::crash {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(JsonReport, HasTheTotalsAndThoseOfEachProfile) {
  constexpr char kHead[] = R"({"profile":"kill,xfs","seed":7,"build":"8a0a3dd GNU 12.2.0",)"
                           R"("configuration":"profiles kill,xfs",)";
  constexpr char kTotals[] =
      R"("suite":"smoke","shard":0,"shards":1,"exhaust":{"length":2,"most_pending":9,"most_images":500},)"
      R"("verdict":"fail","cases":5,"crash_points":90,)"
      R"("exhaustive_points":81,"many_pending_points":2,"many_images_points":7,"generated":20,)"
      R"("distinct":4,"recovered":4,"refused":1,"in_recovery":1,"in_second_recovery":1,"exercised":1,"repeated":1,)"
      R"("violations":1,"seconds":2.000,"distinct_per_second":2.000,)"
      R"("faults":{"eio-before":{"armed":4,"fired":3,"changed":2,"observed":1}},)"
      R"("coverage":{"flush":6},"tested":5,"processor_seconds":2.500,"tested_per_core_second":2.000,)"
      R"("peak_memory_bytes":3145728,"profiles":[{"profile":"kill","cases":2,"crash_points":40,)"
      R"("exhaustive_points":40,"many_pending_points":0,"many_images_points":0,"generated":12,)";
  constexpr char kTail[] =
      R"("corpus":[{"file":"corpus/old.case","outcome":"moved","message":"its crash has moved"}],)"
      R"("failures":[{"profile":"xfs","rule":2,)"
      R"("what":"key \u003ck\u002603\u003e is \"missing\")"
      "\xEF\xBF\xBD\xEF\xBF\xBD"
      R"( ]]\u003e\u003c/script\u003e","steps_before":0,"steps":0,"shrink_seconds":0.250,)"
      R"("elsewhere":[{"profile":"kill","fails":false,"states":1057},)"
      R"({"profile":"btrfs","fails":true,"states":3}],)"
      R"("file":"out dir/xfs-rule-2.case"}],"problems":["stopped by signal 15"],)"
      R"("harness_errors":[],"mutants":"16 of 16 mutants caught",)"
      R"("again":"lumen-crash run --profile kill,xfs --seed 7"})";
  const std::string json = JsonReport(ExampleReport());
  EXPECT_THAT(json, StartsWith(kHead));
  EXPECT_THAT(json, HasSubstr(kTotals));
  EXPECT_THAT(json, EndsWith(absl::StrCat(kTail, "\n")));
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
}

TEST(JsonReport, EventsAreOneLineEach) {
  const RunReport report = ExampleReport();
  for (const std::string& event :
       {StartEvent(report), ProgressEvent("kill", report.sum, 5),
        ProfileEvent(report.profiles[1], 6), CorpusEvent(report.corpus[0], 7),
        FailureEvent(report.failures[0], 8), ExaminedEvent(report.failures[0], 9),
        EndEvent(report)}) {
    EXPECT_THAT(event, StartsWith("{\"event\":\""));
    EXPECT_THAT(event, EndsWith("}"));
    EXPECT_THAT(event, Not(HasSubstr("\n")));
  }
  EXPECT_THAT(
      ProgressEvent("kill", report.sum, 5),
      StartsWith(R"({"event":"progress","at_ms":5,"profile":"kill","cases":5,"crash_points":90,)"));
}

TEST(JsonWriter, WritesOnlyWhatReadersTake) {
  EXPECT_EQ(QuoteJson("a\"\\\n\t<&>"), R"("a\"\\\n\t\u003c\u0026\u003e")");
  EXPECT_EQ(ValidText("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x92\xA1"),
            "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x92\xA1");
  constexpr std::string_view kBad[] = {"\x80",
                                       "\xC0\xAF",
                                       "\xC3",
                                       "\xED\xA0\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xE2\x82",
                                       std::string_view("\0", 1),
                                       "\x1b",
                                       "\x7f"};
  for (const std::string_view bad : kBad) {
    EXPECT_THAT(ValidText(bad), StartsWith("\xEF\xBF\xBD")) << QuoteJson(bad);
  }
  JsonWriter json;
  json.BeginObject().Name("a").BeginArray().Number(1).BeginArray().EndArray().Real(0.5);
  json.Real(std::numeric_limits<double>::infinity()).EndArray().Name("b").String("").EndObject();
  EXPECT_EQ(json.text(), R"({"a":[1,[],0.500,null],"b":""})");
}

TEST(JunitReport, SaysWhatIsWrongAsFailuresAndErrors) {
  const std::string xml = JunitReport(ExampleReport());
  EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"4\" "
                              "failures=\"1\" errors=\"1\" skipped=\"0\" time=\"2.000\">"));
  EXPECT_THAT(xml, HasSubstr("<error message=\"inconclusive: stopped by signal 15\">"));
  EXPECT_THAT(xml,
              HasSubstr("<failure message=\"rule 2: key &lt;k&amp;03&gt; is &quot;missing&quot;"
                        "\xEF\xBF\xBD\xEF\xBF\xBD ]]&gt;&lt;/script&gt;\">"));
  EXPECT_THAT(xml, HasSubstr("name=\"kill\" time=\"0.500\""));
  EXPECT_THAT(xml, Not(HasSubstr("]]>")));
}

TEST(Summary, BeginsAndEndsAsPromised) {
  RunReport report = ExampleReport();
  EXPECT_EQ(FirstLine(report),
            absl::StrCat("lumen-crash: seed 7, commit 8a0a3dd GNU 12.2.0, profile kill,xfs, "
                         "configuration ",
                         report.configuration.HashText()));
  EXPECT_THAT(TextSummary(report),
              EndsWith("16 of 16 mutants caught\nlumen-crash replay 'out dir/xfs-rule-2.case'\n"));
  report.failures.clear();
  EXPECT_THAT(TextSummary(report), EndsWith("\nlumen-crash run --profile kill,xfs --seed 7\n"));
  EXPECT_THAT(TextSummary(report),
              HasSubstr("4 distinct states tested of 20 generated in 5 cases, 2.0 s, 2 a second"));
  EXPECT_THAT(TextSummary(report),
              HasSubstr("\ncost: 2.5 s of processor time, 2 states tested a second and core; "
                        "3 MiB of memory\nverdict: "));
}

TEST(Summary, NeverHasMoreAnnotationsThanGitHubShows) {
  RunReport report = ExampleReport();
  EXPECT_EQ(Annotations(report).size(), 2);
  EXPECT_THAT(Annotations(report)[0],
              StartsWith("::error title=lumen-crash, rule 2 under xfs::key"));
  EXPECT_THAT(Annotations(report)[0], HasSubstr("%0Alumen-crash replay"));
  report.failures.resize(20, report.failures[0]);
  ASSERT_EQ(Annotations(report).size(), kMaxAnnotations);
  EXPECT_THAT(Annotations(report).back(), EndsWith("%0A... and 12 more"));
  for (const std::string& command : Annotations(report)) EXPECT_THAT(command, Not(HasSubstr("\n")));
}

TEST(Summary, MarkdownKeepsItsTableWhole) {
  const std::string text = MarkdownSummary(ExampleReport());
  EXPECT_THAT(text, StartsWith("### lumen-crash: fail\n"));
  EXPECT_THAT(text, HasSubstr("\n| xfs | 8 | 2 | 1 | 1 | 1 |\n| **all** | 20 | 4 | 4 | 1 | 1 |\n"));
  EXPECT_THAT(text, HasSubstr("key &lt;k&03>"));
}

TEST(HtmlReport, IsOnePageThatNothingInTheDataCanLeave) {
  Timeline timeline;
  timeline.entries.push_back({.index = 0, .text = "append </script><b>", .client = "put k00"});
  timeline.survivors = {"nothing"};
  const std::string page = HtmlReport(
      ExampleReport(), [&](const Case&) -> absl::StatusOr<Timeline> { return timeline; });
  EXPECT_THAT(page, HasSubstr("append \\u003c/script\\u003e\\u003cb\\u003e"));
  EXPECT_THAT(page, Not(HasSubstr("@DATA@")));
  // The two script elements of the page itself, and nothing from elsewhere.
  size_t ends = 0;
  for (size_t at = page.find("</script"); at != std::string::npos;
       at = page.find("</script", at + 1)) {
    ++ends;
  }
  EXPECT_EQ(ends, 2);
  for (const char* elsewhere : {"http://", "https://", "src=", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(elsewhere)));
  }
}

TEST(HtmlReport, WithoutATimelineSaysWhy) {
  const std::string page = HtmlReport(ExampleReport(), [](const Case&) -> absl::StatusOr<Timeline> {
    return absl::InvalidArgumentError("its crash point is beyond the history");
  });
  EXPECT_THAT(page, HasSubstr("There is no timeline: its crash point is beyond the history"));
}

TEST(TimelineText, TellsTheStoryInItsOrder) {
  Timeline timeline;
  timeline.entries = {{.index = 0,
                       .generation = 0,
                       .text = "create CURRENT",
                       .client = "put k00",
                       .fate = TimelineEntry::Fate::kLost},
                      {.index = 1, .generation = 0, .text = "", .client = "put k00 -> OK"},
                      {.index = 0,
                       .generation = 1,
                       .text = "unlink CURRENT",
                       .client = "",
                       .fate = TimelineEntry::Fate::kDone}};
  timeline.survivors = {"create(CURRENT) did not survive"};
  timeline.outcome.violation = Violation{.rule = 2, .what = "k00 is missing"};
  timeline.outcome.expected = "k00";
  timeline.outcome.got = "nothing";
  Failure failure;
  failure.failing.crashes.resize(1);
  EXPECT_EQ(
      TimelineText(failure, timeline),
      "client: put k00\n    0  LOST      create CURRENT\nclient: put k00 -> OK\n"
      "-------- CRASH --------\ncreate(CURRENT) did not survive\n-------- recovery 1 --------\n"
      "    0            unlink CURRENT\nrule 2 is broken: k00 is missing\nexpected k00\n"
      "got      nothing\n");
}

TEST(Verdict, TheWorstOfEverythingCounts) {
  RunReport report = ExampleReport();
  EXPECT_EQ(report.verdict(), Verdict::kFail) << "a broken rule is one, however the run ended";
  report.failures.clear();
  EXPECT_EQ(report.verdict(), Verdict::kFail) << "violations that have no file count as well";
  report.profiles[1].totals.violations = 0;
  EXPECT_EQ(report.verdict(), Verdict::kInconclusive);
  report.problems.clear();
  EXPECT_EQ(report.verdict(), Verdict::kPass);
  report.corpus[0].outcome = CorpusResult::Outcome::kCannotRun;
  EXPECT_EQ(report.verdict(), Verdict::kInconclusive);
  report.corpus[0].outcome = CorpusResult::Outcome::kFailed;
  EXPECT_EQ(report.verdict(), Verdict::kFail);
  report.harness_errors = {"two runs differ"};
  EXPECT_EQ(report.verdict(), Verdict::kHarnessFault);
}

}  // namespace
}  // namespace lumen::crash
