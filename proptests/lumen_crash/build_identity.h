#pragma once

#include <string>

namespace lumen::crash {

// Commit and compiler, "8a0a3dd GNU 12.2.0": equal cases give equal runs with equal builds.
std::string BuildIdentity();

}  // namespace lumen::crash
