#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "engine/environment.h"

namespace lumen {

// The commands of `lumen` that need no server: `wal`, `sst`. They look into the files themselves.
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
  using Command = std::function<int(const Environment& environment)>;

  void AddWal(CLI::App& app);
  void AddSst(CLI::App& app);
  // `name` of `group`, which is `command` once the line names it.
  CLI::App* Add(CLI::App& group, const std::string& name, const std::string& description,
                Command command);
  void AddPath(CLI::App& command, const std::string& name, const std::string& description);

  std::string path_;
  bool entries_ = false;
  Command chosen_;
};

}  // namespace lumen
