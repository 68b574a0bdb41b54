#pragma once

#include <cstdio>
#include <string_view>

#include "absl/status/status.h"

// What the commands that read files offline say, and how they end.
namespace lumen {

void PrintLine(std::FILE* to, std::string_view line);

// Says on `talk` why a command failed. Its exit code: 2 wrong arguments, 4 the file cannot be read,
// 5 it is damaged.
int Complain(const absl::Status& status, std::FILE* talk);

}  // namespace lumen
