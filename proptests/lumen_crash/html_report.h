#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "proptests/harness/failure.h"
#include "proptests/lumen_crash/run_report.h"

namespace lumen::crash {

using TimelineFunction = std::function<absl::StatusOr<Timeline>(const Case&)>;

// The run as one page that needs nothing else: counts, faults, and a timeline of each failure, made
// anew by `timeline` for the first of them. Source of the page: timeline.html.
std::string HtmlReport(const RunReport& report, const TimelineFunction& timeline);

// One failure alone, as a page.
std::string TimelinePage(const FoundFailure& found, const Timeline& timeline);

// Timelines of more failures would make a page that no browser opens gladly.
inline constexpr size_t kMaxTimelines = 10;

}  // namespace lumen::crash
