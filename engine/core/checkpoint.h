#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/core/database_state.h"
#include "engine/core/engine_context.h"
#include "engine/manifest/manifest_file.h"
#include "engine/wal/wal_segment.h"

namespace lumen {

// Builds a database beside the running one that holds what its tables hold: hard links, an empty
// WAL, a manifest with an epoch of its own, CURRENT. One file operation a call, but for the
// directories above it, which one call makes.
//
// Those are durable before anything is put there. Everything else is made in ".NAME.tmp" beside
// `target`, synced, and renamed: a crash before the rename is durable leaves no `target`, only
// empty directories above it, or a temporary one, which the next checkpoint to the same place
// removes. No target may have such a name.
class Checkpoint {
 public:
  // `state` pins the tables; what they hold is every write up to its memtables' first sequence.
  Checkpoint(EngineContext& context, ReadStatePtr state, std::string target);

  // True: `target` exists and survives power loss.
  absl::StatusOr<bool> Advance();

 private:
  enum class Stage : uint8_t {
    kCheckTarget,
    kMakeParents,
    kListLeftover,
    kRemoveLeftover,
    kCreateDirectory,
    kLink,
    kWal,
    kManifest,
    kSyncNames,
    kCurrent,
    kSyncCurrent,
    kRename,
    kSyncParent,
  };
  absl::Status ListLeftover();
  absl::Status RemoveLeftover();
  absl::Status LinkNext();
  ManifestMaker MakeManifest() const;

  EngineContext& context_;
  const ReadStatePtr state_;
  const std::string target_;
  const std::string temporary_;
  const uint64_t epoch_;
  const SequenceNumber next_sequence_;
  std::vector<TableRecord> tables_;
  uint64_t number_ = 0;  // above every table's
  Stage stage_ = Stage::kCheckTarget;
  std::vector<std::string> leftover_;
  size_t linked_ = 0;
  uint64_t failed_syncs_before_ = 0;
  WalSegmentMaker wal_;
  ManifestMaker manifest_;
  CurrentInstaller current_;
};

}  // namespace lumen
