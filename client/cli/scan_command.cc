#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/entry_printer.h"
#include "client/cli/json.h"
#include "client/cli/long_step.h"
#include "client/cli/online_commands.h"
#include "engine/base/status.h"

// lumen scan.
namespace lumen::cli {
namespace {

struct ScanFlags {
  std::string prefix;
  std::string start;
  std::string end;
  std::string limit = "0";
  bool reverse = false;
  bool keys_only = false;
  bool count = false;
  std::string format;
};

absl::StatusOr<v1::ScanRequest> ParseScan(const ScanFlags& flags) {
  v1::ScanRequest request;
  ASSIGN_OR_RETURN(*request.mutable_prefix(), FromText(flags.prefix));
  ASSIGN_OR_RETURN(*request.mutable_start(), FromText(flags.start));
  ASSIGN_OR_RETURN(*request.mutable_end(), FromText(flags.end));
  ASSIGN_OR_RETURN(const uint64_t limit, ParseWhole(flags.limit));
  request.set_limit(limit);
  request.set_reverse(flags.reverse);
  request.set_keys_only(flags.keys_only);
  request.set_count_only(flags.count);
  return request;
}

int Count(Session& session, const v1::ScanRequest& request, const std::string& format) {
  v1::ScanResponse last;
  absl::Status scanned;
  {
    // Nothing comes before the last message, which has the count.
    const LongStep step(session.talk(), "counting", format);
    scanned = session.kv().Scan(request, [&](const v1::ScanResponse& message) {
      last = message;
      return true;
    });
  }
  if (!scanned.ok()) return session.Fail(scanned);
  const Json counted = {{"count", last.count()}, {"snapshot_sequence", last.snapshot_sequence()}};
  session.out().Write((format.starts_with("json") ? counted.dump() : std::to_string(last.count())) +
                      "\n");
  return session.Finish();
}

int Scan(Session& session, const ScanFlags& flags) {
  const auto request = ParseScan(flags);
  if (!request.ok()) return session.Refuse(std::string(request.status().message()));
  if (const auto failed = session.Connect()) return *failed;
  if (flags.count) return Count(session, *request, flags.format);
  EntryPrinter printer(flags.format, flags.keys_only, session.out());
  uint64_t printed = 0;
  const absl::Status scanned = session.kv().Scan(*request, [&](const v1::ScanResponse& message) {
    printed += static_cast<uint64_t>(message.entries_size());
    return printer.Print(message);
  });
  if (!scanned.ok()) {
    return session.Stop(scanned, absl::StrCat("interrupted after ", printed, " entries"));
  }
  printer.End();
  return session.Finish();
}

}  // namespace

void AddScanCommand(OnlineCommands& commands) {
  auto flags = std::make_shared<ScanFlags>();
  CLI::App* scan = commands.Add(commands.app(), kDataGroup,
                                {.name = "scan",
                                 .summary = "List keys and values in order, of one moment",
                                 .examples = "  lumen scan user/ --limit 10\n"
                                             "  lumen scan --start a --end b --reverse -o table\n"
                                             "  lumen scan --count"},
                                [flags](Session& session) { return Scan(session, *flags); });
  scan->add_option("PREFIX", flags->prefix,
                   absl::StrCat("Only keys that begin so: ", kBytesHelp, " [default all]"));
  const auto range = [](CLI::Option* option) { return option->group("Range"); };
  range(scan->add_option("--start", flags->start, "The first key of the range"))->type_name("KEY");
  range(scan->add_option("--end", flags->end, "The first key behind the range"))->type_name("KEY");
  range(scan->add_flag("--reverse", flags->reverse, "The last key first"));
  range(scan->add_option("--limit", flags->limit, "At most so many entries [default 0: all]"))
      ->type_name("N");
  const auto output = [](CLI::Option* option) { return option->group("Output"); };
  output(scan->add_flag("--keys-only", flags->keys_only, "Leave the values out"));
  output(scan->add_flag("--count", flags->count, "Only how many there are, however long it takes"));
  AddFormat(*scan, flags->format, "text|json|jsonl|table|raw");
}

}  // namespace lumen::cli
