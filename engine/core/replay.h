#pragma once

#include <cstdint>
#include <functional>
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

// The front of a segment.
struct ReplayRange {
  uint64_t number = 0;
  uint64_t end = 0;  // offset behind the last frame
};

// When the names of tables become durable: by the caller's directory sync after the last of them,
// or each before the next one is created, so that a crash leaves the first few and never others.
enum class TableNames : uint8_t { kLeftToCaller, kSyncedOneByOne };

// Writes the operations of `ranges`, ascending, to new level-0 tables, each synced. `read` returns
// a segment's bytes, at least to the range's end; `expected`: the operations in them.
absl::StatusOr<std::vector<TableRecord>> WriteOutSegments(
    EngineContext& context, uint64_t epoch, const std::vector<ReplayRange>& ranges,
    uint64_t expected, TableNames names,
    const std::function<absl::StatusOr<std::string>(const ReplayRange& range)>& read);

// Judges the WAL that `manifest` needs, and only if nothing durable is missing writes what it holds
// to new tables. `names`: the directory's listing. Memory: two segments and one memtable at a time.
absl::StatusOr<ReplayOutcome> ReplayWal(EngineContext& context, const ManifestState& manifest,
                                        const std::vector<std::string>& names);

}  // namespace lumen
