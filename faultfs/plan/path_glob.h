#pragma once

#include <string_view>

namespace lumen::faultfs {

// "*" stands for any bytes but '/', "**" for any bytes; everything else for itself.
bool GlobMatches(std::string_view glob, std::string_view path);

}  // namespace lumen::faultfs
