#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faultfs/profile.h"
#include "proptests/harness/failure.h"

namespace lumen::crash {

struct ExploreSettings {
  faultfs::Profile profile = faultfs::Profile::kStrictPosix;
  uint64_t seed = 1;
  // Whichever is met first ends it; 0: no such limit.
  uint64_t states = 0;  // distinct states tested
  int64_t time_ns = 0;
  uint64_t max_failures = 1;
  // Steps of a workload: uniformly from these.
  uint32_t least_steps = 16;
  uint32_t most_steps = 64;
  bool faults = true;  // some cases have a fault plan, and some recoveries meet a fault
  // These in every case, and in those recoveries, whose calls count anew; empty: generated ones.
  std::string fault_plan = {};
  // Cases are numbered; shard i of n runs those with number % n == i.
  uint64_t shard = 0;
  uint64_t shards = 1;
  const std::atomic<bool>* stop = nullptr;  // SIGTERM
};

struct FaultTotals {
  uint64_t armed = 0, fired = 0, changed = 0, observed = 0;
};

// What has been tested. Counts of states are of crash images with obligations, never of attempts.
struct Totals {
  uint64_t cases = 0;
  uint64_t crash_points = 0;
  // Of these: every legal image was tested. Of Exhaust, the others of a run that is complete:
  uint64_t exhaustive_points = 0;
  uint64_t many_pending_points = 0;  // beyond ExhaustBounds::most_pending
  uint64_t many_images_points = 0;   // beyond ExhaustBounds::most_images
  uint64_t generated = 0;            // images made
  uint64_t distinct = 0;             // after taking out those with equal image and obligations
  uint64_t recovered = 0;            // distinct ones that opened
  uint64_t refused = 0;              // distinct ones refused, as they may be
  uint64_t in_recovery = 0;          // of the distinct ones: from a crash inside a recovery
  uint64_t in_second_recovery = 0;   // of these: in one after such a crash
  uint64_t exercised = 0;            // of the distinct ones: flush, compaction, checkpoint as well
  uint64_t repeated = 0;             // cases run twice to compare traces
  uint64_t violations = 0;
  double seconds = 0;
  std::map<std::string, FaultTotals> faults;
  std::map<std::string, uint64_t> coverage;  // events of the engine that happened: "flush" ...
};

// What a run tells while it goes on. Called on the exploring thread.
struct ExploreEvents {
  std::function<void(const Totals&)> progress = {};  // a few times a second
  std::function<void(const Failure&)> failure = {};
  // Of each state that Totals::distinct counts, once: a hash of image and obligations.
  std::function<void(uint64_t hash)> distinct = {};
};

// Random workloads, crashed everywhere. Every state counted as distinct was opened, compared,
// written to, closed and reopened.
Totals Explore(const ExploreSettings& settings, const ExploreEvents& events);

// The same for one workload with its faults (the settings' steps, shards and faults do not count),
// crashed everywhere; the case's own crashes are not looked at. For cases whose crash points have
// moved: what shrinking made smaller, and a corpus that another build of the engine wrote.
Totals ExploreCase(const Case& base, const ExploreSettings& settings, const ExploreEvents& events);

struct ExhaustBounds {
  uint32_t length = 3;  // steps of a workload
  uint32_t most_pending = 12;
  // One unsynced block of 8 sectors may be left in 4^8 ways, and one step may leave two of them.
  uint64_t most_images = uint64_t{1} << 19;
};
// A walk through the images of one moment remembers a hash of each.
inline constexpr uint64_t kLargestMostImages = uint64_t{1} << 24;

// Every workload of up to `length` steps, every crash point, every legal image where at most
// `most_pending` operations are pending and there are at most `most_images`; else what
// CrashSpace::Systematic chooses, random ones, and of too many images the first ones.
//
// All workloads have the seed of the settings: those that begin alike do the same up to where they
// part, and what they share is tested once.
struct Exhausted {
  Totals totals;
  bool complete = false;  // false: stopped early
};
Exhausted Exhaust(const ExploreSettings& settings, const ExhaustBounds& bounds,
                  const ExploreEvents& events);

}  // namespace lumen::crash
