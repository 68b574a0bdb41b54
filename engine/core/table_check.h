#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "engine/file_system.h"
#include "engine/manifest/version_edit.h"
#include "engine/table/table_summary.h"

namespace lumen {

// What the table says of itself: its properties, with all but the data blocks verified.
absl::StatusOr<TableSummary> ReadTableSummary(FileSystem& file_system, const std::string& path);

// Reads every byte of the table in `directory` that a manifest records. DATA_LOSS: it is missing,
// is another table than the record says, or is damaged.
absl::Status CheckTable(FileSystem& file_system, const std::string& directory,
                        const TableRecord& record);

// DATA_LOSS naming file, offset and what differs unless `found`, which the table at `path` says of
// itself at `offset`, is what a manifest records of it.
absl::Status CheckDescribed(const std::string& path, uint64_t offset, const TableSummary& found,
                            const TableSummary& recorded);

// What a key range is in messages, such as `"a" to "c"`.
std::string KeyRangeText(const std::string& smallest, const std::string& largest);

}  // namespace lumen
