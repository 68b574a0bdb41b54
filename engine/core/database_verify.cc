#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/recovery.h"
#include "engine/core/table_check.h"
#include "engine/database_inspect.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

class Verifier {
 public:
  Verifier(FileSystem& files, const std::string& directory, const DirectoryProgress& progress)
      : files_(files), directory_(DirectoryPath(directory)), progress_(progress) {}

  absl::StatusOr<DatabaseReport> Run() {
    ASSIGN_OR_RETURN(names_, files_.List(directory_));
    ASSIGN_OR_RETURN(report_.wal, VerifyWalDirectory(files_, directory_));
    if (absl::IsUnimplemented(report_.wal.verdict)) return report_.wal.verdict;
    if (absl::IsNotFound(report_.wal.verdict)) RETURN_IF_ERROR(JudgeWithoutCurrent());
    for (const std::string& name : names_) {
      if (ParseFileName(name).kind == FileKind::kUnknown) report_.foreign.push_back(name);
    }
    if (std::binary_search(names_.begin(), names_.end(), report_.wal.manifest)) {
      RETURN_IF_ERROR(CheckNamedFiles());
    }
    return std::move(report_);
  }

 private:
  // An interrupted creation, a database that lost its CURRENT, or nothing at all.
  absl::Status JudgeWithoutCurrent() {
    for (const std::string& name : names_) {
      ASSIGN_OR_RETURN(const std::string evidence, EvidenceOfData(files_, directory_, name));
      if (evidence.empty()) continue;
      report_.wal.verdict = absl::DataLossError(
          absl::StrCat(directory_, "/CURRENT: is missing, but ", name, " ", evidence));
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat(directory_, ": holds no database"));
  }

  absl::Status CheckNamedFiles() {
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadWholeFile(files_, directory_ + "/" + report_.wal.manifest));
    const absl::StatusOr<ManifestState> manifest =
        ReadManifest(bytes, ParseFileName(report_.wal.manifest).number);
    if (!manifest.ok()) return absl::OkStatus();  // the WAL's verdict says so
    NoteUnnamed(*manifest);
    uint64_t total = 0;
    for (const TableRecord& table : manifest->tables) total += table.summary.file_bytes;
    uint64_t done = 0;
    for (const TableRecord& table : manifest->tables) {
      absl::Status status = CheckTable(files_, directory_, table);
      if (!status.ok() && !absl::IsDataLoss(status)) return status;
      report_.tables.push_back({.name = TableFileName(table.number),
                                .level = table.level,
                                .file_bytes = table.summary.file_bytes,
                                .entries = table.summary.entries,
                                .status = std::move(status)});
      done += table.summary.file_bytes;
      if (progress_) progress_(done, total);
    }
    return absl::OkStatus();
  }

  void NoteUnnamed(const ManifestState& manifest) {
    for (const std::string& name : names_) {
      const auto [kind, number] = ParseFileName(name);
      const bool unnamed =
          kind == FileKind::kTemporary ||
          (kind == FileKind::kManifest && number != manifest.manifest_number) ||
          (kind == FileKind::kWal && number < manifest.wal_floor) ||
          (kind == FileKind::kTable &&
           std::none_of(manifest.tables.begin(), manifest.tables.end(),
                        [n = number](const TableRecord& table) { return table.number == n; }));
      if (unnamed) report_.unnamed.push_back(name);
    }
  }

  FileSystem& files_;
  const std::string directory_;
  const DirectoryProgress& progress_;
  std::vector<std::string> names_;
  DatabaseReport report_;
};

}  // namespace

absl::Status DatabaseReport::verdict() const {
  if (!wal.verdict.ok()) return wal.verdict;
  for (const VerifiedTable& table : tables) {
    if (!table.status.ok()) return table.status;
  }
  return absl::OkStatus();
}

absl::StatusOr<DatabaseReport> VerifyDatabase(FileSystem& file_system, const std::string& directory,
                                              const DirectoryProgress& progress) {
  return Verifier(file_system, directory, progress).Run();
}

}  // namespace lumen
