#include <optional>
#include <utility>

#include "engine/base/status.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/case_walk.h"
#include "proptests/harness/checkpoint_trial.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {
namespace {

absl::StatusOr<std::optional<Violation>> JudgeWithFaults(const Case& failing,
                                                         const CaseWalk& walk) {
  ASSIGN_OR_RETURN(const faultfs::FaultPlan plan,
                   faultfs::FaultPlan::Parse(failing.recovery_faults));
  return RunFaultyTrial(walk.open(), walk.moments().back().image.image, walk.recording().log,
                        walk.obligations(), walk.seed(), plan)
      .violation;
}

// By everything that an exploration asks of some of its states.
absl::StatusOr<std::optional<Violation>> Judge(const Case& failing, CaseWalk& walk) {
  if (!failing.recovery_faults.empty()) return JudgeWithFaults(failing, walk);
  TrialResult first = walk.Recover({.keep_recovered = true, .keep_history = true});
  if (first.violation.has_value()) return std::move(first.violation);
  if (walk.before().has_value() && failing.profile != faultfs::Profile::kZombie) {
    if (auto differ = Same(*walk.before(), first.recovered, 8)) return differ;
  }
  TrialResult exercised =
      walk.Recover({.exercise = true, .keep_recovered = true, .keep_history = true});
  if (exercised.violation.has_value()) return std::move(exercised.violation);
  TrialResult second = walk.Recover({.seed = 1, .keep_recovered = true, .keep_history = true});
  if (second.violation.has_value()) return std::move(second.violation);
  if (auto differ = Same(first.recovered, second.recovered, 7)) return differ;
  if (failing.crashes.size() > 1 || walk.obligations().may_refuse) return std::nullopt;
  return CheckCheckpoints(failing.workload, walk.recording(), failing.crashes[0].point,
                          walk.moments().back().image.image, walk.seed());
}

}  // namespace

absl::StatusOr<Replayed> Replay(const Case& failing) {
  CaseWalk walk(failing, OpenEngineOf);
  RETURN_IF_ERROR(walk.Run());
  std::optional<Violation> violation = walk.recording().violation;
  if (!walk.moments().empty()) {
    ASSIGN_OR_RETURN(violation, Judge(failing, walk));
  }
  Replayed replayed;
  replayed.trace_hash = walk.trace_hash();
  if (violation.has_value()) {
    replayed.expected = violation->expected;
    replayed.got = violation->got;
    replayed.violation = std::move(violation);
  }
  return replayed;
}

}  // namespace lumen::crash
