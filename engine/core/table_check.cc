#include "engine/core/table_check.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/repair.h"
#include "engine/table/table_file.h"
#include "engine/table/table_verify.h"

namespace lumen {
namespace {

bool SameTable(const TableSummary& a, const TableSummary& b) {
  return a.file_bytes == b.file_bytes && a.file_checksum == b.file_checksum &&
         a.smallest_key == b.smallest_key && a.largest_key == b.largest_key &&
         a.smallest_sequence == b.smallest_sequence && a.largest_sequence == b.largest_sequence &&
         a.entries == b.entries && a.tombstones == b.tombstones && a.raw_bytes == b.raw_bytes;
}

absl::StatusOr<std::unique_ptr<TableFile>> OpenTable(FileSystem& file_system,
                                                     const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, file_system.OpenReadFile(path));
  return TableFile::Open(std::move(file), path);
}

}  // namespace

absl::StatusOr<TableSummary> ReadTableSummary(FileSystem& file_system, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableFile> table, OpenTable(file_system, path));
  return table->properties().summary;
}

absl::Status CheckTable(FileSystem& file_system, const std::string& directory,
                        const TableRecord& record) {
  const std::string path = directory + "/" + TableFileName(record.number);
  absl::StatusOr<std::unique_ptr<TableFile>> table = OpenTable(file_system, path);
  if (absl::IsNotFound(table.status())) {
    return absl::DataLossError(
        absl::StrCat(path, ": the manifest names this table, but it is missing"));
  }
  RETURN_IF_ERROR(table.status());
  if (!SameTable((*table)->properties().summary, record.summary)) {
    return absl::DataLossError(
        absl::StrCat(path, ": offset ", (*table)->footer().properties_offset,
                     ": is another table than the one that the manifest describes"));
  }
  return VerifyTableFile(**table);
}

std::string KeyRangeText(const std::string& smallest, const std::string& largest) {
  return absl::StrCat(QuotedKey(smallest), " to ", QuotedKey(largest));
}

}  // namespace lumen
