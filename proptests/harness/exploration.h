#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/distinct_set.h"
#include "proptests/harness/explorer.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {

// Tests states of one case after the other, within the limits of the settings, and counts them.
// Not thread-safe.
class Exploration {
 public:
  // Borrows the settings and the events. `open_for` is OpenEngineOf but in tests of the harness.
  Exploration(const ExploreSettings& settings, const ExploreEvents& events, OpenerFor open_for);

  // Runs the workload of the case, crashes it everywhere, and recovers every image within the
  // bounds; null: a few of each moment, systematic ones now and then, and random ones.
  void Explore(const Case& base, const ExhaustBounds* bounds, bool repeat);

  // A limit is met, or somebody wants it to end.
  bool over();
  // Counts the time, too.
  const Totals& totals();

 private:
  // The case at hand.
  struct Subject {
    const Case& base;
    const Recording& recording;
    const Opener& open;
    const ExhaustBounds* bounds;  // may be null
    bool repeat;                  // everything twice
  };
  // Which images of a moment were visited.
  enum class Visited : uint8_t { kAll, kSome, kOfManyPending, kOfManyImages };
  // A crash whose images are being tested.
  struct Moment {
    const faultfs::CrashSpace& space;
    uint64_t point;  // in its history
    const Obligations& obligations;
    const Recovered* before;  // what the recovery that crashed had found; null: no recovery did
    uint64_t seed;
  };

  void Crash(Subject& subject);
  void CountPoint(Visited visited);
  // `trace_hash`: of the operations before it; only with bounds.
  Visited VisitPoint(Subject& subject, const Moment& moment, uint64_t trace_hash,
                     const faultfs::PendingOperation* under_way);
  Visited VisitImages(Subject& subject, const Moment& moment);
  void Visit(Subject& subject, const Moment& moment, const faultfs::CrashImage& image);
  // With the obligations that are the image's own.
  void VisitAs(Subject& subject, const Moment& moment, const faultfs::CrashImage& image);
  void Test(Subject& subject, const Moment& moment, const faultfs::CrashImage& image,
            uint64_t state_hash);
  void CrashRecovery(Subject& subject, const Moment& moment, const faultfs::CrashImage& image,
                     const TrialResult& first);
  void TestWithFaults(Subject& subject, const Moment& moment, const faultfs::CrashImage& image,
                      uint64_t seed);
  void Report(const Subject& subject, Violation violation, const std::string& recovery_faults = "");
  void CountFaults(const faultfs::FaultPlan& plan, const std::vector<faultfs::FaultCount>& counts);
  double Seconds() const;
  void Tell();

  const ExploreSettings& settings_;
  const ExploreEvents& events_;
  const OpenerFor open_for_;
  const std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point told_;

  DistinctSet distinct_;
  Totals totals_;
  uint64_t tests_until_clock_ = 0;
  bool out_of_time_ = false;
  bool failed_ = false;               // this case has: on with the next one
  std::vector<Case::Crash> crashes_;  // on the way to the state at hand
  // Within bounds: moments by hash, and what was visited of them.
  absl::flat_hash_map<uint64_t, Visited> visited_;
};

}  // namespace lumen::crash
