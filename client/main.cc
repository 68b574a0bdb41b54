#include <signal.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "client/cli/help.h"
#include "client/cli/online_commands.h"
#include "client/cli/parse_error.h"
#include "client/cli/shell_commands.h"
#include "client/cli/talk.h"
#include "client/exit_codes.h"
#include "client/offline/offline_commands.h"

// lumen: the command line. Data on standard output, talk on standard error.
namespace lumen {
namespace {

constexpr char kFooter[] =
    R"(Keys and values are bytes. Those that are printable UTF-8 stand as they are, all
others as base64:..., wherever lumen reads or prints text.

Examples:
  lumen put greeting hello
  lumen scan user/ --limit 10 -o table
  lumen export | gzip > backup.jsonl.gz

Exit codes: 0 ok, 1 negative answer, 2 usage, 3 cannot connect, 4 server error,
5 corruption found, 6 not found, 130 interrupted.)";

int Main(int argc, char** argv) {
  CLI::App app("Talks to a LumenKV server, and looks into its files", "lumen");
  app.formatter(std::make_shared<cli::HelpFormatter>());
  app.footer(kFooter);
  app.set_version_flag("--version", "lumen " LUMEN_VERSION);
  app.require_subcommand(1);
  cli::OnlineCommands online(app);
  OfflineCommands offline(app);
  cli::ShellCommands shell(app, LUMEN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    cli::Talk talk;
    return cli::ExplainParseError(app, error, talk);
  }
  if (const auto code = online.Run()) return *code;
  if (const auto code = offline.Run()) return *code;
  return shell.Run().value_or(kExitUsage);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  // A reader that has enough (`lumen scan | head`) is an error of the write, not the end of us.
  signal(SIGPIPE, SIG_IGN);
  return lumen::Main(argc, argv);
}
