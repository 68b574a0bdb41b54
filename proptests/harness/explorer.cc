#include "proptests/harness/explorer.h"

#include "engine/env/seeded_random.h"
#include "proptests/harness/exploration.h"
#include "proptests/harness/exploring.h"
#include "proptests/harness/fault_choice.h"
#include "proptests/harness/hashing.h"

namespace lumen::crash {
namespace {

// One case of so many is run twice.
constexpr uint64_t kRepeatEvery = 100;
constexpr int kMostRounds = 64;

}  // namespace

// By its number alone, so that it does not matter which shard runs it.
Case CaseNumber(const ExploreSettings& settings, uint64_t number) {
  SeededRandom random(Combined(settings.seed, number));
  Case base;
  base.profile = settings.profile;
  base.seed = random.Next64();
  const auto steps = static_cast<uint32_t>(
      settings.least_steps + random.Below(settings.most_steps - settings.least_steps + 1));
  base.workload = GenerateWorkload(random.Next64(), steps);
  const uint64_t fault_seed = random.Next64();
  if (!settings.fault_plan.empty()) {
    base.faults = settings.fault_plan;
  } else if (settings.faults) {
    base.faults = ChooseFaults(settings.profile, fault_seed);
  }
  return base;
}

Totals ExploreWith(const OpenerFor& open_for, const ExploreSettings& settings,
                   const ExploreEvents& events) {
  Exploration exploration(settings, events, open_for);
  for (uint64_t number = settings.shard; !exploration.over(); number += settings.shards) {
    exploration.Explore(CaseNumber(settings, number), /*bounds=*/nullptr,
                        number % kRepeatEvery == 0);
  }
  return exploration.totals();
}

Totals Explore(const ExploreSettings& settings, const ExploreEvents& events) {
  return ExploreWith(OpenEngineOf, settings, events);
}

Totals ExploreCase(const Case& base, const ExploreSettings& settings, const ExploreEvents& events) {
  Exploration exploration(settings, events, OpenEngineOf);
  Case again = base;
  // Each round samples other images. The first that finds nothing new has seen them all.
  uint64_t before = 0;
  for (int round = 0; round < kMostRounds && !exploration.over(); ++round, ++again.seed) {
    exploration.Explore(again, /*bounds=*/nullptr, /*repeat=*/false);
    const uint64_t distinct = exploration.totals().distinct;
    if (distinct == before) break;
    before = distinct;
  }
  return exploration.totals();
}

}  // namespace lumen::crash
