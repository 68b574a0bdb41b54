#include "proptests/harness/recording.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faultfs/volume.h"
#include "proptests/harness/client.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/hashing.h"

namespace lumen::crash {

std::string CheckpointDirectory(size_t number) { return absl::StrCat("/copies/", number, "/db"); }

uint64_t OperationHash(const faultfs::Operation& operation, uint64_t seed) {
  uint64_t hash = seed;
  for (const uint64_t part : {static_cast<uint64_t>(operation.kind), uint64_t{operation.inode},
                              uint64_t{operation.directory}, uint64_t{operation.to_directory},
                              uint64_t{operation.replaced}, operation.offset, operation.size,
                              static_cast<uint64_t>(operation.effect), operation.seed}) {
    hash = Combined(hash, part);
  }
  hash = HashOf(operation.to_name, HashOf(operation.name, hash));
  return operation.data != nullptr ? HashOfMuch(*operation.data, hash) : hash;
}

uint64_t TraceHash(const std::vector<faultfs::Operation>& history, uint64_t seed) {
  uint64_t hash = seed;
  for (const faultfs::Operation& operation : history) hash = OperationHash(operation, hash);
  return hash;
}

Obligations Recording::ObligationsAt(uint64_t crash_point, faultfs::Profile profile) const {
  const bool kill = profile == faultfs::Profile::kKill;
  bool lied = false;
  bool damaged = false;
  bool reverted = false;
  for (const FaultLog::Fired& fault : faults) {
    if (fault.at >= crash_point) continue;
    lied |= IsLie(fault.kind);
    damaged |= IsDamage(fault.kind);
    reverted |= fault.kind == faultfs::FaultKind::kSyncReverted;
  }
  // A sync that reverts takes from the page cache what only a process crash spares.
  const bool in_append = kill && crash_point < history.size() &&
                         history[crash_point].kind == faultfs::OperationKind::kAppend;
  const bool process_crash = kill && !reverted;
  Obligations obligations = in_append ? ObligationsDuring(log, crash_point, process_crash)
                                      : crash::ObligationsAt(log, crash_point, process_crash);
  obligations.may_refuse = damaged || (lied && !kill);
  obligations.may_lose = lied && !kill;
  if (!obligations.may_lose) {
    for (const Excuse& excuse : excuses) {
      if (excuse.begun >= crash_point || crash_point >= excuse.served) continue;
      obligations.may_lose = true;
      obligations.may_lose_to = std::min(excuse.may_lose_to, obligations.at_least);
    }
  }
  return obligations;
}

std::vector<faultfs::Operation> Recording::HarmsBefore(uint64_t crash_point) const {
  return HarmsIn(std::span(history).first(static_cast<size_t>(crash_point)));
}

bool Recording::DamagedBefore(uint64_t crash_point, faultfs::FileRole role) const {
  return std::any_of(faults.begin(), faults.end(), [&](const FaultLog::Fired& fault) {
    return fault.at < crash_point && fault.role == role && IsDamage(fault.kind);
  });
}

Recording Record(const Workload& workload, const RecordSettings& settings) {
  Recording recording;
  Client* waiting = nullptr;
  faultfs::Volume volume(faultfs::DiskImage(), {.pass_time = [&waiting](int64_t duration_ns) {
                           if (waiting != nullptr) waiting->PassTime(duration_ns);
                         }});
  recording.start = volume.start();
  std::optional<faultfs::PlannedFaults> planned;
  std::optional<FaultLog> faults;
  if (settings.plan != nullptr && !settings.plan->rules().empty()) {
    planned.emplace(*settings.plan, settings.seed);
    faults.emplace(*planned, volume, recording.faults);
    volume.SetFaults(&*faults);
  }
  {
    Client client(workload, volume, faults ? &*faults : nullptr, settings.notes, recording);
    waiting = &client;
    client.Run();
    waiting = nullptr;
  }
  volume.SetFaults(nullptr);
  if (planned) recording.fault_counts = planned->counts();
  recording.history = volume.history();
  recording.trace_hash = TraceHash(recording.history, volume.calls());
  return recording;
}

}  // namespace lumen::crash
