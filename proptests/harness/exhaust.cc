#include "proptests/harness/exploration.h"
#include "proptests/harness/explorer.h"

namespace lumen::crash {

Exhausted Exhaust(const ExploreSettings& settings, uint32_t length, uint32_t most_pending,
                  const ExploreEvents& events) {
  Exploration exploration(settings, events, OpenEngineOf);
  Exhausted exhausted;
  const uint64_t workloads = SmallWorkloads(length);
  for (uint64_t index = settings.shard; index < workloads; index += settings.shards) {
    if (exploration.over()) return exhausted.totals = exploration.totals(), exhausted;
    Case base;
    base.profile = settings.profile;
    base.seed = index;
    base.workload = SmallWorkload(length, index);
    const Exploration::Points points =
        exploration.Explore(base, Exploration::Depth::kExhaustive, most_pending, /*repeat=*/false);
    ++exhausted.workloads;
    exhausted.crash_points += points.all;
    exhausted.exhaustive_points += points.exhaustive;
  }
  exhausted.complete = !exploration.over() && exploration.totals().violations == 0;
  exhausted.totals = exploration.totals();
  return exhausted;
}

}  // namespace lumen::crash
