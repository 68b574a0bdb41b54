#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/replay.h"
#include "engine/file_system.h"
#include "engine/manifest/version_edit.h"
#include "engine/repair.h"

namespace lumen {

// A repair before it acts: the account for people, and what to do.
struct RepairWork {
  RepairPlan account;
  std::vector<std::string> names;  // in the directory, sorted
  // The tables to keep, the epoch (0: none is known), and next numbers above all that was ever
  // used.
  ManifestState state;
  // No manifest says on which levels the tables are: merge them into the last one.
  bool merge_tables = false;
  std::vector<ReplayRange> replay;
  uint64_t replay_operations = 0;
};

// Reads everything in `directory`, changes nothing. Errors: as Repair::Prepare.
absl::StatusOr<RepairWork> PlanRepair(
    FileSystem& file_system, const std::string& directory,
    const std::function<void(uint64_t done_bytes, uint64_t total_bytes)>& progress);

}  // namespace lumen
