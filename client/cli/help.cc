#include "client/cli/help.h"

#include <algorithm>
#include <array>

#include "client/cli/bytes_text.h"

namespace lumen::cli {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kLeftColumns = 26;
// What all commands share comes last. CLI11 puts -h, and flags without a group, into the latter.
constexpr std::array<const char*, 2> kLastGroups = {"Connection", "Options"};

// "  left    right", the right side broken between words.
std::string Entry(const std::string& left, const std::string& right) {
  const std::string indent(kLeftColumns, ' ');
  std::string line = "  " + left;
  if (TextWidth(line) + 2 > kLeftColumns) {
    line += "\n" + indent;
  } else {
    line.append(kLeftColumns - TextWidth(line), ' ');
  }
  std::string text;
  size_t column = kLeftColumns;
  for (size_t at = 0; at < right.size();) {
    const size_t end = std::min(right.find(' ', at), right.size());
    const std::string word = right.substr(at, end - at);
    if (column > kLeftColumns && column + 1 + TextWidth(word) > kWidth) {
      text += "\n" + indent;
      column = kLeftColumns;
    } else if (column > kLeftColumns) {
      text += " ";
      ++column;
    }
    text += word;
    column += TextWidth(word);
    at = end + 1;
  }
  return line + text + "\n";
}

void AddOnce(const std::string& group, std::vector<std::string>& to) {
  if (!group.empty() && std::find(to.begin(), to.end(), group) == to.end()) to.push_back(group);
}

}  // namespace

std::vector<const CLI::Option*> PositionalsOf(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::string> FlagGroupsOf(const CLI::App& command) {
  std::vector<std::string> groups;
  for (const CLI::Option* option :
       command.get_options([](const CLI::Option* any) { return any->nonpositional(); })) {
    AddOnce(option->get_group(), groups);
  }
  for (const char* last : kLastGroups) {
    const auto found = std::find(groups.begin(), groups.end(), last);
    if (found != groups.end()) std::rotate(found, found + 1, groups.end());
  }
  return groups;
}

std::vector<const CLI::Option*> FlagsOf(const CLI::App& command, const std::string& group) {
  return command.get_options([&](const CLI::Option* option) {
    return option->nonpositional() && option->get_group() == group;
  });
}

std::vector<std::string> CommandGroupsOf(const CLI::App& command) {
  std::vector<std::string> groups;
  for (const CLI::App* below : CommandsOf(command)) AddOnce(below->get_group(), groups);
  return groups;
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& command, const std::string& group) {
  return command.get_subcommands(
      [&](const CLI::App* below) { return below->get_group() == group; });
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

std::string FlagText(const CLI::Option& flag) {
  std::string text;
  for (const std::string& name : flag.get_snames()) text += (text.empty() ? "-" : ",-") + name;
  for (const std::string& name : flag.get_lnames()) text += (text.empty() ? "--" : ",--") + name;
  if (flag.get_expected_max() > 0 && !flag.get_type_name().empty()) {
    text += " " + flag.get_type_name();
  }
  return text;
}

std::string UsageOf(const CLI::App& command) {
  if (!CommandsOf(command).empty()) return "COMMAND ...";
  std::string usage = "[flags]";
  for (const CLI::Option* positional : PositionalsOf(command)) {
    const std::string name = positional->get_name(true);
    usage += positional->get_required() ? " " + name : " [" + name + "]";
  }
  return usage;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode /*mode*/) const {
  std::string help = app->get_description() + ".\n\nUsage: " + name + " " + UsageOf(*app) + "\n";
  const std::vector<const CLI::Option*> positionals = PositionalsOf(*app);
  if (!positionals.empty()) help += "\nArguments:\n";
  for (const CLI::Option* positional : positionals) {
    help += Entry(positional->get_name(true), positional->get_description());
  }
  for (const std::string& group : CommandGroupsOf(*app)) {
    help += "\n" + group + ":\n";
    for (const CLI::App* command : CommandsOf(*app, group)) {
      help += Entry(command->get_name(), command->get_description());
    }
  }
  for (const std::string& group : FlagGroupsOf(*app)) {
    help += "\n" + group + ":\n";
    for (const CLI::Option* flag : FlagsOf(*app, group)) {
      help += Entry(FlagText(*flag), flag->get_description());
    }
  }
  const std::string footer = app->get_footer();
  return footer.empty() ? help : help + "\n" + footer + "\n";
}

}  // namespace lumen::cli
