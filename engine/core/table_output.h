#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/core/engine_context.h"
#include "engine/manifest/version_edit.h"
#include "engine/table/table.h"

namespace lumen {

// One table on its way to the disk: Create, Add..., Finish, Sync. Its name is durable only after a
// SyncDirectory, and nothing names it before an edit does; whatever fails before, it is discarded
// and the work done again under a new number. Not thread-safe.
class TableOutput {
 public:
  static absl::StatusOr<std::unique_ptr<TableOutput>> Create(EngineContext& context,
                                                             const TableOptions& options);

  absl::Status Add(const Entry& entry) { return builder_.Add(entry); }
  absl::Status Finish();
  absl::Status Sync() { return file_->Sync(); }

  uint64_t estimated_bytes() const { return builder_.estimated_bytes(); }
  uint64_t entry_count() const { return builder_.entry_count(); }
  // After Finish.
  TableRecord record(int level) const { return {level, number_, summary_}; }
  std::string path() const;

 private:
  TableOutput(EngineContext& context, uint64_t number, std::unique_ptr<LogFile> file,
              const TableOptions& options);

  EngineContext& context_;
  const uint64_t number_;
  std::unique_ptr<LogFile> file_;
  TableBuilder builder_;
  TableSummary summary_;
};

}  // namespace lumen
