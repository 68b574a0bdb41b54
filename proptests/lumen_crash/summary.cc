#include "proptests/lumen_crash/summary.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "proptests/lumen_crash/json_report.h"
#include "proptests/lumen_crash/json_writer.h"

namespace lumen::crash {
namespace {

// Coverage and faults would otherwise hide what matters in a long list.
constexpr size_t kMaxShownFailures = 20;
constexpr uint64_t kMiB = uint64_t{1} << 20;

std::string ProfileNames(const RunReport& report) {
  if (report.profiles.size() == faultfs::kProfiles.size()) return "all";
  std::string names;
  for (const ProfileReport& profile : report.profiles) {
    absl::StrAppend(&names, names.empty() ? "" : ",", profile.profile);
  }
  return names;
}

std::string ProfileRow(const std::string& name, const Totals& totals) {
  return absl::StrFormat(
      "%-15s %12s %12s %12s %10s %12s %10.1f %10s\n", name, WithCommas(totals.generated),
      WithCommas(totals.distinct), WithCommas(totals.recovered), WithCommas(totals.refused),
      WithCommas(totals.in_recovery), totals.seconds, WithCommas(totals.violations));
}

// What `exhaust` was for: how much of the small scope was searched, and what was done where there
// was too much.
std::string ExhaustedText(const RunReport& report, const ProfileReport& profile) {
  const Totals& totals = profile.totals;
  const ExhaustBounds& bounds = *report.exhaust;
  std::string text =
      absl::StrCat(profile.exhausted() ? "exhausted " : "not exhausted ", profile.profile, ": ",
                   profile.complete ? "" : "stopped early, after ", WithCommas(totals.cases),
                   " workloads of up to ", bounds.length, " steps, ",
                   WithCommas(totals.crash_points), " crash points, every legal image of ",
                   profile.exhausted() ? "each" : WithCommas(totals.exhaustive_points));
  if (totals.many_images_points + totals.many_pending_points > 0) {
    absl::StrAppend(&text, "; of ", WithCommas(totals.many_images_points), " with more than ",
                    WithCommas(bounds.most_images), " images and ",
                    WithCommas(totals.many_pending_points), " with more than ", bounds.most_pending,
                    " operations pending: the first of so many, all lost, all kept, prefixes, all "
                    "but one or two, only one or two, torn appends, and random ones");
  }
  return text + "\n";
}

std::string FaultRow(const std::string& name, const FaultTotals& fault) {
  return absl::StrFormat("%-26s %12s %12s %12s %12s\n", name, WithCommas(fault.armed),
                         WithCommas(fault.fired), WithCommas(fault.changed),
                         WithCommas(fault.observed));
}

std::string FailureText(const FoundFailure& found) {
  const Failure& failure = found.failure;
  std::string text = absl::StrCat("FAILURE  rule ", failure.violation.rule, " under ",
                                  std::string(ProfileName(failure.failing.profile)), ": ",
                                  ValidText(failure.violation.what), "\n");
  if (!failure.expected.empty())
    absl::StrAppend(&text, "  expected ", ValidText(failure.expected), "\n");
  if (!failure.got.empty()) absl::StrAppend(&text, "  got      ", ValidText(failure.got), "\n");
  if (failure.steps_before > 0) {
    absl::StrAppend(&text, "  ", ShrunkText(failure, found.shrink_seconds), "\n");
  }
  if (!failure.elsewhere.empty()) absl::StrAppend(&text, "  ", ElsewhereText(failure), "\n");
  absl::StrAppend(&text, "  ", found.file.empty() ? "its file could not be written" : found.file,
                  "\n");
  return text;
}

std::string FailuresText(const RunReport& report) {
  std::string text;
  for (size_t i = 0; i < report.failures.size() && i < kMaxShownFailures; ++i) {
    text += FailureText(report.failures[i]);
  }
  if (report.failures.size() > kMaxShownFailures) {
    absl::StrAppend(&text, "... and ", report.failures.size() - kMaxShownFailures, " more\n");
  }
  return text;
}

std::string CorpusText(const RunReport& report) {
  size_t moved = 0;
  std::string text;
  for (const CorpusResult& result : report.corpus) {
    if (result.outcome == CorpusResult::Outcome::kMoved) ++moved;
    if (result.outcome == CorpusResult::Outcome::kPassed ||
        result.outcome == CorpusResult::Outcome::kMoved) {
      continue;
    }
    absl::StrAppend(&text, "CORPUS   ", result.file, ": ", std::string(OutcomeName(result.outcome)),
                    ": ", result.message, "\n");
  }
  if (report.corpus.empty()) return text;
  return absl::StrCat("corpus: ", report.corpus.size(), " cases replayed, ", moved,
                      " of them searched anew because their crash has moved\n", text);
}

std::string ReplayCommand(const RunReport& report) {
  for (const FoundFailure& found : report.failures) {
    if (!found.file.empty()) return "lumen-crash replay " + QuoteForShell(found.file);
  }
  for (const CorpusResult& result : report.corpus) {
    if (result.outcome == CorpusResult::Outcome::kFailed) {
      return "lumen-crash replay " + QuoteForShell(result.file);
    }
  }
  return report.again;
}

// Of a table's cell.
std::string Cell(std::string_view text) {
  return absl::StrReplaceAll(ValidText(text), {{"|", "\\|"}, {"\n", " "}, {"<", "&lt;"}});
}

// Of a workflow command: https://docs.github.com/actions, "workflow commands".
std::string EscapeCommand(std::string_view text) {
  return absl::StrReplaceAll(ValidText(text), {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
}

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string ShrunkText(const Failure& failure, double seconds) {
  return absl::StrFormat("shrunk %d -> %d client steps in %.1f s", failure.steps_before,
                         failure.steps_after, seconds);
}

std::string ElsewhereText(const Failure& failure) {
  std::vector<std::string> fails;
  std::vector<std::string> not_found;
  for (const UnderProfile& under : failure.elsewhere) {
    const std::string name(ProfileName(under.profile));
    if (under.fails) {
      fails.push_back(name);
    } else {
      not_found.push_back(absl::StrCat(name, " (", WithCommas(under.states), " states tested)"));
    }
  }
  if (fails.empty() && not_found.empty()) return "";
  return absl::StrCat(
      "also fails under: ", fails.empty() ? "no other profile" : absl::StrJoin(fails, ", "),
      not_found.empty() ? "" : "; not found under: ", absl::StrJoin(not_found, ", "));
}

std::string FirstLine(const RunReport& report) {
  std::string line = absl::StrCat("lumen-crash: seed ", report.configuration.seed, ", commit ",
                                  report.configuration.build, ", profile ", ProfileNames(report),
                                  ", configuration ", report.configuration.HashText());
  if (report.shard.count > 1) {
    absl::StrAppend(&line, ", shard ", report.shard.ToString(),
                    report.shard.source.empty() ? "" : " from ", report.shard.source);
  }
  return line;
}

std::string TextSummary(const RunReport& report) {
  const Totals& sum = report.sum;
  std::string text =
      absl::StrFormat("%-15s %12s %12s %12s %10s %12s %10s %10s\n", "profile", "generated",
                      "distinct", "recovered", "refused", "in recovery", "seconds", "violations");
  for (const ProfileReport& profile : report.profiles) {
    text += ProfileRow(profile.profile, profile.totals);
  }
  if (report.profiles.size() > 1) {
    text += ProfileRow("all", sum);
    absl::StrAppend(&text,
                    "  (distinct of all: a state that several profiles met counts once; tested: ",
                    WithCommas(TestedIn(report.profiles)), ")\n");
  }
  if (report.exhaust) {
    for (const ProfileReport& profile : report.profiles) text += ExhaustedText(report, profile);
  }
  if (sum.in_recovery > 0) {
    absl::StrAppend(&text, "  (of all in recovery: ", WithCommas(sum.in_second_recovery),
                    " crashed in the recovery from such a crash)\n");
  }
  if (!sum.faults.empty()) {
    absl::StrAppendFormat(&text, "%-26s %12s %12s %12s %12s\n", "fault", "armed", "fired",
                          "changed", "observed");
    for (const auto& [name, fault] : sum.faults) text += FaultRow(name, fault);
  }
  text += CorpusText(report) + FailuresText(report);
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&text, "INCONCLUSIVE  ", problem, "\n");
  }
  for (const std::string& error : report.harness_errors) {
    absl::StrAppend(&text, "HARNESS ERROR  ", error, "\n");
  }
  absl::StrAppendFormat(
      &text,
      "cost: %.1f s of processor time, %s states tested a second and core; %s MiB of memory\n",
      report.cost.processor_seconds, WithCommas(static_cast<uint64_t>(TestedPerCoreSecond(report))),
      WithCommas((report.cost.peak_memory_bytes + kMiB - 1) / kMiB));
  absl::StrAppendFormat(
      &text,
      "verdict: %s; %s distinct states tested of %s generated in %s cases, %.1f s, %s a second; "
      "%s\n",
      std::string(VerdictName(report.verdict())), WithCommas(sum.distinct),
      WithCommas(sum.generated), WithCommas(sum.cases), sum.seconds,
      WithCommas(static_cast<uint64_t>(DistinctPerSecond(sum))), report.mutants);
  return text + ReplayCommand(report) + "\n";
}

std::string MarkdownSummary(const RunReport& report) {
  const Totals& sum = report.sum;
  std::string text = absl::StrCat("### lumen-crash: ", std::string(VerdictName(report.verdict())),
                                  "\n\n", Cell(FirstLine(report)), "; ", Cell(report.mutants),
                                  "\n\n| profile | generated | distinct | recovered | refused | "
                                  "violations |\n|---|--:|--:|--:|--:|--:|\n");
  const auto row = [&text](const std::string& name, const Totals& totals) {
    absl::StrAppend(&text, "| ", name, " | ", WithCommas(totals.generated), " | ",
                    WithCommas(totals.distinct), " | ", WithCommas(totals.recovered), " | ",
                    WithCommas(totals.refused), " | ", WithCommas(totals.violations), " |\n");
  };
  for (const ProfileReport& profile : report.profiles) row(profile.profile, profile.totals);
  row("**all**", sum);
  if (report.exhaust) {
    for (const ProfileReport& profile : report.profiles) {
      absl::StrAppend(&text, "\n- ", Cell(ExhaustedText(report, profile)));
    }
    text += "\n";
  }
  for (size_t i = 0; i < report.failures.size() && i < kMaxShownFailures; ++i) {
    const FoundFailure& found = report.failures[i];
    absl::StrAppend(&text, "\n- **rule ", found.failure.violation.rule, "** under ",
                    std::string(ProfileName(found.failure.failing.profile)), ": ",
                    Cell(found.failure.violation.what), "\n");
    if (!found.failure.elsewhere.empty()) {
      absl::StrAppend(&text, "  ", Cell(ElsewhereText(found.failure)), "\n");
    }
  }
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&text, "\n- inconclusive: ", Cell(problem), "\n");
  }
  for (const std::string& error : report.harness_errors) {
    absl::StrAppend(&text, "\n- harness error: ", Cell(error), "\n");
  }
  return absl::StrCat(text, "\n```\n", ReplayCommand(report), "\n```\n");
}

std::vector<std::string> Annotations(const RunReport& report) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& error : report.harness_errors) all.emplace_back("harness error", error);
  for (const FoundFailure& found : report.failures) {
    all.emplace_back(absl::StrCat("rule ", found.failure.violation.rule, " under ",
                                  std::string(ProfileName(found.failure.failing.profile))),
                     absl::StrCat(found.failure.violation.what, "\nlumen-crash replay ",
                                  QuoteForShell(found.file)));
  }
  for (const CorpusResult& result : report.corpus) {
    if (result.outcome != CorpusResult::Outcome::kFailed) continue;
    all.emplace_back("corpus", absl::StrCat(result.file, ": ", result.message));
  }
  for (const std::string& problem : report.problems) all.emplace_back("inconclusive", problem);
  std::vector<std::string> commands;
  for (const auto& [title, message] : all) {
    if (commands.size() == kMaxAnnotations) break;
    const bool last = commands.size() + 1 == kMaxAnnotations && all.size() > kMaxAnnotations;
    commands.push_back(absl::StrCat(
        "::error title=lumen-crash, ", title, "::", EscapeCommand(message),
        last ? absl::StrCat("%0A... and ", all.size() - kMaxAnnotations, " more") : ""));
  }
  return commands;
}

}  // namespace lumen::crash
