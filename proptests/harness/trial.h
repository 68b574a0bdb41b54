#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/fault_plan.h"
#include "faultfs/operation.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// Rules beyond the oracle's, in Violation::rule: the harness itself failed · the recovery does not
// end within a million calls of the file system, so that nothing can be said.
inline constexpr int kBrokenHarness = 0;
inline constexpr int kHung = -1;

// What recovers the images of a workload.
using OpenerFor = std::function<Opener(const Workload& workload)>;
// The engine that this program was built with.
Opener OpenEngineOf(const Workload& workload);

// One crash image, recovered and judged.
struct TrialSettings {
  uint64_t seed = 0;  // of the recovery: what runs when in it
  bool exercise = false;
  // Whether anybody wants the content, the operations, or a hash of all that happened.
  bool keep_recovered = false;
  bool keep_history = false;
  bool trace = false;
};
struct TrialResult {
  std::optional<Violation> violation;
  bool refused = false;
  Recovered recovered;
  // Of the recovery alone, up to the moment at which it was ready to serve.
  std::vector<faultfs::Operation> history;
  uint64_t trace_hash = 0;  // where asked for: of everything, also what came after the recovery
};
TrialResult RunTrial(const Opener& open, const faultfs::DiskImage& image, const WriteLog& log,
                     const Obligations& obligations, const TrialSettings& settings);

// A recovery that meets faults: what it serves is right, or it reports an error; afterwards,
// without them, another one is as it has to be.
struct FaultyTrialResult {
  std::optional<Violation> violation;
  std::vector<faultfs::FaultCount> counts;  // by rule of the plan
};
FaultyTrialResult RunFaultyTrial(const Opener& open, const faultfs::DiskImage& image,
                                 const WriteLog& log, Obligations obligations, uint64_t seed,
                                 const faultfs::FaultPlan& plan);

}  // namespace lumen::crash
