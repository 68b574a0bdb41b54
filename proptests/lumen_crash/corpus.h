#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proptests/lumen_crash/harness_functions.h"
#include "proptests/lumen_crash/run_report.h"

// The regression corpus: failure files of bugs that were fixed, replayed before anything else.
namespace lumen::crash {

// The *.case files of a folder, by name. An empty folder is an error: a corpus that nobody reads
// looks like one that passes.
absl::StatusOr<std::vector<std::string>> CorpusFiles(const std::string& directory);

struct CorpusEvents {
  std::function<void(const CorpusResult&)> result = {};
  std::function<void(const Failure&)> failure = {};  // a new one, found where a case has moved
};

// Replays each. Where the crash of a case does not fit the build any more (its point is beyond the
// history, its survivors are not legal there), the case's workload is crashed everywhere, so that
// what it guards stays guarded. Ends early when `*stop` is set; what was not replayed then has no
// result.
std::vector<CorpusResult> ReplayCorpus(const std::vector<std::string>& files,
                                       const HarnessFunctions& harness,
                                       const std::atomic<int>* stop, const CorpusEvents& events);

}  // namespace lumen::crash
