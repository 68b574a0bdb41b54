#include "proptests/lumen_crash/run_report.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "proptests/lumen_crash/text_hash.h"

namespace lumen::crash {
namespace {

void SortOnce(std::vector<uint64_t>& hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

}  // namespace

uint64_t Configuration::hash() const { return TextHash(text); }

std::string Configuration::HashText() const { return absl::StrFormat("%016x", hash()); }

bool ProfileReport::exhausted() const {
  return complete && totals.exhaustive_points == totals.crash_points;
}

Verdict RunReport::verdict() const {
  Verdict verdict = Verdict::kPass;
  if (!problems.empty()) verdict = Worse(verdict, Verdict::kInconclusive);
  for (const FoundFailure& found : failures) {
    if (found.failure.violation.rule > 0) verdict = Worse(verdict, Verdict::kFail);
  }
  // However a violation came to have no file.
  for (const ProfileReport& profile : profiles) {
    if (failures.empty() && profile.totals.violations > 0) verdict = Worse(verdict, Verdict::kFail);
  }
  if (!harness_errors.empty()) verdict = Worse(verdict, Verdict::kHarnessFault);
  for (const CorpusResult& result : corpus) {
    if (result.outcome == CorpusResult::Outcome::kFailed) verdict = Worse(verdict, Verdict::kFail);
    if (result.outcome == CorpusResult::Outcome::kCannotRun) {
      verdict = Worse(verdict, Verdict::kInconclusive);
    }
  }
  return verdict;
}

void AddTotals(const Totals& part, Totals& sum) {
  sum.cases += part.cases;
  sum.crash_points += part.crash_points;
  sum.exhaustive_points += part.exhaustive_points;
  sum.many_pending_points += part.many_pending_points;
  sum.many_images_points += part.many_images_points;
  sum.generated += part.generated;
  sum.distinct += part.distinct;
  sum.recovered += part.recovered;
  sum.refused += part.refused;
  sum.in_recovery += part.in_recovery;
  sum.in_second_recovery += part.in_second_recovery;
  sum.exercised += part.exercised;
  sum.repeated += part.repeated;
  sum.violations += part.violations;
  sum.seconds += part.seconds;
  for (const auto& [name, count] : part.faults) {
    FaultTotals& fault = sum.faults[name];
    fault.armed += count.armed;
    fault.fired += count.fired;
    fault.changed += count.changed;
    fault.observed += count.observed;
  }
  for (const auto& [name, count] : part.coverage) sum.coverage[name] += count;
}

Totals SumOf(const std::vector<ProfileReport>& profiles, double seconds) {
  Totals sum;
  bool all_kept = true;
  std::vector<uint64_t> hashes;
  for (const ProfileReport& profile : profiles) {
    AddTotals(profile.totals, sum);
    all_kept = all_kept && profile.hashes.size() == profile.totals.distinct;
    hashes.insert(hashes.end(), profile.hashes.begin(), profile.hashes.end());
  }
  if (all_kept) {
    SortOnce(hashes);
    sum.distinct = hashes.size();
  }
  sum.seconds = seconds;
  return sum;
}

uint64_t TestedIn(const std::vector<ProfileReport>& profiles) {
  uint64_t tested = 0;
  for (const ProfileReport& profile : profiles) tested += profile.totals.distinct;
  return tested;
}

double DistinctPerSecond(const Totals& totals) {
  return totals.seconds > 0 ? static_cast<double>(totals.distinct) / totals.seconds : 0;
}

double TestedPerCoreSecond(const RunReport& report) {
  const double seconds = report.cost.processor_seconds;
  return seconds > 0 ? static_cast<double>(TestedIn(report.profiles)) / seconds : 0;
}

void AddHashes(std::vector<uint64_t> hashes, ProfileReport& report) {
  SortOnce(hashes);
  std::vector<uint64_t> all;
  all.reserve(report.hashes.size() + hashes.size());
  std::set_union(report.hashes.begin(), report.hashes.end(), hashes.begin(), hashes.end(),
                 std::back_inserter(all));
  report.hashes = std::move(all);
  report.totals.distinct = report.hashes.size();
}

std::string QuoteForShell(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace lumen::crash
