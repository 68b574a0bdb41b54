#include "client/offline/repair_command.h"

#include <unistd.h>

#include <limits>
#include <memory>
#include <vector>

#include "client/exit_codes.h"
#include "client/offline/report.h"
#include "engine/repair.h"

namespace lumen {
namespace {

JsonObject OperationRecord(const RepairPlan::LostOperation& operation) {
  JsonObject record;
  record.Add("sequence", operation.sequence)
      .Add("op", operation.kind == EntryKind::kPut ? "put" : "delete")
      .AddBytes("key", operation.key);
  return record;
}

// All operations, whatever the text shows: a program can leave them out by itself.
void ShowRecords(const RepairPlan& plan, Output& output) {
  for (const std::string& finding : plan.findings) {
    output.Record(JsonObject().Add("type", "damage").Add("text", finding));
  }
  for (const auto& segment : plan.replayed) {
    output.Record(JsonObject()
                      .Add("type", "kept_segment")
                      .Add("name", segment.name)
                      .Add("end", segment.end)
                      .Add("frames", segment.frames)
                      .Add("operations", segment.operations));
  }
  for (const auto& table : plan.dropped_tables) {
    JsonObject record;
    record.Add("type", "lost_table")
        .Add("name", table.name)
        .Add("reason", table.reason)
        .Add("known", table.known);
    if (table.known) {
      record.Add("level", table.level)
          .Add("entries", table.entries)
          .Add("tombstones", table.tombstones)
          .AddBytes("smallest_key", table.smallest_key)
          .AddBytes("largest_key", table.largest_key)
          .Add("smallest_sequence", table.smallest_sequence)
          .Add("largest_sequence", table.largest_sequence);
    }
    output.Record(record);
  }
  for (const auto& segment : plan.dropped_segments) {
    std::vector<JsonObject> operations;
    for (const auto& operation : segment.operations) {
      operations.push_back(OperationRecord(operation));
    }
    output.Record(JsonObject()
                      .Add("type", "lost_segment")
                      .Add("name", segment.name)
                      .Add("reason", segment.reason)
                      .Add("from", segment.from)
                      .Add("bytes", segment.bytes)
                      .Add("frames", segment.frames)
                      .Add("unreadable_operations", segment.unreadable_operations)
                      .Add("operations", operations));
  }
  for (const auto& range : plan.unreadable) {
    output.Record(JsonObject()
                      .Add("type", "lost_sequences")
                      .Add("first", range.first)
                      .Add("last", range.last));
  }
  for (const std::string& risk : plan.risks) {
    output.Record(JsonObject().Add("type", "risk").Add("text", risk));
  }
}

void ShowSummary(const RepairPlan& plan, bool repaired, Output& output) {
  output.Record(JsonObject()
                    .Add("type", "summary")
                    .Add("needed", plan.needed)
                    .Add("repaired", repaired)
                    .Add("loses_nothing", plan.loses_nothing())
                    .Add("manifest", plan.manifest)
                    .Add("kept_tables", plan.kept_tables)
                    .Add("kept_entries", plan.kept_entries)
                    .Add("not_needed", plan.superseded)
                    .Add("torn_tail", plan.torn_tail)
                    .Add("set_aside_in", plan.lost_directory)
                    .Add("set_aside", plan.lost_files));
}

std::string OwnerName() { return "lumen repair, pid " + std::to_string(getpid()); }

}  // namespace

int RepairCommand(const Environment& environment, const RepairArguments& arguments, std::FILE* out,
                  std::FILE* talk) {
  Options options;
  options.lock_owner = OwnerName();
  absl::StatusOr<std::unique_ptr<Repair>> repair;
  {
    Progress progress(talk, "reading");
    repair = Repair::Prepare(options, arguments.directory, environment,
                             [&](uint64_t done, uint64_t total) { progress.Show(done, total); });
  }
  if (absl::IsNotFound(repair.status())) {
    Complain(repair.status(), talk);
    return kExitNotFound;
  }
  if (!repair.ok()) return Complain(repair.status(), talk);
  const RepairPlan& plan = (*repair)->plan();
  Output output(arguments.format, out);
  for (const std::string& line : DescribeRepair(plan, arguments.shown_operations)) {
    output.Line(line);
  }
  ShowRecords(plan, output);
  if (!plan.needed || !arguments.act) {
    ShowSummary(plan, false, output);
    if (!plan.needed) return kExitOk;
    PrintLine(talk,
              "lumen: nothing was changed; to do this: lumen repair --yes " + arguments.directory);
    return kExitCorruption;
  }
  std::fflush(out);  // what is lost is said before it is
  const absl::Status applied = (*repair)->Apply();
  ShowSummary(plan, applied.ok(), output);
  if (!applied.ok()) {
    Complain(applied, talk);
    return kExitServerError;
  }
  output.Line("repaired: " + arguments.directory);
  return kExitOk;
}

}  // namespace lumen
