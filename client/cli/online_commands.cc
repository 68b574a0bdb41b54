#include "client/cli/online_commands.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"

namespace lumen::cli {
namespace {

constexpr char kDefaultServer[] = "127.0.0.1:50051";
constexpr char kTimeoutHelp[] = "Of connecting, and of each answer: 500ms, 5s, 2m [default 10s]";
constexpr char kLongTimeoutHelp[] =
    "Of connecting [default 10s], and of the answer [default no limit]: 500ms, 5s, 2m";

}  // namespace

OnlineCommands::OnlineCommands(CLI::App& app) : app_(app) {
  const char* server = std::getenv("LUMEN_SERVER");
  connection_.server = server == nullptr ? kDefaultServer : server;
  AddKvCommands(*this);
  AddScanCommand(*this);
  AddBatchCommand(*this);
  AddImportCommand(*this);
  AddExportCommand(*this);
  AddHealthAndStatus(*this);
  AddAdminCommands(*this);
}

std::optional<int> OnlineCommands::Run() {
  if (!chosen_) return std::nullopt;
  Session session(connection_);
  return chosen_(session);
}

CLI::App* OnlineCommands::Add(CLI::App& parent, const std::string& group,
                              const Description& description, Command command) {
  CLI::App* added = parent.add_subcommand(description.name, description.summary)->group(group);
  added->footer("Examples:\n" + description.examples);
  added
      ->add_option(
          "--server", connection_.server,
          absl::StrCat("host:port or unix:path [default ", kDefaultServer, "; env LUMEN_SERVER]"))
      ->group("Connection")
      ->type_name("ADDRESS");
  added
      ->add_option("--timeout", connection_.timeout,
                   description.takes_its_time ? kLongTimeoutHelp : kTimeoutHelp)
      ->group("Connection")
      ->type_name("TIME");
  added->callback([this, command = std::move(command)] { chosen_ = command; });
  return added;
}

void AddAsync(CLI::App& command, bool& async) {
  command
      .add_flag("--async", async,
                "Answer before the disk has it: survives a crash of the server, not a power loss")
      ->group("Writing");
}

v1::Durability DurabilityOf(bool async) {
  return async ? v1::DURABILITY_ASYNC : v1::DURABILITY_SYNC;
}

std::string DescribeUnmet(const v1::Precondition& condition, const v1::GetResponse& current) {
  const std::string key = ToText(condition.key());
  if (!current.found()) return absl::StrCat("there is no ", key);
  std::string described =
      absl::StrCat(key, " exists, last written at sequence ", current.sequence());
  if (condition.has_value_equals()) absl::StrAppend(&described, ", with another value");
  return described;
}

}  // namespace lumen::cli
