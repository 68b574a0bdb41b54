#include "engine/core/engine_context.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/table_check.h"

namespace lumen {
namespace {

uint64_t CacheBytes(const Options& options) {
  const uint64_t memtables =
      options.memtable_bytes * (1 + static_cast<uint64_t>(options.immutable_memtables));
  const uint64_t least = options.memory_budget_bytes / 8;
  return std::max(least,
                  options.memory_budget_bytes - std::min(options.memory_budget_bytes, memtables));
}

// What a failure of background work is to a caller who is refused because of it. The other codes of
// a file operation (ALREADY_EXISTS, NOT_FOUND, PERMISSION_DENIED) would read as an answer about the
// caller's own key.
absl::Status CauseOf(const absl::Status& error) {
  if (absl::IsResourceExhausted(error) || absl::IsDataLoss(error)) return error;
  return absl::InternalError(error.message());
}

}  // namespace

std::string CommandsThatHelp(const std::string& directory) {
  return absl::StrCat("`lumen verify ", directory,
                      "` checks everything and changes nothing, `lumen repair ", directory,
                      "` says what a repair would lose");
}

EngineContext::EngineContext(const Options& open_options, std::string open_directory,
                             const Environment& env_)
    : options(open_options),
      directory(DirectoryPath(std::move(open_directory))),
      env(env_),
      files(env_.file_system),
      background(env_),
      obsolete_files(files, background),
      cache(CacheBytes(open_options)) {}

void EngineContext::Report(EventLevel level, std::string_view message) const {
  if (options.on_event) options.on_event(level, message);
}

void EngineContext::ReportRetry(SoftWork work, std::string_view what, const absl::Status& error) {
  if (!health.ok()) return;  // nothing is tried again
  Bump(counters.background_retries);
  if (!health.SetBackground(work, CauseOf(error))) return;
  Report(EventLevel::kError,
         absl::StrCat(std::string(what), " failed and will be tried again in ",
                      options.retry_interval_ns / 1'000'000, " ms: ", error.message()));
}

void EngineContext::ReportDone(SoftWork work, std::string_view what) {
  if (!health.SetBackground(work, absl::OkStatus())) return;
  Report(EventLevel::kInfo,
         absl::StrCat("background work goes on: ", std::string(what), " has succeeded"));
}

absl::Status EngineContext::TakeLock() {
  return files.TakeLock(Path("LOCK"), options.lock_owner,
                        [this](const absl::Status& lost) { LoseDirectory(lost); });
}

void EngineContext::LoseDirectory(const absl::Status& lost) {
  const absl::Status error = absl::FailedPreconditionError(absl::StrCat(
      directory, " is no longer the directory that was opened (", lost.message(),
      "); writes are refused and nothing is made or removed there any more; stop this program"));
  if (!health.SetSticky(error)) return;
  Report(EventLevel::kError, absl::StrCat("read-only from here on: ", error.message()));
  if (options.on_read_only) options.on_read_only(error);
}

void EngineContext::TurnReadOnly(std::string_view what, const absl::Status& error) {
  if (!health.SetSticky(error)) return;
  Report(EventLevel::kError, absl::StrCat("read-only from here on: ", std::string(what),
                                          " failed where no retry can mend it: ", error.message()));
  if (options.on_read_only) options.on_read_only(error);
}

absl::StatusOr<TablePtr> EngineContext::OpenTable(const TableRecord& record) {
  const std::string name = TableFileName(record.number);
  ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, files.OpenReadFile(Path(name)));
  if (file->size() != record.summary.file_bytes) {
    return absl::DataLossError(
        absl::StrCat(Path(name), ": offset ", std::min(file->size(), record.summary.file_bytes),
                     ": the file is ", file->size(), " bytes long, but the manifest says ",
                     record.summary.file_bytes, "; ", CommandsThatHelp(directory)));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<TableReader> reader,
                   TableReader::Open(std::move(file), Path(name), record.number, cache));
  if (const absl::Status described = CheckDescribed(Path(name), reader->properties_offset(),
                                                    reader->properties(), record.summary);
      !described.ok()) {
    return absl::Status(described.code(),
                        absl::StrCat(described.message(), "; ", CommandsThatHelp(directory)));
  }
  return std::make_shared<const Table>(record, std::move(reader), [this](uint64_t number) {
    obsolete_files.Add(Path(TableFileName(number)));
  });
}

TableOptions EngineContext::TableOptionsFor(int level, int base_level) const {
  return {.block_bytes = options.block_bytes,
          .bloom_bits_per_key = options.bloom_bits_per_key,
          .lz4 = level > 0 && level - base_level >= options.lz4_from_level};
}

}  // namespace lumen
