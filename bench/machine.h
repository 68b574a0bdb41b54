#pragma once

#include <string>

#include "bench/report.h"

namespace lumen::bench {

// Adds what a number means nothing without: CPU and how many, memory, kernel, the file system under
// `directory`, compiler, commit of the build, date in UTC.
void AddMachineFacts(const std::string& directory, Report& report);

}  // namespace lumen::bench
