#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/operation.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/trial.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// The way to the state that a case is about: the workload, its crash, the recovery that crashed as
// well ... up to what the last crash left.
class CaseWalk {
 public:
  // What crashed, and what it left.
  struct Moment {
    std::vector<faultfs::Operation> history;  // the workload's; then a recovery's
    std::optional<faultfs::DiskState> state;  // right before the crash
    faultfs::CrashImage image;
  };

  // Borrows the case.
  CaseWalk(const Case& failing, const OpenerFor& open_for)
      : failing_(failing), open_(open_for(failing.workload)) {}

  // Runs the workload, and then every recovery but the last. INVALID_ARGUMENT: a crash point is
  // beyond the history, survivors are not legal there. Where the workload itself went wrong there
  // are no moments.
  absl::Status Run(bool notes = false);

  // What the last crash left, recovered.
  TrialResult Recover(TrialSettings settings);

  const Recording& recording() const { return recording_; }
  const std::vector<Moment>& moments() const { return moments_; }
  const Obligations& obligations() const { return obligations_; }
  // What the recovery that crashed last had found.
  const std::optional<Recovered>& before() const { return before_; }
  const Opener& open() const { return open_; }
  uint64_t seed() const { return seed_; }
  // Of every operation and image so far.
  uint64_t trace_hash() const { return trace_hash_; }

 private:
  absl::Status Crash(const Case::Crash& crash, faultfs::DiskState start,
                     std::vector<faultfs::Operation> history);

  const Case& failing_;
  const Opener open_;
  Recording recording_;
  std::vector<Moment> moments_;
  Obligations obligations_;
  std::optional<Recovered> before_;
  uint64_t seed_ = 0;
  uint64_t trace_hash_ = 0;
};

}  // namespace lumen::crash
