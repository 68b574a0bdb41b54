#pragma once

#include <cstdint>
#include <vector>

#include "proptests/harness/failure.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {

// LookElsewhere with another program in the engine's place, and `states` of each profile: how the
// harness itself is tested.
std::vector<UnderProfile> LookElsewhereWith(const OpenerFor& open_for, const Failure& failure,
                                            uint64_t states);

}  // namespace lumen::crash
