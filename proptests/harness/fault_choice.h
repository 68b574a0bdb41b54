#pragma once

#include <cstdint>
#include <string>

#include "faultfs/profile.h"

namespace lumen::crash {

// A plan for a workload, as text; often empty, because most crashes need no other fault. On a lying
// disk the syncs lie from some call on.
std::string ChooseFaults(faultfs::Profile profile, uint64_t seed);

// One fault that a recovery may meet.
std::string ChooseRecoveryFault(uint64_t seed);

}  // namespace lumen::crash
