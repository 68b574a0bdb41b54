#include "proptests/harness/case_walk.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/hashing.h"

namespace lumen::crash {

absl::Status CaseWalk::Run(bool notes) {
  ASSIGN_OR_RETURN(const faultfs::FaultPlan plan, faultfs::FaultPlan::Parse(failing_.faults));
  recording_ = Record(failing_.workload, {.seed = failing_.seed, .plan = &plan, .notes = notes});
  trace_hash_ = recording_.trace_hash;
  if (recording_.violation.has_value() || failing_.crashes.empty()) return absl::OkStatus();

  const Case::Crash& first = failing_.crashes.front();
  RETURN_IF_ERROR(Crash(first, {failing_.profile, recording_.start}, recording_.history));
  obligations_ = recording_.ObligationsAt(first.point, failing_.profile);
  ExcuseTornDamage(recording_.HarmsBefore(first.point), moments_.back().image.image, recording_.log,
                   obligations_);
  for (size_t i = 1; i < failing_.crashes.size(); ++i) {
    TrialResult recovery = Recover({.keep_recovered = true, .keep_history = true});
    before_ = std::move(recovery.recovered);
    const faultfs::CrashImage& image = moments_.back().image;
    RETURN_IF_ERROR(Crash(failing_.crashes[i], {failing_.profile, image.image, image.zombies},
                          std::move(recovery.history)));
  }
  return absl::OkStatus();
}

absl::Status CaseWalk::Crash(const Case::Crash& crash, faultfs::DiskState start,
                             std::vector<faultfs::Operation> history) {
  if (crash.point > history.size()) {
    return absl::InvalidArgumentError(absl::StrCat("crash point ", crash.point,
                                                   " is beyond the history, which has ",
                                                   history.size(), " operations"));
  }
  for (uint64_t i = 0; i < crash.point; ++i) start.Apply(history[i]);
  if (crash.point < history.size()) start.Begin(history[crash.point]);
  Moment moment{.history = std::move(history), .state = std::move(start), .image = {}};
  const faultfs::DiskState& state = *moment.state;
  ASSIGN_OR_RETURN(
      moment.image,
      faultfs::CrashSpace(state, failing_.seed, state.unlinked()).Make(crash.survivors));
  const uint64_t image_hash = moment.image.image.hash();
  trace_hash_ = Combined(trace_hash_, image_hash);
  seed_ = Combined(failing_.seed, image_hash);
  moments_.push_back(std::move(moment));
  return absl::OkStatus();
}

TrialResult CaseWalk::Recover(TrialSettings settings) {
  settings.seed += seed_;
  settings.trace = true;
  TrialResult result =
      RunTrial(open_, moments_.back().image.image, recording_.log, obligations_, settings);
  trace_hash_ = Combined(trace_hash_, result.trace_hash);
  return result;
}

}  // namespace lumen::crash
