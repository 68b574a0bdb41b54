#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/call_error.h"
#include "client/cli/bytes_text.h"
#include "client/cli/input.h"
#include "client/cli/message_json.h"
#include "client/cli/online_commands.h"
#include "client/cli/records.h"

// lumen batch.
namespace lumen::cli {
namespace {

struct BatchFlags {
  std::string file;
  bool async = false;
  std::string format;
};

struct Batch {
  v1::WriteRequest request;
  // Of each precondition, for the answer.
  std::vector<uint64_t> condition_lines;
};

constexpr char kBatchHelp[] =
    R"(Each line is a JSON object; all take effect together, or none:
  {"put":"k","value":"v"}   {"delete":"k"}
  {"if":"k","exists":true}  {"if":"k","sequence":17}  {"if":"k","value":"v"}
Bytes that are no UTF-8 are {"base64":"..."}. The conditions are decided on the
state right before the batch, wherever they stand in it.

Examples:
)";

absl::StatusOr<Batch> ReadBatch(Input& input) {
  Batch batch;
  absl::Status opened = input.Open();
  if (!opened.ok()) return opened;
  for (uint64_t number = 1;; ++number) {
    const auto line = input.ReadLine();
    if (!line.ok()) return line.status();
    if (!line->has_value()) return batch;
    if ((*line)->find_first_not_of(" \t\r") == std::string::npos) continue;
    const absl::Status parsed = ParseBatchLine(**line, batch.request);
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(input.name(), ":", number, ": ", parsed.message()));
    }
    if (batch.request.preconditions_size() > static_cast<int>(batch.condition_lines.size())) {
      batch.condition_lines.push_back(number);
    }
  }
}

int RunBatch(Session& session, const BatchFlags& flags) {
  Input input(flags.file, session.interruption());
  absl::StatusOr<Batch> batch = ReadBatch(input);
  if (session.interruption().exit_code() != 0) return session.Fail(batch.status());
  if (!batch.ok()) return session.Refuse(std::string(batch.status().message()));
  v1::WriteRequest& request = batch->request;
  if (request.operations().empty()) {
    return session.Refuse(input.name() + ": there is no put and no delete in it");
  }
  request.set_durability(DurabilityOf(flags.async));
  if (const auto failed = session.Connect()) return *failed;
  const auto response = session.kv().Write(request);
  if (!response.ok()) {
    const int code = session.FailWrite(response.status());
    if (ErrorReason(response.status()) == "LIMIT_EXCEEDED") {
      session.talk().Complain(
          "a batch happens as a whole, so it is not cut; `lumen import` cuts what it stores");
    }
    return code;
  }
  if (flags.format == "json") session.out().Write(MessageToJson(*response, false) + "\n");
  if (response->applied()) {
    if (flags.format == "text") {
      session.out().Write(
          absl::StrCat("applied ", request.operations_size(),
                       request.operations_size() == 1 ? " operation" : " operations",
                       " at sequence ", response->sequence(), "\n"));
    }
    return session.Finish();
  }
  const auto unmet = static_cast<int>(response->unmet().index());
  if (unmet >= request.preconditions_size()) {
    return session.Fail(absl::InternalError("the server names a condition that is not there"));
  }
  return session.Answer(
      absl::StrCat("not applied: the condition in line ",
                   batch->condition_lines[static_cast<size_t>(unmet)], " does not hold: ",
                   DescribeUnmet(request.preconditions(unmet), response->unmet().current())));
}

}  // namespace

void AddBatchCommand(OnlineCommands& commands) {
  auto flags = std::make_shared<BatchFlags>();
  CLI::App* batch =
      commands.Add(commands.app(), kDataGroup,
                   {.name = "batch",
                    .summary = "Apply puts and deletes together, or none, under conditions",
                    .examples = ""},
                   [flags](Session& session) { return RunBatch(session, *flags); });
  batch->footer(std::string(kBatchHelp) +
                "  lumen batch move.jsonl\n"
                "  echo '{\"put\":\"a\",\"value\":\"1\"}' | lumen batch -\n"
                "  jq -c '{delete: .key}' old.jsonl | lumen batch - --async");
  batch->add_option("FILE", flags->file, "JSON lines; - for standard input")->required();
  AddAsync(*batch, flags->async);
  AddFormat(*batch, flags->format, "text|json");
}

}  // namespace lumen::cli
