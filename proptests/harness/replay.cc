#include <optional>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/hashing.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {
namespace {

using faultfs::CrashImage;

absl::StatusOr<CrashImage> ImageOf(const Case::Crash& crash, faultfs::DiskState state,
                                   const std::vector<faultfs::Operation>& history, uint64_t seed) {
  if (crash.point > history.size()) {
    return absl::InvalidArgumentError(absl::StrCat("crash point ", crash.point,
                                                   " is beyond the history, which has ",
                                                   history.size(), " operations"));
  }
  for (uint64_t i = 0; i < crash.point; ++i) state.Apply(history[i]);
  return faultfs::CrashSpace(state, seed, state.unlinked()).Make(crash.survivors);
}

class CaseReplay {
 public:
  CaseReplay(const Case& failing, OpenerFor open_for)
      : failing_(failing), open_(open_for(failing.workload)) {}

  absl::StatusOr<Replayed> Run() {
    ASSIGN_OR_RETURN(const faultfs::FaultPlan plan, faultfs::FaultPlan::Parse(failing_.faults));
    recording_ = Record(failing_.workload, {.seed = failing_.seed, .plan = &plan});
    trace_hash_ = recording_.trace_hash;
    std::optional<Violation> violation = recording_.violation;
    if (!violation.has_value() && !failing_.crashes.empty()) {
      RETURN_IF_ERROR(WalkToLastCrash());
      ASSIGN_OR_RETURN(violation, Judge());
    }
    Replayed replayed;
    replayed.trace_hash = trace_hash_;
    if (violation.has_value()) {
      replayed.expected = violation->expected;
      replayed.got = violation->got;
      replayed.violation = std::move(violation);
    }
    return replayed;
  }

 private:
  absl::Status WalkToLastCrash() {
    const Case::Crash& first = failing_.crashes.front();
    ASSIGN_OR_RETURN(image_, ImageOf(first, {failing_.profile, recording_.start},
                                     recording_.history, failing_.seed));
    obligations_ = recording_.ObligationsAt(first.point, failing_.profile);
    obligations_.may_lose |= DamageLooksTorn(
        std::span(recording_.history).first(static_cast<size_t>(first.point)), image_.image);
    TakeImage();
    for (size_t i = 1; i < failing_.crashes.size(); ++i) {
      TrialResult recovery = Recover({.keep_recovered = true, .keep_history = true});
      before_ = std::move(recovery.recovered);
      ASSIGN_OR_RETURN(
          image_, ImageOf(failing_.crashes[i], {failing_.profile, image_.image, image_.zombies},
                          recovery.history, failing_.seed));
      TakeImage();
    }
    return absl::OkStatus();
  }

  void TakeImage() {
    trace_hash_ = Combined(trace_hash_, image_.image.hash());
    seed_ = Combined(failing_.seed, image_.image.hash());
  }

  TrialResult Recover(TrialSettings settings) {
    settings.seed += seed_;
    TrialResult result = RunTrial(open_, image_.image, recording_.log, obligations_, settings);
    trace_hash_ = Combined(trace_hash_, result.trace_hash);
    return result;
  }

  // By everything that an exploration asks of some of its states.
  absl::StatusOr<std::optional<Violation>> Judge() {
    if (!failing_.recovery_faults.empty()) return JudgeWithFaults();
    TrialResult first = Recover({.keep_recovered = true, .keep_history = true});
    if (first.violation.has_value()) return std::move(first.violation);
    if (before_.has_value() && failing_.profile != faultfs::Profile::kZombie) {
      if (auto differ = Same(*before_, first.recovered, 8)) return differ;
    }
    TrialResult exercised =
        Recover({.exercise = true, .keep_recovered = true, .keep_history = true});
    if (exercised.violation.has_value()) return std::move(exercised.violation);
    TrialResult second = Recover({.seed = 1, .keep_recovered = true, .keep_history = true});
    if (second.violation.has_value()) return std::move(second.violation);
    return Same(first.recovered, second.recovered, 7);
  }

  absl::StatusOr<std::optional<Violation>> JudgeWithFaults() {
    ASSIGN_OR_RETURN(const faultfs::FaultPlan plan,
                     faultfs::FaultPlan::Parse(failing_.recovery_faults));
    return RunFaultyTrial(open_, image_.image, recording_.log, obligations_, seed_, plan).violation;
  }

  const Case& failing_;
  const Opener open_;
  Recording recording_;
  CrashImage image_;
  Obligations obligations_;
  std::optional<Recovered> before_;
  uint64_t seed_ = 0;
  uint64_t trace_hash_ = 0;
};

}  // namespace

absl::StatusOr<Replayed> Replay(const Case& failing) {
  return CaseReplay(failing, OpenEngineOf).Run();
}

}  // namespace lumen::crash
