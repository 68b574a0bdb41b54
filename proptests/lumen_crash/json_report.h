#pragma once

#include <cstdint>
#include <string>

#include "proptests/lumen_crash/run_report.h"

namespace lumen::crash {

// The whole run as one JSON object on one line: totals at the top, and the same of each profile in
// "profiles". "generated" counts images, "distinct" those tested: different in image or
// obligations, each opened, compared, written to, closed and reopened. At the top "distinct" counts
// a state once that several profiles met, and "tested" as often as they did, as "recovered" does.
// Of `exhaust` there is "exhaust", its bounds, and each profile has "exhausted".
std::string JsonReport(const RunReport& report);

// Events for `--ndjson`: one JSON object a line, each with "event". `at_ms` is wall-clock time
// since the start.
std::string StartEvent(const RunReport& report);
std::string ProgressEvent(const std::string& profile, const Totals& totals, int64_t at_ms);
std::string ProfileEvent(const ProfileReport& profile, int64_t at_ms);
std::string CorpusEvent(const CorpusResult& result, int64_t at_ms);
std::string FailureEvent(const FoundFailure& found, int64_t at_ms);
// After a failure was shrunk and looked for under other profiles: all of it again, as it is then.
std::string ExaminedEvent(const FoundFailure& found, int64_t at_ms);
std::string EndEvent(const RunReport& report);

// "passed", "failed", "moved", "cannot run".
std::string_view OutcomeName(CorpusResult::Outcome outcome);

}  // namespace lumen::crash
