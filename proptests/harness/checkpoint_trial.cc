#include "proptests/harness/checkpoint_trial.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "faultfs/volume.h"
#include "proptests/harness/engine_store.h"

namespace lumen::crash {
namespace {

std::optional<Violation> Check(const Workload& workload, const Recording& recording,
                               const Recording::Checkpoint& checkpoint,
                               const faultfs::DiskImage& image, uint64_t seed) {
  Obligations obligations = ObligationsAt(recording.log, checkpoint.asked, /*process_crash=*/false);
  // A prefix ends with a write that is not lost.
  obligations.at_least = checkpoint.least;
  while (obligations.at_least > 0 &&
         recording.log.writes()[obligations.at_least - 1].lost <= checkpoint.asked) {
    --obligations.at_least;
  }
  obligations.at_most = std::min(checkpoint.most, recording.log.writes().size());
  faultfs::Volume volume(image, {.record_history = false});
  const std::unique_ptr<faultfs::Volume::Process> process = volume.Start();
  auto violation = crash::Check(EngineOpener(workload.options(), checkpoint.directory), *process,
                                seed, recording.log, obligations, {});
  if (violation.has_value()) {
    violation->what = absl::StrCat("checkpoint ", checkpoint.directory, ": ", violation->what);
  }
  return violation;
}

}  // namespace

std::optional<Violation> CheckCheckpoints(const Workload& workload, const Recording& recording,
                                          uint64_t crash_point, const faultfs::DiskImage& image,
                                          uint64_t seed) {
  for (const Recording::Checkpoint& checkpoint : recording.checkpoints) {
    if (checkpoint.asked > crash_point) break;
    if (image.Find(checkpoint.directory) != 0) {
      if (auto violation = Check(workload, recording, checkpoint, image, seed)) return violation;
    } else if (checkpoint.answered <= crash_point) {
      return Violation{.rule = 2,
                       .what = absl::StrCat("checkpoint ", checkpoint.directory,
                                            " is not there, though it was acknowledged")};
    }
  }
  return std::nullopt;
}

}  // namespace lumen::crash
