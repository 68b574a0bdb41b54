#pragma once

#include "proptests/harness/failure.h"
#include "proptests/lumen_crash/arguments.h"
#include "proptests/lumen_crash/console.h"
#include "proptests/lumen_crash/harness_functions.h"
#include "proptests/lumen_crash/run_report.h"

namespace lumen::crash {

// Writes every report that was asked for, and what GitHub reads where it asks for it. What could
// not be written becomes a problem of the report, and those that could are written again, so that
// none of them is green.
void WriteReports(const OutputPaths& paths, const HarnessFunctions& harness, const Console& console,
                  RunReport& report);

}  // namespace lumen::crash
