#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/replay.h"
#include "engine/file_system.h"
#include "engine/repair.h"

namespace lumen {

inline constexpr uint64_t kSequenceJumpUnit = 4096;

// What a repair makes of the WAL segments of one directory. Only reads.
struct WalSalvage {
  std::vector<ReplayRange> replay;  // ascending
  uint64_t operations = 0;          // in them
  uint64_t kept_sequence = 0;       // the last of them
  uint64_t highest_sequence = 0;    // that any frame had, whether it is replayed or not
};

struct WalQuestion {
  std::string directory;
  std::vector<uint64_t> segments = {};  // ascending; those that may count
  uint64_t epoch = 0;
  // Where the chain begins, as the manifest says. Empty: no manifest can be read.
  std::optional<uint64_t> floor = {};
  uint64_t floor_first_sequence = 0;
  // The largest sequence in the tables that are kept.
  uint64_t tables_reach = 0;
};

// Keeps the longest front of the commit order that can be read: follows the chain of segments up to
// the first frame that is damaged or missing. All that lies behind is listed in `plan`
// (replayed, dropped_segments, unreadable, superseded, risks, lost_files) operation by operation.
//
// Without a floor the chain begins where tables end: at the last unbroken run of segments that
// begins in what the tables hold already. Where none does, the next run is taken if nothing damaged
// lies before it and if the gap is one that an open after a crash leaves: it skips as many
// sequences as a segment has bytes, which is a multiple of kSequenceJumpUnit.
absl::StatusOr<WalSalvage> SalvageWal(FileSystem& file_system, const WalQuestion& question,
                                      RepairPlan& plan);

}  // namespace lumen
