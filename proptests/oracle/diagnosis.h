#pragma once

#include <string>

#include "proptests/oracle.h"
#include "proptests/oracle/view.h"

namespace lumen::crash {

// Which rule a state breaks that is none of those allowed, and how. Slow: only for violations.
// `content`: what the view is the hash of, as far as the scans told.
Violation Diagnose(const WriteLog& log, const Obligations& obligations, const View& view,
                   const Content& content);

// "1 to 3 of 7 writes: {k00="...", k03="..."}": what was allowed, the largest state in full.
std::string ShownAllowed(const WriteLog& log, const Obligations& obligations);
std::string ShownContent(const Content& content);

}  // namespace lumen::crash
