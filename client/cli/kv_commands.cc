#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/entry_printer.h"
#include "client/cli/input.h"
#include "client/cli/json.h"
#include "client/cli/message_json.h"
#include "client/cli/online_commands.h"
#include "engine/base/status.h"

// lumen put, get, del.
namespace lumen::cli {
namespace {

struct ConditionFlags {
  bool absent = false;
  bool present = false;
  std::optional<std::string> sequence;
  std::optional<std::string> value;
};

struct PutFlags {
  std::string key;
  std::string value;
  bool async = false;
  ConditionFlags conditions;
  std::string format;
};

struct GetFlags {
  std::string key;
  std::string format;
};

struct DeleteFlags {
  std::string key;
  bool async = false;
  ConditionFlags conditions;
  std::string format;
};

void AddKey(CLI::App& command, std::string& key) {
  command.add_option("KEY", key, absl::StrCat("The key: ", kBytesHelp))->required();
}

void AddConditions(CLI::App& command, ConditionFlags& flags) {
  const auto group = [](CLI::Option* option) { return option->group("Conditions"); };
  group(command.add_flag("--if-absent", flags.absent, "Only if the key has no value"));
  group(command.add_flag("--if-present", flags.present, "Only if the key has a value"));
  group(command.add_option("--if-sequence", flags.sequence,
                           "Only if the write with this sequence stored the key's value"))
      ->type_name("N");
  group(command.add_option("--if-value", flags.value,
                           absl::StrCat("Only if the key has this value: ", kBytesHelp)))
      ->type_name("VALUE");
}

// What stands for a value: itself, "-" for standard input, "@file" for a file's content.
absl::StatusOr<std::string> ReadValue(const std::string& argument,
                                      const Interruption& interruption) {
  if (argument.starts_with("@@")) return argument.substr(1);
  if (argument != "-" && !argument.starts_with('@')) return FromText(argument);
  Input input(argument == "-" ? argument : argument.substr(1), interruption);
  RETURN_IF_ERROR(input.Open());
  return input.ReadAll();
}

// Empty: none was asked for.
absl::StatusOr<std::optional<v1::Precondition>> ParseConditions(const ConditionFlags& flags,
                                                                const std::string& key) {
  const int given = (flags.absent ? 1 : 0) + (flags.present ? 1 : 0) +
                    (flags.sequence.has_value() ? 1 : 0) + (flags.value.has_value() ? 1 : 0);
  if (given == 0) return std::nullopt;
  if (given > 1) {
    return absl::InvalidArgumentError("one condition at a time; `lumen batch` takes several");
  }
  v1::Precondition condition;
  condition.set_key(key);
  if (flags.absent || flags.present) condition.set_exists(flags.present);
  if (flags.sequence.has_value()) {
    ASSIGN_OR_RETURN(const uint64_t sequence, ParseWhole(*flags.sequence));
    condition.set_last_written_at(sequence);
  }
  if (flags.value.has_value()) {
    ASSIGN_OR_RETURN(*condition.mutable_value_equals(), FromText(*flags.value));
  }
  return condition;
}

// A write of one operation, under a condition.
int WriteConditionally(Session& session, v1::Operation operation, const v1::Precondition& condition,
                       bool async, const std::string& format) {
  v1::WriteRequest request;
  *request.add_operations() = std::move(operation);
  *request.add_preconditions() = condition;
  request.set_durability(DurabilityOf(async));
  const auto response = session.kv().Write(request);
  if (!response.ok()) return session.FailWrite(response.status());
  if (format == "json") session.out().Write(MessageToJson(*response, false) + "\n");
  if (response->applied()) return session.Finish();
  return session.Answer("not applied: " + DescribeUnmet(condition, response->unmet().current()));
}

int NotFound(Session& session, const std::string& key) {
  session.talk().Complain("not found: " + ToText(key));
  return session.Finish(kExitNotFound);
}

int Put(Session& session, const PutFlags& flags) {
  v1::PutRequest request;
  const auto key = FromText(flags.key);
  if (!key.ok()) return session.Refuse("KEY: " + std::string(key.status().message()));
  const auto condition = ParseConditions(flags.conditions, *key);
  if (!condition.ok()) return session.Refuse(std::string(condition.status().message()));
  auto value = ReadValue(flags.value, session.interruption());
  if (session.interruption().exit_code() != 0) return session.Fail(value.status());
  if (!value.ok()) return session.Refuse("VALUE: " + std::string(value.status().message()));
  if (const auto failed = session.Connect()) return *failed;
  if (condition->has_value()) {
    v1::Operation operation;
    operation.mutable_put()->set_key(*key);
    operation.mutable_put()->set_value(*std::move(value));
    return WriteConditionally(session, std::move(operation), **condition, flags.async,
                              flags.format);
  }
  request.set_key(*key);
  request.set_value(*std::move(value));
  request.set_durability(DurabilityOf(flags.async));
  const auto response = session.kv().Put(request);
  if (!response.ok()) return session.FailWrite(response.status());
  if (flags.format == "json") session.out().Write(MessageToJson(*response, false) + "\n");
  return session.Finish();
}

void PrintTable(Session& session, const std::string& key, const v1::GetResponse& found) {
  v1::ScanResponse message;
  v1::ScanResponse::Entry& entry = *message.add_entries();
  entry.set_key(key);
  entry.set_value(found.value());
  entry.set_sequence(found.sequence());
  EntryPrinter printer("table", /*keys_only=*/false, session.out());
  printer.Print(message);
  printer.End();
}

int Get(Session& session, const GetFlags& flags) {
  v1::GetRequest request;
  const auto key = FromText(flags.key);
  if (!key.ok()) return session.Refuse("KEY: " + std::string(key.status().message()));
  if (const auto failed = session.Connect()) return *failed;
  request.set_key(*key);
  const auto response = session.kv().Get(request);
  if (!response.ok()) return session.Fail(response.status());
  if (!response->found()) return NotFound(session, *key);
  if (flags.format == "raw") {
    session.out().Write(response->value());
    if (session.out().is_terminal()) session.out().Write("\n");
  } else if (flags.format == "text") {
    session.out().Write(ToText(response->value()) + "\n");
  } else if (flags.format == "table") {
    PrintTable(session, *key, *response);
  } else {
    session.out().Write(EntryJson(*key, response->value(), response->sequence()) + "\n");
  }
  return session.Finish();
}

int Delete(Session& session, const DeleteFlags& flags) {
  const auto key = FromText(flags.key);
  if (!key.ok()) return session.Refuse("KEY: " + std::string(key.status().message()));
  const auto condition = ParseConditions(flags.conditions, *key);
  if (!condition.ok()) return session.Refuse(std::string(condition.status().message()));
  if (const auto failed = session.Connect()) return *failed;
  if (condition->has_value()) {
    v1::Operation operation;
    operation.mutable_delete_()->set_key(*key);
    return WriteConditionally(session, std::move(operation), **condition, flags.async,
                              flags.format);
  }
  v1::DeleteRequest request;
  request.set_key(*key);
  request.set_durability(DurabilityOf(flags.async));
  const auto response = session.kv().Delete(request);
  if (!response.ok()) return session.FailWrite(response.status());
  if (flags.format == "json") session.out().Write(MessageToJson(*response, false) + "\n");
  return response->existed() ? session.Finish() : NotFound(session, *key);
}

void AddPut(OnlineCommands& commands) {
  auto flags = std::make_shared<PutFlags>();
  CLI::App* put = commands.Add(commands.app(), kDataGroup,
                               {.name = "put",
                                .summary = "Store a value",
                                .examples = "  lumen put greeting hello\n"
                                            "  lumen put picture @cat.jpg\n"
                                            "  date | lumen put job/last-run - --if-absent"},
                               [flags](Session& session) { return Put(session, *flags); });
  AddKey(*put, flags->key);
  put->add_option("VALUE", flags->value,
                  absl::StrCat("The value: ", kBytesHelp,
                               "; - for standard input; @FILE for a "
                               "file's content, @@... for text that begins with @"))
      ->required();
  AddConditions(*put, flags->conditions);
  AddAsync(*put, flags->async);
  AddFormat(*put, flags->format, "text|json");
}

void AddGet(OnlineCommands& commands) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* get = commands.Add(commands.app(), kDataGroup,
                               {.name = "get",
                                .summary = "Write a key's value to standard output",
                                .examples = "  lumen get greeting\n"
                                            "  lumen get picture > cat.jpg\n"
                                            "  lumen get base64:AAH/ -o json"},
                               [flags](Session& session) { return Get(session, *flags); });
  AddKey(*get, flags->key);
  AddFormat(*get, flags->format, "raw|text|json|jsonl|table");
}

void AddDelete(OnlineCommands& commands) {
  auto flags = std::make_shared<DeleteFlags>();
  CLI::App* del = commands.Add(commands.app(), kDataGroup,
                               {.name = "del",
                                .summary = "Remove a key",
                                .examples = "  lumen del greeting\n"
                                            "  lumen del lock/job --if-value worker-7\n"
                                            "  lumen del counter --if-sequence 4711"},
                               [flags](Session& session) { return Delete(session, *flags); });
  AddKey(*del, flags->key);
  AddConditions(*del, flags->conditions);
  AddAsync(*del, flags->async);
  AddFormat(*del, flags->format, "text|json");
}

}  // namespace

void AddKvCommands(OnlineCommands& commands) {
  AddPut(commands);
  AddGet(commands);
  AddDelete(commands);
}

}  // namespace lumen::cli
