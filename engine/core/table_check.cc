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

absl::StatusOr<std::unique_ptr<TableFile>> OpenTable(FileSystem& file_system,
                                                     const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, file_system.OpenReadFile(path));
  return TableFile::Open(std::move(file), path);
}

// The first thing that differs, such as `entries 7 instead of 8`; empty when nothing does.
std::string Difference(const TableSummary& found, const TableSummary& recorded) {
  const std::pair<const char*, uint64_t TableSummary::*> numbers[] = {
      {"bytes", &TableSummary::file_bytes},
      {"smallest sequence", &TableSummary::smallest_sequence},
      {"largest sequence", &TableSummary::largest_sequence},
      {"entries", &TableSummary::entries},
      {"tombstones", &TableSummary::tombstones},
      {"bytes of keys and values", &TableSummary::raw_bytes}};
  for (const auto& [name, field] : numbers) {
    if (found.*field == recorded.*field) continue;
    return absl::StrCat(name, " ", found.*field, " instead of ", recorded.*field);
  }
  const std::pair<const char*, std::string TableSummary::*> keys[] = {
      {"smallest key", &TableSummary::smallest_key}, {"largest key", &TableSummary::largest_key}};
  for (const auto& [name, field] : keys) {
    if (found.*field == recorded.*field) continue;
    return absl::StrCat(name, " ", QuotedKey(found.*field), " instead of ",
                        QuotedKey(recorded.*field));
  }
  if (found.file_checksum == recorded.file_checksum) return {};
  return absl::StrCat("checksum ", absl::Hex(found.file_checksum, absl::kZeroPad8), " instead of ",
                      absl::Hex(recorded.file_checksum, absl::kZeroPad8));
}

}  // namespace

absl::Status CheckDescribed(const std::string& path, uint64_t offset, const TableSummary& found,
                            const TableSummary& recorded) {
  const std::string difference = Difference(found, recorded);
  if (difference.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": offset ", offset,
                   ": is another table than the one that the manifest describes: ", difference));
}

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
  RETURN_IF_ERROR(CheckDescribed(path, (*table)->footer().properties_offset,
                                 (*table)->properties().summary, record.summary));
  return VerifyTableFile(**table);
}

std::string KeyRangeText(const std::string& smallest, const std::string& largest) {
  return absl::StrCat(QuotedKey(smallest), " to ", QuotedKey(largest));
}

}  // namespace lumen
