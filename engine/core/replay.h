#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/engine_context.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/wal_reader.h"

namespace lumen {

struct ReplayOutcome {
  WalPlan plan;
  std::vector<TableRecord> tables;  // level 0, written and synced; their names are not durable yet
  uint64_t bytes = 0;               // of frames
};

// Judges the WAL that `manifest` needs, and only if nothing durable is missing writes what it holds
// to new tables. `names`: the directory's listing. Memory: two segments and one memtable at a time.
absl::StatusOr<ReplayOutcome> ReplayWal(EngineContext& context, const ManifestState& manifest,
                                        const std::vector<std::string>& names);

}  // namespace lumen
