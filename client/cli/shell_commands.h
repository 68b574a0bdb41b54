#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

namespace lumen::cli {

// `lumen completion` and `lumen man`: what `lumen` says of itself.
class ShellCommands {
 public:
  // Adds them to `app`, which must outlive this.
  ShellCommands(CLI::App& app, std::string version);
  ShellCommands(const ShellCommands&) = delete;
  ShellCommands& operator=(const ShellCommands&) = delete;

  // After the command line was parsed: the exit code. Empty: it names none of these.
  std::optional<int> Run();

 private:
  CLI::App& app_;
  const std::string version_;
  std::string shell_;
  std::function<std::string()> chosen_;
};

}  // namespace lumen::cli
