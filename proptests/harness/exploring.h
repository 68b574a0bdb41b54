#pragma once

#include <cstdint>

#include "proptests/harness/explorer.h"
#include "proptests/harness/trial.h"

// Explorer.h's Explore with another program in the engine's place: how the harness itself is
// tested.
namespace lumen::crash {

Totals ExploreWith(const OpenerFor& open_for, const ExploreSettings& settings,
                   const ExploreEvents& events);

// The case with that number: the same whoever asks, in whichever shard.
Case CaseNumber(const ExploreSettings& settings, uint64_t number);

}  // namespace lumen::crash
