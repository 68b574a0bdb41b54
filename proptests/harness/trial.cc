#include "proptests/harness/trial.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faultfs/volume.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/engine_store.h"
#include "proptests/harness/fault_log.h"
#include "proptests/oracle/diagnosis.h"

namespace lumen::crash {
namespace {

// Calls of one trial; the largest recovery needs some thousands. From then on every call fails, so
// that one which would go on for ever ends, and nobody takes what it said for an answer.
constexpr uint64_t kMostCalls = 1'000'000;

Violation Hung() {
  return {.rule = kHung,
          .what = absl::StrCat("the recovery hangs: ", kMostCalls, " file system calls")};
}

bool DamagedAtRest(const std::vector<FaultLog::Fired>& fired) {
  return std::any_of(fired.begin(), fired.end(),
                     [](const FaultLog::Fired& fault) { return IsDamage(fault.kind); });
}

// "sector-garbage on open in "/db/00000001.wal" amount 8"; where there are more rules, the first.
std::string ShownPlan(const faultfs::FaultPlan& plan) {
  const std::string text = plan.ToString();
  const std::string first = text.substr(0, text.find('\n'));
  const size_t rules = plan.rules().size();
  return rules < 2 ? first : absl::StrCat(first, " (the first of ", rules, " rules)");
}

}  // namespace

Opener OpenEngineOf(const Workload& workload) {
  return EngineOpener(workload.options(), kDatabaseDirectory);
}

TrialResult RunTrial(const Opener& open, const faultfs::DiskImage& image, const WriteLog& log,
                     const Obligations& obligations, const TrialSettings& settings) {
  TrialResult result;
  faultfs::Volume volume(
      image, {.record_history = settings.keep_history || settings.trace, .most_calls = kMostCalls});
  size_t ready = 0;
  bool first = true;
  const Opener watched = [&](FileSystem& files, uint64_t seed) {
    absl::StatusOr<std::unique_ptr<Store>> store = open(files, seed);
    if (std::exchange(first, false)) {
      ready = volume.history().size();
      result.refused = !store.ok();
    }
    return store;
  };
  {
    const std::unique_ptr<faultfs::Volume::Process> process = volume.Start();
    result.violation =
        Check(watched, *process, settings.seed, log, obligations, {.exercise = settings.exercise},
              settings.keep_recovered ? &result.recovered : nullptr);
  }
  if (volume.calls() > kMostCalls) result.violation = Hung();
  const std::vector<faultfs::Operation>& history = volume.history();
  if (settings.keep_history) {
    result.history.assign(history.begin(), history.begin() + static_cast<ptrdiff_t>(ready));
  }
  if (settings.trace) result.trace_hash = TraceHash(history, volume.calls());
  return result;
}

FaultyTrialResult RunFaultyTrial(const Opener& open, const faultfs::DiskImage& image,
                                 const WriteLog& log, Obligations obligations, uint64_t seed,
                                 const faultfs::FaultPlan& plan) {
  FaultyTrialResult result;
  faultfs::Volume volume(image, {.most_calls = kMostCalls});
  faultfs::PlannedFaults planned(plan, seed);
  std::vector<FaultLog::Fired> fired;
  FaultLog faults(planned, volume, fired);
  volume.SetFaults(&faults);
  {
    const std::unique_ptr<faultfs::Volume::Process> process = volume.Start();
    absl::StatusOr<std::unique_ptr<Store>> store = open(*process, seed);
    Content content;
    absl::Status scanned = store.status();
    if (store.ok()) {
      scanned = (*store)->Scan(false, [&](std::string_view key, std::string_view value) {
        content.emplace_back(key, value);
      });
    }
    const std::vector<faultfs::Operation> harms = HarmsIn(volume.history(), volume.stale_reads());
    ExcuseTornDamage(harms, WithHarms(image, harms), log, obligations);
    // What was only read wrongly is right on the disk, so that the next recovery has to open.
    obligations.may_refuse |= DamagedAtRest(fired);
    const auto recognised =
        scanned.ok() ? Recognise(log, obligations, content) : std::optional<Recovered>();
    if (scanned.ok() && !recognised.has_value()) {
      result.violation = Violation{
          .rule = 2,
          .what = absl::StrCat("a recovery that met ", ShownPlan(plan),
                               " opens and serves what is no state after a prefix that is allowed"),
          .expected = ShownAllowed(log, obligations),
          .got = ShownContent(content)};
    } else if (!scanned.ok() && fired.empty() && !obligations.may_refuse) {
      result.violation =
          Violation{.rule = 1,
                    .what = absl::StrCat("a recovery fails without a fault: ", scanned.ToString())};
    }
    process->Kill();
  }
  result.counts = planned.counts();
  volume.SetFaults(nullptr);
  if (volume.calls() > kMostCalls) result.violation = Hung();
  if (result.violation.has_value()) return result;
  const std::unique_ptr<faultfs::Volume::Process> process = volume.Start();
  result.violation = Check(open, *process, seed + 1, log, obligations, {});
  if (volume.calls() > kMostCalls) result.violation = Hung();
  return result;
}

}  // namespace lumen::crash
