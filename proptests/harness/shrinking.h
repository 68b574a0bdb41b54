#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/crash_space.h"
#include "proptests/harness/failure.h"

namespace lumen::crash {

// What shrinking asks of a harness.
struct ShrinkTools {
  std::function<absl::StatusOr<Replayed>(const Case&)> replay;
  // A crash of the case's workload that fails as `known` does, and how many states were tested for
  // it, at most `states`. The case's own crashes do not count: taking steps out moves every index.
  struct Found {
    std::optional<Failure> failure;
    uint64_t tested = 0;
  };
  std::function<Found(const Case&, const Failure& known, uint64_t states)> find;
  // For a crash of the case, other choices at the same moment that lose less than its own does,
  // those that lose least first.
  std::function<std::vector<faultfs::Survivors>(const Case&, size_t crash)> kinder;
};

// Shrink, with these tools. A state tested counts as a replay.
Failure ShrinkWith(const ShrinkTools& tools, Failure failure, uint64_t replays);

}  // namespace lumen::crash
