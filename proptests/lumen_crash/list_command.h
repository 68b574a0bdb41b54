#pragma once

#include <string>

namespace lumen::crash {

// Profiles, faults, suites, one a line with what each is; `what` names one of the lists, empty:
// all.
std::string ListText(const std::string& what);

}  // namespace lumen::crash
