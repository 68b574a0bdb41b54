#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/call_error.h"
#include "client/cli/batch_size.h"
#include "client/cli/bytes_text.h"
#include "client/cli/input.h"
#include "client/cli/json.h"
#include "client/cli/online_commands.h"
#include "client/cli/rate.h"
#include "client/cli/records.h"
#include "engine/base/status.h"

// lumen import.
namespace lumen::cli {
namespace {

// Of one Write: far below the server's default limits, 10,000 operations and 17 MiB, and large
// enough that the disk's sync is shared by many entries. An entry above the bytes goes alone.
constexpr size_t kMaxOperations = 2'000;
constexpr size_t kMaxBatchBytes = size_t{1} << 20;
constexpr size_t kMaxShownColumns = 60;

struct ImportFlags {
  std::string file;
  std::string from_line = "1";
  bool async = false;
  std::string format;
};

// A refusal of what a write holds, before any of it was stored: a smaller one may be taken, or one
// without the entry that is at fault. gRPC itself refuses a message far above the limits, and gives
// no reason.
bool IsRefusedForItsContent(const absl::Status& error) {
  const std::string reason = ErrorReason(error);
  if (error.code() == absl::StatusCode::kResourceExhausted) {
    return reason.empty() || reason == "LIMIT_EXCEEDED";
  }
  return reason == "FIELD_TOO_LARGE" || reason == "INVALID_FIELD";
}

size_t BytesOf(const v1::WriteRequest& request) {
  size_t bytes = 0;
  for (const v1::Operation& operation : request.operations()) {
    bytes += operation.put().key().size() + operation.put().value().size();
  }
  return bytes;
}

// Gathers lines into writes. One that the server refuses for what it holds is cut into halves,
// until the rest is taken, or the one line that is not is known.
class Importer {
 public:
  Importer(Session& session, Input& input, bool async)
      : session_(session), input_(input), rate_(session.talk(), "imported") {
    batch_.set_durability(DurabilityOf(async));
    LeaveLastWords();
  }

  // Everything from `first_line` on. The error names a line; `next_line()` is where to go on.
  absl::Status Run(uint64_t first_line) {
    for (uint64_t number = 1;; ++number) {
      ASSIGN_OR_RETURN(const auto line, ReadLine(number));
      if (!line.has_value()) return Flush(number);
      if (number < first_line) {
        next_line_ = number + 1;
        continue;
      }
      RETURN_IF_ERROR(Take(*line, number));
    }
  }

  // All lines before it are stored.
  uint64_t next_line() const { return next_line_; }
  // The failed write may have happened.
  bool in_doubt() const { return in_doubt_; }
  const Rate& rate() const { return rate_; }

 private:
  // What was read is stored even if the rest cannot be read.
  absl::StatusOr<std::optional<std::string>> ReadLine(uint64_t number) {
    auto line = input_.ReadLine();
    if (!line.ok()) RETURN_IF_ERROR(Flush(number));
    return line;
  }

  absl::Status Take(const std::string& line, uint64_t number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return absl::OkStatus();
    absl::StatusOr<v1::Operation::Put> put = ParseEntry(line);
    if (!put.ok()) {
      RETURN_IF_ERROR(Flush(number));
      return absl::InvalidArgumentError(absl::StrCat(put.status().message()));
    }
    const size_t bytes = put->key().size() + put->value().size();
    if (batch_bytes_ + bytes > size_.bytes()) RETURN_IF_ERROR(Flush(number));
    batch_bytes_ += bytes;
    *batch_.add_operations()->mutable_put() = *std::move(put);
    lines_.push_back(number);
    return lines_.size() < size_.operations() ? absl::OkStatus() : Flush(number + 1);
  }

  // Stores what came before `next_line`.
  absl::Status Flush(uint64_t next_line) {
    while (!lines_.empty()) RETURN_IF_ERROR(StoreFront(next_line));
    batch_bytes_ = 0;
    GoOnFrom(next_line);
    return absl::OkStatus();
  }

  // A write of as much as the server may take, and is not known to refuse.
  absl::Status StoreFront(uint64_t next_line) {
    v1::WriteRequest rest;
    MoveEnd(batch_, FittingOperations(), rest);
    const auto operations = static_cast<size_t>(batch_.operations_size());
    const size_t bytes = BytesOf(batch_);
    const auto response = session_.kv().Write(batch_);
    if (response.ok()) {
      size_.Accepted(operations, bytes);
      rate_.Add(operations, bytes);
      rate_.Show(input_.taken_bytes(), input_.size_bytes());
      lines_.erase(lines_.begin(), lines_.begin() + static_cast<ptrdiff_t>(operations));
      batch_.mutable_operations()->Swap(rest.mutable_operations());
      GoOnFrom(lines_.empty() ? next_line : lines_.front());
      return absl::OkStatus();
    }
    const bool refused = IsRefusedForItsContent(response.status());
    if (refused && operations > 1) {
      size_.Refused(operations, bytes);
      MoveEnd(rest, 0, batch_);
      return absl::OkStatus();
    }
    in_doubt_ = IsInDoubt(response.status());
    GoOnFrom(lines_.front());
    return refused ? WithLine(response.status()) : response.status();
  }

  // The refusal of the first line's entry, with its details.
  absl::Status WithLine(const absl::Status& refusal) const {
    const std::string key = CutText(ToText(batch_.operations(0).put().key()), kMaxShownColumns);
    absl::Status named(refusal.code(), absl::StrCat(input_.name(), ":", lines_.front(), ": ", key,
                                                    ": ", refusal.message()));
    refusal.ForEachPayload([&named](absl::string_view type, const absl::Cord& payload) {
      named.SetPayload(type, payload);
    });
    return named;
  }

  int FittingOperations() const {
    size_t bytes = 0;
    int fitting = 0;
    for (const v1::Operation& operation : batch_.operations()) {
      bytes += operation.put().key().size() + operation.put().value().size();
      const bool fits = static_cast<size_t>(fitting) < size_.operations() && bytes <= size_.bytes();
      if (!fits && fitting > 0) break;
      ++fitting;
    }
    return fitting;
  }

  // The operations from the `begin`th on, behind those of `to`.
  static void MoveEnd(v1::WriteRequest& from, int begin, v1::WriteRequest& to) {
    const int count = from.operations_size() - begin;
    std::vector<v1::Operation*> moved(static_cast<size_t>(count));
    from.mutable_operations()->ExtractSubrange(begin, count, moved.data());
    for (v1::Operation* operation : moved) to.mutable_operations()->AddAllocated(operation);
  }

  void GoOnFrom(uint64_t line) {
    next_line_ = line;
    LeaveLastWords();
  }

  // Whether later ones are is not known then.
  void LeaveLastWords() {
    session_.interruption().SetLastWords(
        absl::StrCat("interrupted; the lines before ", next_line_,
                     " are stored, later ones may be; --from-line ", next_line_, " goes on"));
  }

  Session& session_;
  Input& input_;
  v1::WriteRequest batch_;
  std::vector<uint64_t> lines_;  // of the operations in it
  size_t batch_bytes_ = 0;
  BatchSize size_{kMaxOperations, kMaxBatchBytes};
  uint64_t next_line_ = 1;
  bool in_doubt_ = false;
  Rate rate_;
};

std::string WhereToGoOn(const Importer& importer) {
  const uint64_t line = importer.next_line();
  return absl::StrCat("the lines before ", line, " are stored",
                      importer.in_doubt() ? ", later ones may be" : "", "; --from-line ", line,
                      " goes on");
}

// For programs: also where the import ended early.
std::string ImportJson(const Importer& importer, bool complete) {
  const Json object = {{"complete", complete},
                       {"entries", importer.rate().entries()},
                       {"bytes", importer.rate().bytes()},
                       {"seconds", importer.rate().Seconds()},
                       {"next_line", importer.next_line()}};
  return object.dump() + "\n";
}

int Import(Session& session, const ImportFlags& flags) {
  const auto first_line = ParseWhole(flags.from_line);
  if (!first_line.ok()) {
    return session.Refuse("--from-line: " + std::string(first_line.status().message()));
  }
  Input input(flags.file, session.interruption());
  if (const absl::Status opened = input.Open(); !opened.ok()) {
    return session.Refuse(std::string(opened.message()));
  }
  if (const auto failed = session.Connect()) return *failed;
  Importer importer(session, input, flags.async);
  const absl::Status imported = importer.Run(*first_line);
  const bool for_programs = flags.format == "json";
  if (for_programs) session.out().Write(ImportJson(importer, imported.ok()));
  if (imported.ok()) {
    if (!for_programs) session.talk().Note(importer.rate().Summary());
    return session.Finish();
  }
  const std::string where = WhereToGoOn(importer);
  // The server's refusals name the server, the others are about a line of the file.
  if (imported.code() == absl::StatusCode::kInvalidArgument && ErrorReason(imported).empty()) {
    session.out().Flush();
    return session.Refuse(absl::StrCat(input.name(), ":", importer.next_line(), ": ",
                                       imported.message(), "; ", where));
  }
  const int code = session.Stop(imported, "interrupted; " + where);
  if (session.interruption().exit_code() == 0) session.talk().Complain(where);
  return code;
}

}  // namespace

void AddImportCommand(OnlineCommands& commands) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* import = commands.Add(commands.app(), kDataGroup,
                                  {.name = "import",
                                   .summary = "Store the entries of a file, as export writes it",
                                   .examples = ""},
                                  [flags](Session& session) { return Import(session, *flags); });
  import->footer(
      R"(Each line is a JSON object {"key":"k","value":"v"}; bytes that are no UTF-8
are {"base64":"..."}. Lines are stored in order, many in one write;
storing them again changes nothing.

Examples:
  lumen import dump.jsonl
  zcat dump.jsonl.gz | lumen import - --async
  lumen import dump.jsonl --from-line 120001)");
  import->add_option("FILE", flags->file, "JSON lines; - for standard input")->required();
  import
      ->add_option("--from-line", flags->from_line,
                   "Leave out the lines before this one [default 1]")
      ->type_name("N");
  AddAsync(*import, flags->async);
  AddFormat(*import, flags->format, "text|json");
}

}  // namespace lumen::cli
