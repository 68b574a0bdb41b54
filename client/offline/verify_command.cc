#include "client/offline/verify_command.h"

#include <memory>
#include <optional>
#include <utility>

#include "client/exit_codes.h"
#include "client/offline/report.h"
#include "client/offline/wal_command.h"
#include "engine/database_inspect.h"

namespace lumen {
namespace {

constexpr int kReadingsBesideAnEngine = 3;

// Nothing: the directory may not be written to, and reading is all that is needed.
struct LockState {
  std::unique_ptr<FileLock> lock;
  bool held_by_other = false;
};

LockState TryLock(FileSystem& files, const std::string& directory, std::FILE* talk) {
  LockState state;
  // Without the file no engine has been there, and none is made in a directory that may be a copy.
  if (!files.Exists(directory + "/LOCK").value_or(false)) return state;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files.Lock(directory + "/LOCK", "lumen verify");
  if (lock.ok()) {
    state.lock = *std::move(lock);
  } else if (absl::IsFailedPrecondition(lock.status())) {
    state.held_by_other = true;
    PrintLine(talk, "lumen: " + std::string(lock.status().message()) +
                        "; files come and go while it is open: only what three readings agree on "
                        "is reported");
  } else {
    PrintLine(talk, "lumen: not locked: " + std::string(lock.status().message()));
  }
  return state;
}

void ShowText(const DatabaseReport& report, Output& output) {
  for (const std::string& line : DescribeWalDirectory(report.wal)) output.Line(line);
  uint64_t bytes = 0;
  uint64_t entries = 0;
  uint64_t damaged = 0;
  for (const VerifiedTable& table : report.tables) {
    bytes += table.file_bytes;
    entries += table.entries;
    if (table.status.ok()) continue;
    ++damaged;
    output.Line("DAMAGED: " + std::string(table.status.message()));
  }
  output.Line("tables: " + std::to_string(report.tables.size()) + ", " + std::to_string(bytes) +
              " bytes, " + std::to_string(entries) + " entries, " + std::to_string(damaged) +
              " damaged");
  for (const std::string& name : report.unnamed) {
    output.Line("not needed: " + name + ": the next open deletes it");
  }
  for (const std::string& name : report.foreign) output.Line("not ours: " + name);
}

void ShowRecords(const DatabaseReport& report, Output& output) {
  RecordWalDirectory(report.wal, output);
  for (const VerifiedTable& table : report.tables) {
    output.Record(JsonObject()
                      .Add("type", "table")
                      .Add("name", table.name)
                      .Add("level", table.level)
                      .Add("bytes", table.file_bytes)
                      .Add("entries", table.entries)
                      .Add("whole", table.status.ok())
                      .Add("damage", std::string(table.status.message())));
  }
}

int Summarize(const std::string& directory, const DatabaseReport& report, Output& output,
              std::FILE* talk) {
  uint64_t damages = report.wal.verdict.ok() ? 0 : 1;
  for (const VerifiedTable& table : report.tables) damages += table.status.ok() ? 0 : 1;
  output.Record(JsonObject()
                    .Add("type", "summary")
                    .Add("whole", damages == 0)
                    .Add("damages", damages)
                    .Add("damage", std::string(report.verdict().message()))
                    .Add("torn_tail", report.wal.torn_tail)
                    .Add("last_sequence", report.wal.last_sequence)
                    .Add("next_sequence", report.wal.next_sequence)
                    .Add("not_needed", report.unnamed)
                    .Add("not_ours", report.foreign));
  if (damages == 0) {
    output.Line("whole: " + directory);
    return kExitOk;
  }
  output.Line("DAMAGED: " + directory + ": " + std::to_string(damages) +
              (damages == 1 ? " finding" : " findings"));
  Complain(report.verdict(), talk);
  PrintLine(talk, "lumen: `lumen repair " + directory + "` says what a repair would lose");
  return kExitCorruption;
}

}  // namespace

int VerifyDirectoryCommand(FileSystem& files, const std::string& directory, OutputFormat format,
                           std::FILE* out, std::FILE* talk) {
  const LockState lock = TryLock(files, directory, talk);
  std::optional<absl::StatusOr<DatabaseReport>> report;
  for (int i = 0; i < (lock.held_by_other ? kReadingsBesideAnEngine : 1); ++i) {
    Progress progress(talk, "verifying");
    report = VerifyDatabase(files, directory,
                            [&](uint64_t done, uint64_t total) { progress.Show(done, total); });
    if (report->ok() && (*report)->verdict().ok()) break;
  }
  if (absl::IsNotFound(report->status())) {
    Complain(report->status(), talk);
    return kExitNotFound;
  }
  if (!report->ok()) return Complain(report->status(), talk);
  Output output(format, out);
  ShowText(**report, output);
  ShowRecords(**report, output);
  return Summarize(directory, **report, output, talk);
}

}  // namespace lumen
