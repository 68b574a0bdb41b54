#pragma once

#include <string>
#include <string_view>

namespace lumen::crash {

// What every report says of the tester itself: the score that a selftest left in the file, if it
// was of this commit, else that there is none.
std::string MutantsLine(const std::string& record_path, std::string_view build);

// Where a selftest leaves its score by default: beside the program.
std::string DefaultRecordPath();

}  // namespace lumen::crash
