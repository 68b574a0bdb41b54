#include "client/offline/offline_commands.h"

#include <cstdint>
#include <utility>

#include "client/cli/format_flag.h"
#include "client/offline/import_legacy_command.h"
#include "client/offline/sst_command.h"
#include "client/offline/stoppable_file_system.h"
#include "client/offline/verify_command.h"
#include "client/offline/wal_command.h"
#include "engine/posix_environment.h"

namespace lumen {
namespace {

constexpr char kGroup[] = "Offline";

constexpr char kVerifyHelp[] =
    R"(Beside a running server it says so, and reports only what three readings agree on.

Examples:
  lumen verify ./data
  lumen verify -o jsonl ./data | jq 'select(.type == "table" and .whole == false)'
  lumen verify ./backup && echo whole

Exit codes: 0 whole, 2 usage, 4 a file cannot be read, 5 damage, 6 no database.)";

constexpr char kRepairHelp[] =
    R"(Without --yes it changes nothing. What is dropped is kept in DIR/lost.
docs/repair.md says what a repair does and what it can lose.

Examples:
  lumen repair ./data                    what would be lost
  lumen repair --operations 0 ./data     without listing each operation
  lumen repair --yes ./data              do it

Exit codes: 0 nothing to repair or repaired, 2 usage, 4 failed or a server has it open,
5 damage and nothing was changed, 6 no database.)";

constexpr char kWalHelp[] = R"(Examples:
  lumen wal verify ./data
  lumen wal dump ./data/00000012.wal
  lumen wal dump -o jsonl ./data/00000012.wal | jq .first_sequence)";

constexpr char kManifestHelp[] = R"(Examples:
  lumen manifest dump ./data/MANIFEST-9
  lumen manifest dump -o jsonl ./data/MANIFEST-9
  lumen wal verify ./data/MANIFEST-9)";

constexpr char kTableHelp[] = R"(Examples:
  lumen sst verify ./data/00000012.sst
  lumen sst dump ./data/00000012.sst
  lumen sst dump --entries -o jsonl ./data/00000012.sst)";

constexpr char kDumpWalHelp[] = R"(Examples:
  lumen wal dump ./data/00000012.wal
  lumen wal dump ./data/00000012.wal | grep '"greeting"'
  lumen wal dump -o jsonl ./data/00000012.wal | jq .first_sequence

Exit codes: 0 ok, 2 usage, 4 the file cannot be read, 5 damage.)";

constexpr char kVerifyWalHelp[] = R"(`lumen verify` checks the tables as well.

Examples:
  lumen wal verify ./data
  lumen wal verify ./data/00000012.wal
  lumen wal verify ./data/MANIFEST-9

Exit codes: 0 it would open, 2 usage, 4 a file cannot be read, 5 damage.)";

constexpr char kDumpManifestHelp[] = R"help(Examples:
  lumen manifest dump ./data/MANIFEST-9
  lumen manifest dump "./data/$(cut -d' ' -f1 ./data/CURRENT)"
  lumen manifest dump -o jsonl ./data/MANIFEST-9 | jq -r '.contents[]?'

Exit codes: 0 ok, 2 usage, 4 the file cannot be read, 5 damage.)help";

constexpr char kDumpTableHelp[] = R"(Examples:
  lumen sst dump ./data/00000012.sst
  lumen sst dump --entries ./data/00000012.sst
  lumen sst dump --entries -o jsonl ./data/00000012.sst | jq -c .key

Exit codes: 0 ok, 2 usage, 4 the file cannot be read, 5 damage.)";

constexpr char kVerifyTableHelp[] = R"(Examples:
  lumen sst verify ./data/00000012.sst
  for table in ./data/*.sst; do lumen sst verify "$table"; done
  lumen sst verify ./data/lost/1/00000012.sst

Exit codes: 0 whole, 2 usage, 4 the file cannot be read, 5 damage.)";

constexpr char kImportLegacyHelp[] =
    R"(The log is read to its end before anything is written. A torn tail is left out, and said so;
damage anywhere else is refused with its offset. A new DIR appears once all of it is durable.

Examples:
  lumen import-legacy /old/wal.log ./data
  lumen import-legacy --good-prefix /old/wal.log ./data     up to the damage
  lumen import-legacy --into-existing /old/wal.log ./data   on top of what is there

Exit codes: 0 imported, 2 usage, 4 I/O error, DIR is not empty or a server has it open,
5 the log is damaged and nothing was imported.)";

constexpr char kNeedsNoServer[] = "; needs no server, changes nothing";

}  // namespace

OfflineCommands::OfflineCommands(CLI::App& app) {
  AddVerify(app);
  AddRepair(app);
  AddWal(app);
  AddManifest(app);
  AddSst(app);
  AddImportLegacy(app);
}

std::optional<int> OfflineCommands::Run() {
  if (!chosen_) return std::nullopt;
  // First: it blocks signals for the threads of the environment.
  cli::Console console;
  PosixEnvironment posix;
  const Environment all = posix.environment();
  StoppableFileSystem files(all.file_system,
                            [&console] { return console.interruption().exit_code() != 0; });
  return chosen_(
      {.file_system = files, .clock = all.clock, .executor = all.executor, .random = all.random},
      console);
}

CLI::App* OfflineCommands::Add(CLI::App& group, const std::string& name,
                               const std::string& description, const std::string& help,
                               Command command) {
  CLI::App* added = group.add_subcommand(name, description);
  added->footer(help);
  added->callback([this, command = std::move(command)] { chosen_ = command; });
  return added;
}

void OfflineCommands::AddPath(CLI::App& command, const std::string& name,
                              const std::string& description) {
  command.add_option(name, path_, description)->required()->type_name("");
}

void OfflineCommands::AddFormat(CLI::App& command) {
  cli::AddFormat(command, format_, "text|json|jsonl");
}

void OfflineCommands::AddVerify(CLI::App& app) {
  CLI::App* verify =
      Add(app, "verify", "Check a whole database and read every byte of it; changes nothing",
          kVerifyHelp, [this](const Environment& environment, cli::Console& console) {
            return VerifyDirectoryCommand(environment.file_system, path_, format_, console);
          });
  verify->group(kGroup);
  AddPath(*verify, "DIR", "The database's directory");
  AddFormat(*verify);
}

void OfflineCommands::AddRepair(CLI::App& app) {
  CLI::App* repair =
      Add(app, "repair", "Say what making a damaged database open again would lose; or do it",
          kRepairHelp, [this](const Environment& environment, cli::Console& console) {
            repair_.directory = path_;
            repair_.format = format_;
            return RepairCommand(environment, repair_, console);
          });
  repair->group(kGroup);
  AddPath(*repair, "DIR", "The database's directory; no server may have it open");
  repair->add_flag("--yes", repair_.act, "Do it")->group("Repair");
  repair
      ->add_option("--operations", repair_.shown_operations,
                   "How many of the lost operations to list as text [default 1000]")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 40).description(""))
      ->group("Output")
      ->type_name("N");
  AddFormat(*repair);
}

void OfflineCommands::AddWal(CLI::App& app) {
  CLI::App* wal = app.add_subcommand("wal", std::string("Write-ahead log files") + kNeedsNoServer)
                      ->group(kGroup)
                      ->require_subcommand(1);
  wal->footer(kWalHelp);
  CLI::App* dump = Add(*wal, "dump", "Print every frame of a segment", kDumpWalHelp,
                       [this](const Environment& environment, cli::Console& console) {
                         return DumpWalCommand(environment.file_system, path_, format_, console);
                       });
  AddPath(*dump, "FILE", "A WAL segment or a manifest");
  AddFormat(*dump);
  CLI::App* verify =
      Add(*wal, "verify", "Say whether a directory would open, or a file is whole", kVerifyWalHelp,
          [this](const Environment& environment, cli::Console& console) {
            return VerifyWalCommand(environment.file_system, path_, format_, console);
          });
  AddPath(*verify, "PATH", "A database's directory, or one of its WAL segments or manifests");
  AddFormat(*verify);
}

void OfflineCommands::AddManifest(CLI::App& app) {
  CLI::App* manifest = app.add_subcommand("manifest", std::string("Manifests") + kNeedsNoServer)
                           ->group(kGroup)
                           ->require_subcommand(1);
  manifest->footer(kManifestHelp);
  CLI::App* dump =
      Add(*manifest, "dump", "Print every edit of a manifest", kDumpManifestHelp,
          [this](const Environment& environment, cli::Console& console) {
            return DumpManifestCommand(environment.file_system, path_, format_, console);
          });
  AddPath(*dump, "FILE", "A manifest");
  AddFormat(*dump);
}

void OfflineCommands::AddSst(CLI::App& app) {
  CLI::App* sst = app.add_subcommand("sst", std::string("Table files") + kNeedsNoServer)
                      ->group(kGroup)
                      ->require_subcommand(1);
  sst->footer(kTableHelp);
  CLI::App* dump =
      Add(*sst, "dump", "Print what a table says of itself", kDumpTableHelp,
          [this](const Environment& environment, cli::Console& console) {
            return DumpTableCommand(environment.file_system, path_, entries_, format_, console);
          });
  AddPath(*dump, "FILE", "A table");
  dump->add_flag("--entries", entries_, "Every key and value too")->group("Output");
  AddFormat(*dump);
  CLI::App* verify =
      Add(*sst, "verify", "Read every byte and say whether the table is whole", kVerifyTableHelp,
          [this](const Environment& environment, cli::Console& console) {
            return VerifyTableCommand(environment.file_system, path_, format_, console);
          });
  AddPath(*verify, "FILE", "A table");
  AddFormat(*verify);
}

void OfflineCommands::AddImportLegacy(CLI::App& app) {
  CLI::App* import =
      Add(app, "import-legacy", "Import the wal.log of the original Rust program; needs no server",
          kImportLegacyHelp, [this](const Environment& environment, cli::Console& console) {
            import_.directory = path_;
            return ImportLegacyCommand(environment, import_, format_, console);
          });
  import->group(kGroup);
  import->add_option("WAL_LOG", import_.log, "The original's log")->required()->type_name("");
  AddPath(*import, "DIR", "The database to make");
  import->add_flag("--good-prefix", import_.good_prefix, "Import what comes before damage")
      ->group("Import");
  import
      ->add_flag("--into-existing", import_.into_existing, "Write on top of what DIR already holds")
      ->group("Import");
  AddFormat(*import);
}

}  // namespace lumen
