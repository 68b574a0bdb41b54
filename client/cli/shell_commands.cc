#include "client/cli/shell_commands.h"

#include <unistd.h>

#include <utility>

#include "client/cli/completion.h"
#include "client/cli/manual.h"
#include "client/cli/output.h"
#include "client/cli/talk.h"
#include "client/exit_codes.h"

namespace lumen::cli {
namespace {

constexpr char kGroup[] = "Shell";
constexpr char kShells[] = "bash|zsh|fish";

}  // namespace

ShellCommands::ShellCommands(CLI::App& app, std::string version)
    : app_(app), version_(std::move(version)) {
  CLI::App* completion =
      app.add_subcommand("completion", "Print a script that completes lumen's command lines")
          ->group(kGroup);
  completion->footer(
      "Examples:\n"
      "  source <(lumen completion bash)\n"
      "  lumen completion zsh > \"${fpath[1]}/_lumen\"\n"
      "  lumen completion fish > ~/.config/fish/completions/lumen.fish");
  completion->add_option("SHELL", shell_, "bash, zsh or fish")
      ->required()
      ->type_name(kShells)
      ->check([](const std::string& given) {
        const bool known = given == "bash" || given == "zsh" || given == "fish";
        return known ? std::string() : "'" + given + "' is not one of " + kShells;
      });
  completion->callback([this] {
    chosen_ = [this] {
      if (shell_ == "bash") return BashCompletion(app_);
      return shell_ == "zsh" ? ZshCompletion(app_) : FishCompletion(app_);
    };
  });
  CLI::App* manual = app.add_subcommand("man", "Print the manual page of lumen")->group(kGroup);
  manual->footer(
      "Examples:\n"
      "  lumen man | man -l -\n"
      "  lumen man > /usr/local/share/man/man1/lumen.1\n"
      "  lumen man | groff -man -Tpdf > lumen.pdf");
  manual->callback(
      [this] { chosen_ = [this] { return ManualOf(app_, version_, LUMEN_BUILD_DATE); }; });
}

std::optional<int> ShellCommands::Run() {
  if (!chosen_) return std::nullopt;
  Output out(STDOUT_FILENO);
  out.Write(chosen_());
  out.Flush();
  if (out.error().ok()) return kExitOk;
  Talk().Complain(std::string(out.error().message()));
  return kExitServerError;
}

}  // namespace lumen::cli
