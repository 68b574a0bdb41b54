#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>

#include "client/client.h"
#include "client/exit_codes.h"
#include "client/offline/offline_commands.h"
#include "engine/base/quantity.h"

// lumen: the command line. Data on standard output, talk on standard error.
namespace lumen {
namespace {

struct Arguments {
  std::string server;
  std::string timeout = "10s";
  std::string key;
  std::string value;
};

constexpr char kFooter[] = R"(Examples:
  lumen put greeting hello        lumen put picture @cat.jpg        date | lumen put now -
  lumen get greeting
  lumen --help wal                lumen --help sst

Exit codes: 0 ok, 2 usage, 3 cannot connect, 4 server error, 5 corruption, 6 not found.)";

int Complain(const std::string& message, int exit_code) {
  std::cerr << "lumen: " << message << '\n';
  return exit_code;
}

int ExitCodeOf(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss ? kExitCorruption : kExitServerError;
}

int Complain(const absl::Status& status) {
  return Complain(
      std::string(absl::StatusCodeToString(status.code())) + ": " + std::string(status.message()),
      ExitCodeOf(status));
}

// What stands for a value: itself, "-" for standard input, "@file" for a file's content.
std::optional<std::string> ReadValue(const std::string& argument) {
  if (argument == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (!argument.starts_with('@')) return argument;
  std::ifstream file(argument.substr(1), std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad()) return std::nullopt;
  return content;
}

int PutCommand(Client& client, const Arguments& arguments) {
  const std::optional<std::string> value = ReadValue(arguments.value);
  if (!value.has_value()) return Complain("cannot read " + arguments.value.substr(1), kExitUsage);
  const absl::Status status = client.Put(arguments.key, *value);
  return status.ok() ? kExitOk : Complain(status);
}

int GetCommand(Client& client, const Arguments& arguments) {
  const auto value = client.Get(arguments.key);
  if (!value.ok()) return Complain(value.status());
  if (!value->has_value()) return Complain("not found: " + arguments.key, kExitNotFound);
  std::cout << **value;
  if (isatty(STDOUT_FILENO) != 0) std::cout << '\n';
  std::cout.flush();
  return std::cout.good() ? kExitOk : Complain("cannot write the value", kExitServerError);
}

int DeleteCommand(Client& client, const Arguments& arguments) {
  const auto existed = client.Delete(arguments.key);
  if (!existed.ok()) return Complain(existed.status());
  return *existed ? kExitOk : Complain("not found: " + arguments.key, kExitNotFound);
}

int RunOnline(const Arguments& arguments, int (*command)(Client&, const Arguments&)) {
  const auto timeout = ParseDuration(arguments.timeout);
  if (!timeout.ok()) {
    return Complain("--timeout: " + std::string(timeout.status().message()), kExitUsage);
  }
  Client client({.server = arguments.server, .timeout = *timeout});
  const absl::Status connected = client.WaitUntilConnected(*timeout);
  if (!connected.ok()) return Complain(std::string(connected.message()), kExitCannotConnect);
  return command(client, arguments);
}

CLI::App* AddOnline(CLI::App& app, const std::string& name, const std::string& description,
                    Arguments& arguments) {
  CLI::App* command = app.add_subcommand(name, description)->group("Online");
  command->add_option("KEY", arguments.key, "UTF-8, 1 byte to 64KiB")->required()->type_name("");
  command
      ->add_option("--server", arguments.server,
                   "host:port or unix:path [default 127.0.0.1:50051; env LUMEN_SERVER]")
      ->group("Connection")
      ->type_name("");
  command
      ->add_option("--timeout", arguments.timeout,
                   "Of the connection and of the call, as 500ms or 5s [default 10s]")
      ->group("Connection")
      ->type_name("");
  return command;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  const char* server = std::getenv("LUMEN_SERVER");
  arguments.server = server == nullptr ? "127.0.0.1:50051" : server;

  CLI::App app("Talks to a LumenKV server, and looks into its files.", "lumen");
  app.footer(kFooter);
  app.set_version_flag("--version", "lumen " LUMEN_VERSION);
  app.require_subcommand(1);
  CLI::App* put = AddOnline(app, "put", "Store a value", arguments);
  put->add_option("VALUE", arguments.value, "The value; - for standard input, @FILE for a file's")
      ->required()
      ->type_name("");
  CLI::App* get = AddOnline(app, "get", "Write a key's value to standard output", arguments);
  CLI::App* del = AddOnline(app, "del", "Remove a key", arguments);
  OfflineCommands offline(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (put->parsed()) return RunOnline(arguments, PutCommand);
  if (get->parsed()) return RunOnline(arguments, GetCommand);
  if (del->parsed()) return RunOnline(arguments, DeleteCommand);
  return offline.Run().value_or(kExitUsage);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) { return lumen::Main(argc, argv); }
