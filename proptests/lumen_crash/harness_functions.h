#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "proptests/harness/explorer.h"
#include "proptests/harness/failure.h"

namespace lumen::crash {

// What lumen-crash calls of the harness. Passed down by main(), so that its own tests can put
// something in their place that fails, hangs or stops when they say so.
struct HarnessFunctions {
  std::function<Totals(const ExploreSettings&, const ExploreEvents&)> explore;
  std::function<Totals(const Case&, const ExploreSettings&, const ExploreEvents&)> explore_case;
  std::function<Exhausted(const ExploreSettings&, const ExhaustBounds&, const ExploreEvents&)>
      exhaust;
  std::function<absl::StatusOr<Replayed>(const Case&)> replay;
  std::function<Failure(Failure, uint64_t replays)> shrink;
  std::function<std::vector<UnderProfile>(const Failure&)> look_elsewhere;
  std::function<absl::StatusOr<Timeline>(const Case&)> timeline;
};

}  // namespace lumen::crash
