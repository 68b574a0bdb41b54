#include "proptests/harness/exploration.h"
#include "proptests/harness/explorer.h"

namespace lumen::crash {

Exhausted Exhaust(const ExploreSettings& settings, const ExhaustBounds& bounds,
                  const ExploreEvents& events) {
  Exploration exploration(settings, events, OpenEngineOf);
  const uint64_t workloads = SmallWorkloads(bounds.length);
  for (uint64_t index = settings.shard; index < workloads; index += settings.shards) {
    if (exploration.over()) return {.totals = exploration.totals(), .complete = false};
    Case base;
    base.profile = settings.profile;
    base.seed = settings.seed;
    base.workload = SmallWorkload(bounds.length, index);
    base.workload.seed = settings.seed;
    exploration.Explore(base, &bounds, /*repeat=*/false);
  }
  const bool complete = !exploration.over() && exploration.totals().violations == 0;
  return {.totals = exploration.totals(), .complete = complete};
}

}  // namespace lumen::crash
