#pragma once

#include <string>

#include "lumen/v1/admin.pb.h"

namespace lumen::cli {

// What `lumen status` prints: what is wrong first, then what the server has and does. `colours`:
// for a terminal.
std::string StatusReport(const v1::StatusResponse& status, const std::string& server, bool colours);

}  // namespace lumen::cli
