#pragma once

#include <string>

#include "proptests/lumen_crash/run_report.h"

namespace lumen::crash {

// The run as JUnit XML: a test case for each profile and for each case of the corpus, and one for
// the run itself, which carries what is inconclusive as an error: never green.
std::string JunitReport(const RunReport& report);

}  // namespace lumen::crash
