#include "client/offline/repair_command.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/findings.h"
#include "client/offline/ending.h"
#include "client/offline/progress.h"
#include "engine/repair.h"

namespace lumen {
namespace {

using cli::Findings;
using cli::Json;
using cli::JsonOfBytes;
using cli::JsonOfText;

Json TableRecord(const RepairPlan::DroppedTable& table) {
  Json record = {{"type", "lost_table"},
                 {"name", table.name},
                 {"reason", JsonOfText(table.reason)},
                 {"known", table.known}};
  if (!table.known) return record;
  record["level"] = table.level;
  record["entries"] = table.entries;
  record["tombstones"] = table.tombstones;
  record["smallest_key"] = JsonOfBytes(table.smallest_key);
  record["largest_key"] = JsonOfBytes(table.largest_key);
  record["smallest_sequence"] = table.smallest_sequence;
  record["largest_sequence"] = table.largest_sequence;
  return record;
}

Json SegmentRecord(const RepairPlan::DroppedSegment& segment) {
  Json operations = Json::array();
  for (const RepairPlan::LostOperation& operation : segment.operations) {
    operations.push_back({{"sequence", operation.sequence},
                          {"op", operation.kind == EntryKind::kPut ? "put" : "delete"},
                          {"key", JsonOfBytes(operation.key)}});
  }
  return {{"type", "lost_segment"},
          {"name", segment.name},
          {"reason", JsonOfText(segment.reason)},
          {"from", segment.from},
          {"bytes", segment.bytes},
          {"frames", segment.frames},
          {"unreadable_operations", segment.unreadable_operations},
          {"unknown_from_sequence", segment.unknown_from},
          {"operations", std::move(operations)}};
}

// All operations, whatever the text shows: a program can leave them out by itself.
void ShowRecords(const RepairPlan& plan, Findings& output) {
  if (output.text()) return;
  for (const std::string& finding : plan.findings) {
    output.Record({{"type", "damage"}, {"text", JsonOfText(finding)}});
  }
  for (const auto& segment : plan.replayed) {
    output.Record({{"type", "kept_segment"},
                   {"name", segment.name},
                   {"end", segment.end},
                   {"frames", segment.frames},
                   {"operations", segment.operations}});
  }
  for (const auto& table : plan.dropped_tables) output.Record(TableRecord(table));
  for (const auto& segment : plan.dropped_segments) output.Record(SegmentRecord(segment));
  for (const auto& range : plan.unreadable) {
    output.Record({{"type", "lost_sequences"}, {"first", range.first}, {"last", range.last}});
  }
  for (const std::string& risk : plan.risks) {
    output.Record({{"type", "risk"}, {"text", JsonOfText(risk)}});
  }
}

void ShowSummary(const RepairPlan& plan, bool repaired, Findings& output) {
  output.Record({{"type", "summary"},
                 {"needed", plan.needed},
                 {"repaired", repaired},
                 {"loses_nothing", plan.loses_nothing()},
                 {"manifest", plan.manifest},
                 {"kept_tables", plan.kept_tables},
                 {"kept_entries", plan.kept_entries},
                 {"not_needed", plan.superseded},
                 {"torn_tail", JsonOfText(plan.torn_tail)},
                 {"set_aside_in", plan.lost_directory},
                 {"set_aside", plan.lost_files}});
}

std::string OwnerName() { return absl::StrCat("lumen repair, pid ", getpid()); }

// Whoever is told this may have been told so in the middle: docs/repair.md, what a crash leaves.
std::string Interrupted(const std::string& directory) {
  return absl::StrCat("interrupted; ", directory,
                      " is as damaged as before, or repaired; nothing that was in it is gone. To "
                      "see which, and to go on: lumen repair ",
                      directory);
}

int Act(Repair& repair, const std::string& directory, Findings& output, cli::Console& console) {
  // What is lost is said before it is.
  if (const int code = console.Finish(); code != kExitOk) return code;
  console.interruption().SetLastWords(Interrupted(directory));
  const absl::Status applied = repair.Apply();
  ShowSummary(repair.plan(), applied.ok(), output);
  output.End();
  if (!applied.ok()) {
    const int code = EndEarly(console, applied, Interrupted(directory));
    return code > kExitNotFound ? code : kExitServerError;
  }
  output.Line("repaired: " + directory);
  return console.Finish();
}

}  // namespace

int RepairCommand(const Environment& environment, const RepairArguments& arguments,
                  cli::Console& console) {
  Options options;
  options.lock_owner = OwnerName();
  absl::StatusOr<std::unique_ptr<Repair>> repair;
  {
    Progress progress(console.talk(), "reading");
    repair = Repair::Prepare(options, arguments.directory, environment,
                             [&](uint64_t done, uint64_t total) { progress.Show(done, total); });
  }
  // A reading that was cut short may take files for missing: its plan is none.
  if (console.interruption().exit_code() != 0) {
    return EndEarly(console, absl::CancelledError(), "interrupted; nothing was changed");
  }
  if (absl::IsNotFound(repair.status())) {
    EndEarly(console, repair.status());
    return kExitNotFound;
  }
  if (absl::IsFailedPrecondition(repair.status())) {
    return EndEarly(console, absl::FailedPreconditionError(absl::StrCat(
                                 repair.status().message(), "; stop the server first")));
  }
  if (!repair.ok()) return EndEarly(console, repair.status());
  const RepairPlan& plan = (*repair)->plan();
  Findings output(arguments.format, console.out());
  for (const std::string& line : DescribeRepair(plan, arguments.shown_operations)) {
    output.Line(line);
  }
  ShowRecords(plan, output);
  if (plan.needed && arguments.act) return Act(**repair, arguments.directory, output, console);
  ShowSummary(plan, false, output);
  output.End();
  if (!plan.needed) return console.Finish();
  const int code = console.Finish(kExitCorruption);
  console.talk().Complain("nothing was changed; to do this: lumen repair --yes " +
                          arguments.directory);
  return code;
}

}  // namespace lumen
