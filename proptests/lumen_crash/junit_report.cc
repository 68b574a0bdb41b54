#include "proptests/lumen_crash/junit_report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/json_writer.h"
#include "proptests/lumen_crash/summary.h"

namespace lumen::crash {
namespace {

std::string EscapeXml(std::string_view text) {
  std::string out;
  for (const char c : ValidText(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";  // a parser makes a blank of a line end in an attribute
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct TestCase {
  std::string suite;
  std::string name;
  double seconds = 0;
  // Of each: a message and its details.
  std::vector<std::pair<std::string, std::string>> failures = {};
  std::vector<std::pair<std::string, std::string>> errors = {};
  std::string output = {};
};

void AppendComplaints(std::string_view element,
                      const std::vector<std::pair<std::string, std::string>>& complaints,
                      std::string& out) {
  for (const auto& [message, details] : complaints) {
    absl::StrAppend(&out, "      <", std::string(element), " message=\"", EscapeXml(message), "\">",
                    EscapeXml(details), "</", std::string(element), ">\n");
  }
}

std::string ToXml(const TestCase& test) {
  std::string out =
      absl::StrFormat("    <testcase classname=\"lumen-crash.%s\" name=\"%s\" time=\"%.3f\">\n",
                      EscapeXml(test.suite), EscapeXml(test.name), test.seconds);
  AppendComplaints("failure", test.failures, out);
  AppendComplaints("error", test.errors, out);
  if (!test.output.empty()) {
    absl::StrAppend(&out, "      <system-out>", EscapeXml(test.output), "</system-out>\n");
  }
  return out + "    </testcase>\n";
}

TestCase OfProfile(const RunReport& report, const ProfileReport& profile) {
  const Totals& totals = profile.totals;
  TestCase test{.suite = "profile", .name = profile.profile, .seconds = totals.seconds};
  for (const FoundFailure& found : report.failures) {
    if (ProfileName(found.failure.failing.profile) != profile.profile) continue;
    test.failures.emplace_back(
        absl::StrCat("rule ", found.failure.violation.rule, ": ", found.failure.violation.what),
        absl::StrCat("expected: ", found.failure.expected, "\ngot: ", found.failure.got, "\n",
                     ElsewhereText(found.failure), "\nfile: ", found.file, "\nlumen-crash replay ",
                     QuoteForShell(found.file)));
  }
  if (test.failures.empty() && totals.violations > 0) {
    test.failures.emplace_back(absl::StrCat(totals.violations, " violations"), "");
  }
  test.output = absl::StrCat(totals.distinct, " distinct states of ", totals.generated,
                             " generated, ", totals.cases, " cases");
  return test;
}

TestCase OfCorpus(const CorpusResult& result) {
  TestCase test{.suite = "corpus", .name = result.file};
  if (result.outcome == CorpusResult::Outcome::kFailed) {
    test.failures.emplace_back(result.message, "lumen-crash replay " + QuoteForShell(result.file));
  } else if (result.outcome == CorpusResult::Outcome::kCannotRun) {
    test.errors.emplace_back(result.message, "");
  } else {
    test.output = absl::StrCat(std::string(OutcomeName(result.outcome)), " ", result.message);
  }
  return test;
}

TestCase OfRun(const RunReport& report) {
  TestCase test{.suite = "run", .name = "verdict", .seconds = 0};
  for (const std::string& problem : report.problems) {
    test.errors.emplace_back("inconclusive: " + problem, report.again);
  }
  for (const std::string& error : report.harness_errors) {
    test.errors.emplace_back("harness error: " + error, report.again);
  }
  test.output = absl::StrCat("verdict: ", std::string(VerdictName(report.verdict())),
                             "\nmutants: ", report.mutants, "\nagain: ", report.again);
  return test;
}

}  // namespace

std::string JunitReport(const RunReport& report) {
  std::vector<TestCase> tests = {OfRun(report)};
  for (const CorpusResult& result : report.corpus) tests.push_back(OfCorpus(result));
  for (const ProfileReport& profile : report.profiles) tests.push_back(OfProfile(report, profile));
  size_t failed = 0;
  size_t wrong = 0;
  std::string cases;
  for (const TestCase& test : tests) {
    // A test case counts once, whatever it complains of.
    if (!test.failures.empty()) {
      ++failed;
    } else if (!test.errors.empty()) {
      ++wrong;
    }
    cases += ToXml(test);
  }
  const std::string counts =
      absl::StrFormat("tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"0\" time=\"%.3f\"",
                      tests.size(), failed, wrong, report.seconds);
  return absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ", counts,
      ">\n  <testsuite name=\"lumen-crash\" ", counts, ">\n    <properties>\n",
      "      <property name=\"seed\" value=\"", report.configuration.seed, "\"/>\n",
      "      <property name=\"build\" value=\"", EscapeXml(report.configuration.build), "\"/>\n",
      "      <property name=\"configuration\" value=\"", EscapeXml(report.configuration.text),
      "\"/>\n    </properties>\n", cases, "  </testsuite>\n</testsuites>\n");
}

}  // namespace lumen::crash
