#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/fault_plan.h"
#include "faultfs/operation.h"
#include "faultfs/profile.h"
#include "proptests/harness/fault_log.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// Where the database under test lives on its volume, and where its n-th checkpoint goes.
inline constexpr char kDatabaseDirectory[] = "/db";
std::string CheckpointDirectory(size_t number);

// A workload that was run once, to its end, on a simulated volume: what happened to the disk, and
// what the clients were promised. Every crash of it is judged from this.
struct Recording {
  struct Note {
    uint64_t at = 0;  // operations in the history
    std::string text;
  };
  // Holds the state after the first `least` to `most` writes of the log, as it was when asked for.
  struct Checkpoint {
    std::string directory;
    uint64_t asked = 0;
    uint64_t answered = CommittedWrite::kNever;  // with OK
    size_t least = 0;
    size_t most = 0;
  };

  // A recovery in the workload that saw a harmed WAL, and may have lost what comes after the first
  // `may_lose_to` writes. Until it has served, a crash may leave what it made of that.
  struct Excuse {
    uint64_t begun = 0;
    uint64_t served = CommittedWrite::kNever;
    size_t may_lose_to = 0;
  };

  std::vector<faultfs::Operation> history;
  faultfs::DiskImage start;
  WriteLog log;
  std::vector<Checkpoint> checkpoints;
  std::vector<FaultLog::Fired> faults;
  std::vector<Excuse> excuses;

  // A wrong answer before any crash.
  std::optional<Violation> violation;

  std::vector<Note> notes;  // what clients asked and were answered; only when asked for
  std::map<std::string, uint64_t> coverage;       // events of the engine that happened
  std::vector<faultfs::FaultCount> fault_counts;  // by rule of the plan
  uint64_t trace_hash = 0;

  // What a crash there demands, all faults before it considered; in `kill`, one in the middle of
  // the operation there, too. Damage of the WAL does not excuse a loss here: whether it does
  // depends on the image.
  Obligations ObligationsAt(uint64_t crash_point, faultfs::Profile profile) const;
  // The damage before that, for ExcuseTornDamage.
  std::vector<faultfs::Operation> HarmsBefore(uint64_t crash_point) const;
  // Bytes of a file of that role had been damaged before.
  bool DamagedBefore(uint64_t crash_point, faultfs::FileRole role) const;
};

struct RecordSettings {
  uint64_t seed = 0;  // of the faults
  const faultfs::FaultPlan* plan = nullptr;
  bool notes = false;
};
Recording Record(const Workload& workload, const RecordSettings& settings);

// Of everything in it.
uint64_t OperationHash(const faultfs::Operation& operation, uint64_t seed);
uint64_t TraceHash(const std::vector<faultfs::Operation>& history, uint64_t seed);

}  // namespace lumen::crash
