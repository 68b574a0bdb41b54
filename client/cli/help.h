#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lumen::cli {

// How --help looks: usage, arguments, flags by group, commands by group, and the footer with its
// examples.
class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

// What the manual and the completions are made of as well.
std::vector<const CLI::Option*> PositionalsOf(const CLI::App& command);
// In groups, as they were added; -h last.
std::vector<std::string> FlagGroupsOf(const CLI::App& command);
std::vector<const CLI::Option*> FlagsOf(const CLI::App& command, const std::string& group);
std::vector<std::string> CommandGroupsOf(const CLI::App& command);
std::vector<const CLI::App*> CommandsOf(const CLI::App& command, const std::string& group);
std::vector<const CLI::App*> CommandsOf(const CLI::App& command);
// "-o,--output text|json"
std::string FlagText(const CLI::Option& flag);
// "[flags] KEY VALUE"
std::string UsageOf(const CLI::App& command);

}  // namespace lumen::cli
