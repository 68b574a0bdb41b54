#include "client/offline/offline_commands.h"

#include <cstdio>
#include <utility>

#include "client/offline/sst_command.h"
#include "client/offline/wal_command.h"
#include "engine/posix_environment.h"

namespace lumen {
namespace {

constexpr char kGroup[] = "Offline";

}  // namespace

OfflineCommands::OfflineCommands(CLI::App& app) {
  AddWal(app);
  AddSst(app);
}

std::optional<int> OfflineCommands::Run() {
  if (!chosen_) return std::nullopt;
  PosixEnvironment posix;
  return chosen_(posix.environment());
}

CLI::App* OfflineCommands::Add(CLI::App& group, const std::string& name,
                               const std::string& description, Command command) {
  CLI::App* added = group.add_subcommand(name, description);
  added->callback([this, command = std::move(command)] { chosen_ = command; });
  return added;
}

void OfflineCommands::AddPath(CLI::App& command, const std::string& name,
                              const std::string& description) {
  command.add_option(name, path_, description)->required()->type_name("");
}

void OfflineCommands::AddWal(CLI::App& app) {
  CLI::App* wal =
      app.add_subcommand("wal", "Write-ahead log files; needs no server, changes nothing")
          ->group(kGroup)
          ->require_subcommand(1);
  AddPath(*Add(*wal, "dump", "Print every frame of a segment",
               [this](const Environment& environment) {
                 return DumpWalCommand(environment.file_system, path_, stdout, stderr);
               }),
          "FILE", "A WAL segment or a manifest");
  AddPath(*Add(*wal, "verify", "Say whether a directory would open, or a file is whole",
               [this](const Environment& environment) {
                 return VerifyWalCommand(environment.file_system, path_, stdout, stderr);
               }),
          "PATH", "A database's directory, or one of its WAL segments or manifests");
}

void OfflineCommands::AddSst(CLI::App& app) {
  CLI::App* sst = app.add_subcommand("sst", "Table files; needs no server, changes nothing")
                      ->group(kGroup)
                      ->require_subcommand(1);
  CLI::App* dump = Add(
      *sst, "dump", "Print what a table says of itself", [this](const Environment& environment) {
        return DumpTableCommand(environment.file_system, path_, entries_, stdout, stderr);
      });
  AddPath(*dump, "FILE", "A table");
  dump->add_flag("--entries", entries_, "Every key and value too");
  AddPath(*Add(*sst, "verify", "Read every byte and say whether the table is whole",
               [this](const Environment& environment) {
                 return VerifyTableCommand(environment.file_system, path_, stdout, stderr);
               }),
          "FILE", "A table");
}

}  // namespace lumen
