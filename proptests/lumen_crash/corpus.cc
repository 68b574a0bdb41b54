#include "proptests/lumen_crash/corpus.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "proptests/lumen_crash/failure_keeper.h"

namespace lumen::crash {
namespace {

using Outcome = CorpusResult::Outcome;

// Enough for every crash point of a shrunk case, and a tenth of a second.
constexpr uint64_t kStatesOfMovedCase = 2000;

std::string RuleText(const Violation& violation) {
  return absl::StrCat("rule ", violation.rule, ": ", violation.what);
}

CorpusResult SearchAnew(const std::string& file, const Failure& kept, const absl::Status& why,
                        const HarnessFunctions& harness, const CorpusEvents& events) {
  Case base = kept.failing;
  base.crashes.clear();
  ExploreSettings settings;
  settings.profile = base.profile;
  settings.seed = base.seed;
  settings.states = kStatesOfMovedCase;
  settings.max_failures = 1;
  std::optional<Violation> violation;
  ExploreEvents explore;
  explore.failure = [&](const Failure& failure) {
    violation = failure.violation;
    if (events.failure) events.failure(failure);
  };
  const Totals totals = harness.explore_case(base, settings, explore);
  if (violation.has_value()) return {file, Outcome::kFailed, RuleText(*violation)};
  if (totals.distinct == 0) {
    return {file, Outcome::kCannotRun, absl::StrCat("no state could be made: ", why.ToString())};
  }
  return {file, Outcome::kMoved,
          absl::StrCat(std::string(why.message()), "; ", totals.distinct,
                       " states of its workload were tested instead")};
}

CorpusResult ReplayOne(const std::string& file, const HarnessFunctions& harness,
                       const CorpusEvents& events) {
  const absl::StatusOr<Failure> kept = ReadFailureFile(file);
  if (!kept.ok()) return {file, Outcome::kCannotRun, std::string(kept.status().message())};
  const absl::StatusOr<Replayed> replayed = harness.replay(kept->failing);
  if (!replayed.ok()) return SearchAnew(file, *kept, replayed.status(), harness, events);
  if (!replayed->violation.has_value()) return {file, Outcome::kPassed, ""};
  return {file, Outcome::kFailed, RuleText(*replayed->violation)};
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CorpusFiles(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".case") files.push_back(entry->path().string());
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat("--corpus ", directory, ": ", error.message()));
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("--corpus ", directory, ": there is no *.case in it"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<CorpusResult> ReplayCorpus(const std::vector<std::string>& files,
                                       const HarnessFunctions& harness,
                                       const std::atomic<int>* stop, const CorpusEvents& events) {
  std::vector<CorpusResult> results;
  for (const std::string& file : files) {
    if (stop != nullptr && *stop != 0) break;
    results.push_back(ReplayOne(file, harness, events));
    if (events.result) events.result(results.back());
  }
  return results;
}

}  // namespace lumen::crash
