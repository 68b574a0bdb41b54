#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/call_error.h"
#include "client/cli/bytes_text.h"
#include "client/cli/input.h"
#include "client/cli/online_commands.h"
#include "client/cli/rate.h"
#include "client/cli/records.h"
#include "engine/base/status.h"

// lumen import.
namespace lumen::cli {
namespace {

// Of one Write: far below the server's 10,000 operations and 17 MiB, and large enough that the
// disk's sync is shared by many entries. An entry above the bytes goes alone.
constexpr int kMaxOperations = 2'000;
constexpr size_t kMaxBatchBytes = size_t{1} << 20;

struct ImportFlags {
  std::string file;
  std::string from_line = "1";
  bool async = false;
};

// Gathers lines into writes.
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
    if (batch_bytes_ + bytes > kMaxBatchBytes) RETURN_IF_ERROR(Flush(number));
    batch_bytes_ += bytes;
    *batch_.add_operations()->mutable_put() = *std::move(put);
    return batch_.operations_size() < kMaxOperations ? absl::OkStatus() : Flush(number + 1);
  }

  // Stores what came before `next_line`.
  absl::Status Flush(uint64_t next_line) {
    if (!batch_.operations().empty()) {
      const auto response = session_.kv().Write(batch_);
      if (!response.ok()) {
        in_doubt_ = IsInDoubt(response.status());
        return response.status();
      }
      rate_.Add(static_cast<uint64_t>(batch_.operations_size()), batch_bytes_);
      rate_.Show(input_.taken_bytes(), input_.size_bytes());
    }
    batch_.clear_operations();
    batch_bytes_ = 0;
    next_line_ = next_line;
    LeaveLastWords();
    return absl::OkStatus();
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
  size_t batch_bytes_ = 0;
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
  if (imported.ok()) {
    session.talk().Note(importer.rate().Summary());
    return session.Finish();
  }
  const std::string where = WhereToGoOn(importer);
  // The server's refusals name the server, the others are about a line of the file.
  if (imported.code() == absl::StatusCode::kInvalidArgument && ErrorReason(imported).empty()) {
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
}

}  // namespace lumen::cli
