#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/cli/console.h"

namespace lumen {

// How a command that reads files offline ends when it cannot go on: it says so, with `interrupted`
// where a signal is why. Exit code: 2 wrong arguments, 4 a file cannot be read or written, 5 one is
// damaged, 130 or 143 interrupted; 0 when whoever read the output has enough.
int EndEarly(cli::Console& console, const absl::Status& why, const std::string& interrupted);

// The same of one that only reads: "interrupted".
int EndEarly(cli::Console& console, const absl::Status& why);

}  // namespace lumen
