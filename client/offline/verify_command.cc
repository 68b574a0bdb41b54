#include "client/offline/verify_command.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/findings.h"
#include "client/offline/ending.h"
#include "client/offline/progress.h"
#include "client/offline/wal_command.h"
#include "engine/database_inspect.h"

namespace lumen {
namespace {

using cli::Findings;
using cli::Json;
using cli::JsonOfMessage;
using cli::JsonOfText;

constexpr int kReadingsBesideAnEngine = 3;

// Nothing: the directory may not be written to, and reading is all that is needed.
struct LockState {
  std::unique_ptr<FileLock> lock;
  bool held_by_other = false;
};

LockState TryLock(FileSystem& files, const std::string& directory, cli::Talk& talk) {
  LockState state;
  const std::string path = directory + (directory.ends_with('/') ? "LOCK" : "/LOCK");
  // Without the file no engine has been there, and none is made in a directory that may be a copy.
  if (!files.Exists(path).value_or(false)) return state;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files.Lock(path, "lumen verify");
  if (lock.ok()) {
    state.lock = *std::move(lock);
  } else if (absl::IsFailedPrecondition(lock.status())) {
    state.held_by_other = true;
    talk.Complain(absl::StrCat(lock.status().message(),
                               "; files come and go while it is open: only what three readings "
                               "agree on is reported"));
  } else if (!absl::IsCancelled(lock.status())) {
    talk.Complain(absl::StrCat("not locked: ", lock.status().message()));
  }
  return state;
}

// Directories of ours that hold no part of the database: the server's checkpoints, and what repairs
// dropped.
constexpr char kCheckpoints[] = "checkpoints";
constexpr char kLost[] = "lost";

uint64_t CountCheckpoints(FileSystem& files, const std::string& directory) {
  const auto names = files.List(directory + "/" + kCheckpoints);
  if (!names.ok()) return 0;
  // One that is being made has a name that begins with a dot.
  return static_cast<uint64_t>(std::count_if(
      names->begin(), names->end(), [](const std::string& name) { return name[0] != '.'; }));
}

void ShowText(const DatabaseReport& report, uint64_t checkpoints, Findings& output) {
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
  for (const std::string& name : report.foreign) {
    if (name == kCheckpoints) {
      output.Line(absl::StrCat("checkpoints: ", checkpoints, ", not checked"));
    } else if (name == kLost) {
      output.Line("lost: kept by a repair");
    } else {
      output.Line("not ours: " + name);
    }
  }
}

void ShowRecords(const DatabaseReport& report, Findings& output) {
  RecordWalDirectory(report.wal, output);
  for (const VerifiedTable& table : report.tables) {
    output.Record({{"type", "table"},
                   {"name", table.name},
                   {"level", table.level},
                   {"bytes", table.file_bytes},
                   {"entries", table.entries},
                   {"whole", table.status.ok()},
                   {"damage", JsonOfMessage(table.status)}});
  }
}

uint64_t DamagesOf(const DatabaseReport& report) {
  uint64_t damages = report.wal.verdict.ok() ? 0 : 1;
  for (const VerifiedTable& table : report.tables) damages += table.status.ok() ? 0 : 1;
  return damages;
}

Json NamesOf(const std::vector<std::string>& names) {
  Json array = Json::array();
  for (const std::string& name : names) {
    if (name != kCheckpoints && name != kLost) array.push_back(JsonOfText(name));
  }
  return array;
}

void Summarize(const std::string& directory, const DatabaseReport& report, Findings& output) {
  const uint64_t damages = DamagesOf(report);
  output.Record({{"type", "summary"},
                 {"whole", damages == 0},
                 {"damages", damages},
                 {"damage", JsonOfMessage(report.verdict())},
                 {"torn_tail", JsonOfText(report.wal.torn_tail)},
                 {"last_sequence", report.wal.last_sequence},
                 {"next_sequence", report.wal.next_sequence},
                 {"not_needed", NamesOf(report.unnamed)},
                 {"not_ours", NamesOf(report.foreign)}});
  output.Line(damages == 0 ? absl::StrCat("whole: ", directory)
                           : absl::StrCat("DAMAGED: ", directory, ": ", damages,
                                          damages == 1 ? " finding" : " findings"));
}

}  // namespace

int VerifyDirectoryCommand(FileSystem& files, const std::string& directory,
                           const std::string& format, cli::Console& console) {
  const LockState lock = TryLock(files, directory, console.talk());
  std::optional<absl::StatusOr<DatabaseReport>> report;
  for (int i = 0; i < (lock.held_by_other ? kReadingsBesideAnEngine : 1); ++i) {
    Progress progress(console.talk(), "verifying");
    report = VerifyDatabase(files, directory,
                            [&](uint64_t done, uint64_t total) { progress.Show(done, total); });
    if (report->ok() && (*report)->verdict().ok()) break;
  }
  // A reading that was cut short may take files for missing.
  if (console.interruption().exit_code() != 0) {
    return EndEarly(console, absl::CancelledError(),
                    "interrupted; nothing is known of " + directory);
  }
  if (absl::IsNotFound(report->status())) {
    EndEarly(console, report->status());
    return kExitNotFound;
  }
  if (!report->ok()) return EndEarly(console, report->status());
  Findings output(format, console.out());
  ShowText(**report, CountCheckpoints(files, directory), output);
  ShowRecords(**report, output);
  Summarize(directory, **report, output);
  output.End();
  if (DamagesOf(**report) == 0) return console.Finish();
  const int code = EndEarly(console, (*report)->verdict());
  if (code == kExitCorruption) {
    console.talk().Complain("`lumen repair " + directory + "` says what a repair would lose");
  }
  return code;
}

}  // namespace lumen
