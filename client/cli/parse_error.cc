#include "client/cli/parse_error.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/help.h"
#include "client/exit_codes.h"
#include "engine/base/near_name.h"

namespace lumen::cli {
namespace {

// Empty: none is near enough to be meant.
std::string Nearest(const std::string& unknown, const std::vector<std::string>& known) {
  return NearestName(unknown, known, std::max<size_t>(2, unknown.size() / 3));
}

// The command that the line named before it went wrong.
const CLI::App& DeepestParsed(const CLI::App& app, std::string& name) {
  name += (name.empty() ? "" : " ") + app.get_name();
  for (const CLI::App* below : CommandsOf(app)) {
    if (below->parsed()) return DeepestParsed(*below, name);
  }
  return app;
}

std::vector<std::string> FlagNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const std::string& group : FlagGroupsOf(command)) {
    for (const CLI::Option* flag : FlagsOf(command, group)) {
      for (const std::string& name : flag->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* below : CommandsOf(command)) names.push_back(below->get_name());
  return names;
}

bool IsFlag(const std::string& word) { return word.size() > 1 && word.starts_with('-'); }

// What was left over is at fault, whatever CLI11 missed on its account. Flags first: what stands
// behind an unknown one may be its value.
std::string AboutLeftOver(const CLI::App& command, const std::vector<std::string>& left) {
  const auto flag = std::find_if(left.begin(), left.end(), IsFlag);
  const std::string& word = flag != left.end() ? *flag : left.front();
  const bool names_command = flag == left.end() && !CommandNames(command).empty();
  std::string text = "unexpected argument '" + word + "'";
  std::vector<std::string> known;
  if (flag != left.end()) {
    text = "unknown flag '" + word + "'";
    known = FlagNames(command);
  } else if (names_command) {
    text = "unknown command '" + word + "'";
    known = CommandNames(command);
  }
  const std::string given = word.substr(0, word.find('='));
  const std::string nearest = Nearest(given, known);
  // The command has that very flag.
  if (nearest == given) return "flag '" + word + "' goes behind the command";
  if (!nearest.empty()) return text + "; did you mean " + nearest + "?";
  const bool could_be_data = flag != left.end() && !PositionalsOf(command).empty();
  return could_be_data ? text + "; a key or value that begins with '-' goes behind --" : text;
}

// CLI11 says "--limit: 1 required N missing".
std::string AboutMissingValue(const CLI::App& command, const std::string& words) {
  for (const std::string& group : FlagGroupsOf(command)) {
    for (const CLI::Option* flag : FlagsOf(command, group)) {
      if (!words.starts_with(flag->get_name() + ": ")) continue;
      return flag->get_name() + " needs a value: " + FlagText(*flag);
    }
  }
  return words;
}

}  // namespace

int ExplainParseError(const CLI::App& app, const CLI::ParseError& error, Talk& talk) {
  if (error.get_exit_code() == 0) {
    const bool wants_version = dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr;
    std::fputs(wants_version ? (std::string(error.what()) + "\n").c_str() : app.help().c_str(),
               stdout);
    return std::fflush(stdout) == 0 ? kExitOk : kExitServerError;
  }
  std::string name;
  const CLI::App& command = DeepestParsed(app, name);
  const std::vector<std::string> left = app.remaining(true);
  if (!left.empty()) {
    talk.Complain(AboutLeftOver(command, left));
  } else if (!CommandNames(command).empty()) {
    talk.Complain("a command is missing");
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    talk.Complain(AboutMissingValue(command, error.what()));
  } else {
    talk.Complain(error.what());
  }
  talk.Note("`" + name + " --help` lists what there is.");
  return kExitUsage;
}

}  // namespace lumen::cli
