#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/json.h"
#include "client/cli/online_commands.h"
#include "engine/base/status.h"

// lumen scan.
namespace lumen::cli {
namespace {

constexpr size_t kMaxKeyColumns = 40;
constexpr size_t kMinValueColumns = 20;
constexpr size_t kNumberColumns = 11;
constexpr size_t kGapColumns = 2;

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

// Prints entries as they come, in one of the formats. Holds one message at a time.
class EntryPrinter {
 public:
  EntryPrinter(const ScanFlags& flags, Output& out) : flags_(flags), out_(out) {}

  // False: nobody takes them any more.
  bool Print(const v1::ScanResponse& message) {
    if (flags_.format == "table" && !began_) BeginTable(message);
    for (const auto& entry : message.entries()) {
      if (!PrintEntry(entry)) return false;
    }
    // What has come is shown while the rest is on its way.
    return !out_.is_terminal() || out_.Flush();
  }
  void End() {
    if (flags_.format == "json") out_.Write(began_ ? "\n]\n" : "[]\n");
  }

 private:
  bool PrintEntry(const v1::ScanResponse::Entry& entry) {
    if (flags_.format == "json") out_.Write(began_ ? ",\n" : "[\n");
    began_ = true;
    if (flags_.format == "table") return PrintRow(entry);
    if (flags_.format == "raw") return PrintPair(entry.key(), entry.value());
    if (flags_.format == "text") return PrintPair(ToText(entry.key()), ToText(entry.value()));
    out_.Write(EntryJson(entry.key(), ValueOf(entry), entry.sequence()));
    return flags_.format != "jsonl" || out_.Write("\n");
  }

  std::optional<std::string_view> ValueOf(const v1::ScanResponse::Entry& entry) const {
    if (flags_.keys_only) return std::nullopt;
    return entry.value();
  }

  bool PrintPair(const std::string& key, const std::string& value) {
    out_.Write(key);
    if (!flags_.keys_only) out_.Write("\t");
    if (!flags_.keys_only) out_.Write(value);
    return out_.Write("\n");
  }

  // The columns are as wide as the first message needs.
  void BeginTable(const v1::ScanResponse& message) {
    key_columns_ = 3;
    for (const auto& entry : message.entries()) {
      key_columns_ = std::max(key_columns_, TextWidth(ToText(entry.key())));
    }
    key_columns_ = std::min(key_columns_, kMaxKeyColumns);
    const size_t used = key_columns_ + 3 * kGapColumns + 2 * kNumberColumns;
    value_columns_ = std::max(out_.width() > used ? out_.width() - used : 0, kMinValueColumns);
    PrintColumns("KEY", "SEQUENCE", "BYTES", "VALUE");
  }

  bool PrintRow(const v1::ScanResponse::Entry& entry) {
    return PrintColumns(ToText(entry.key()), std::to_string(entry.sequence()),
                        WithCommas(entry.value().size()), ToText(entry.value()));
  }

  bool PrintColumns(const std::string& key, const std::string& sequence, const std::string& bytes,
                    const std::string& value) {
    const std::string shown = CutText(key, key_columns_);
    out_.Write(shown + std::string(key_columns_ - TextWidth(shown), ' ') + Number(sequence));
    if (!flags_.keys_only) {
      out_.Write(Number(bytes) + std::string(kGapColumns, ' ') + CutText(value, value_columns_));
    }
    return out_.Write("\n");
  }

  // Behind a gap, to the right.
  static std::string Number(const std::string& number) {
    const size_t columns = std::max(kNumberColumns, number.size());
    return std::string(kGapColumns + columns - number.size(), ' ') + number;
  }

  const ScanFlags& flags_;
  Output& out_;
  bool began_ = false;
  size_t key_columns_ = 0;
  size_t value_columns_ = 0;
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
  const absl::Status scanned = session.kv().Scan(request, [&](const v1::ScanResponse& message) {
    last = message;
    return true;
  });
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
  EntryPrinter printer(flags, session.out());
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
  output(scan->add_flag("--count", flags->count, "Only how many there are"));
  AddFormat(*scan, flags->format, "text|json|jsonl|table|raw");
}

}  // namespace lumen::cli
