#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "client/cli/console.h"
#include "client/legacy_import.h"
#include "client/offline/repair_command.h"
#include "engine/environment.h"

namespace lumen {

// The commands of `lumen` that need no server: `verify`, `repair`, `wal`, `manifest`, `sst`,
// `import-legacy`. They look into the files themselves. A signal to stop ends each at its next file
// operation (StoppableFileSystem).
class OfflineCommands {
 public:
  // Adds them to `app`, in a group of their own. Both must live until Run.
  explicit OfflineCommands(CLI::App& app);
  OfflineCommands(const OfflineCommands&) = delete;
  OfflineCommands& operator=(const OfflineCommands&) = delete;

  // After the command line was parsed: runs the one of these commands that it names, and returns
  // its exit code. Empty: it names none of them.
  std::optional<int> Run();

 private:
  using Command = std::function<int(const Environment& environment, cli::Console& console)>;

  void AddVerify(CLI::App& app);
  void AddRepair(CLI::App& app);
  void AddWal(CLI::App& app);
  void AddManifest(CLI::App& app);
  void AddSst(CLI::App& app);
  void AddImportLegacy(CLI::App& app);
  // `name` of `group`, which is `command` once the line names it. `help`: examples and exit codes.
  CLI::App* Add(CLI::App& group, const std::string& name, const std::string& description,
                const std::string& help, Command command);
  void AddPath(CLI::App& command, const std::string& name, const std::string& description);
  void AddFormat(CLI::App& command);

  std::string path_;
  bool entries_ = false;
  std::string format_;
  RepairArguments repair_;
  LegacyImportOptions import_;
  Command chosen_;
};

}  // namespace lumen
