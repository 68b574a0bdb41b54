#include "client/cli/completion.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/help.h"

namespace lumen::cli {
namespace {

struct Word {
  std::string text;
  std::string description;
};

struct Flag {
  std::vector<std::string> names;  // with their dashes
  std::string description;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;  // of its value
};

// One command, as its words stand on the command line: "lumen admin flush".
struct Place {
  std::string path;
  std::vector<Word> commands;
  std::vector<Flag> flags;
  bool takes_file = false;
  std::vector<std::string> choices;  // of its argument
};

bool IsFile(const std::string& type) { return type == "FILE" || type == "PATH" || type == "DIR"; }

std::vector<std::string> ChoicesOf(const std::string& type) {
  std::vector<std::string> choices;
  if (type.find('|') == std::string::npos) return choices;
  for (size_t at = 0; at <= type.size();) {
    const size_t end = std::min(type.find('|', at), type.size());
    choices.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

Flag DescribeFlag(const CLI::Option& option) {
  Flag flag;
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  flag.description = option.get_description();
  flag.takes_value = option.get_expected_max() > 0;
  flag.takes_file = flag.takes_value && IsFile(option.get_type_name());
  if (flag.takes_value) flag.choices = ChoicesOf(option.get_type_name());
  return flag;
}

void Describe(const CLI::App& app, const std::string& path, std::vector<Place>& to) {
  Place place;
  place.path = path;
  for (const CLI::App* command : CommandsOf(app)) {
    place.commands.push_back({command->get_name(), command->get_description()});
  }
  for (const std::string& group : FlagGroupsOf(app)) {
    for (const CLI::Option* option : FlagsOf(app, group)) {
      place.flags.push_back(DescribeFlag(*option));
    }
  }
  for (const CLI::Option* positional : PositionalsOf(app)) {
    place.takes_file = place.takes_file || IsFile(positional->get_name(true));
    if (place.choices.empty()) place.choices = ChoicesOf(positional->get_type_name());
  }
  to.push_back(std::move(place));
  for (const CLI::App* command : CommandsOf(app)) {
    Describe(*command, path + " " + command->get_name(), to);
  }
}

std::vector<Place> PlacesOf(const CLI::App& app) {
  std::vector<Place> places;
  Describe(app, app.get_name(), places);
  return places;
}

// Quoted for all three shells: fish knows \' inside quotes, the others do not.
std::string Quote(const std::string& text, const char* escaped_quote = "'\\''") {
  return "'" + absl::StrReplaceAll(text, {{"'", escaped_quote}}) + "'";
}

// 'lumen put'|'lumen get'|...: all that a word may lead to.
std::string PathPatterns(const std::vector<Place>& places, const char* separator) {
  std::vector<std::string> patterns;
  for (size_t i = 1; i < places.size(); ++i) patterns.push_back(Quote(places[i].path));
  return absl::StrJoin(patterns, separator);
}

std::string ValuePatterns(const Place& place, const Flag& flag) {
  std::vector<std::string> patterns;
  for (const std::string& name : flag.names) patterns.push_back(Quote(place.path + "|" + name));
  return absl::StrJoin(patterns, "|");
}

std::vector<std::string> WordsOf(const Place& place) {
  std::vector<std::string> words = place.choices;
  for (const Word& command : place.commands) words.push_back(command.text);
  return words;
}

std::vector<std::string> FlagNamesOf(const Place& place) {
  std::vector<std::string> names;
  for (const Flag& flag : place.flags) {
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return names;
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const std::vector<Place> places = PlacesOf(app);
  std::string values;
  std::string cases;
  for (const Place& place : places) {
    for (const Flag& flag : place.flags) {
      if (!flag.takes_value) continue;
      absl::StrAppend(&values, "    ", ValuePatterns(place, flag),
                      ") words=", Quote(absl::StrJoin(flag.choices, " ")),
                      flag.takes_file ? " files=1" : "", " flags= ;;\n");
    }
    absl::StrAppend(&cases, "      ", Quote(place.path),
                    ") words=", Quote(absl::StrJoin(WordsOf(place), " ")),
                    " flags=", Quote(absl::StrJoin(FlagNamesOf(place), " ")),
                    place.takes_file ? " files=1" : "", " ;;\n");
  }
  return absl::StrCat(
      "# bash completion for lumen, made by `lumen completion bash`.\n"
      "_lumen() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path=lumen previous= words= flags= files= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    previous=${COMP_WORDS[i]}\n"
      "    case \"$path $previous\" in\n"
      "      ",
      PathPatterns(places, "|"),
      ") path+=\" $previous\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$path|$previous\" in\n",
      values,
      "    *)\n"
      "      case \"$path\" in\n",
      cases,
      "      esac\n"
      "      ;;\n"
      "  esac\n"
      "  [[ $current == -* ]] && words=$flags files=\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  if [[ -n $files ]]; then\n"
      "    local -a found\n"
      "    mapfile -t found < <(compgen -f -- \"$current\")\n"
      "    COMPREPLY+=(\"${found[@]}\")\n"
      "    compopt -o filenames 2> /dev/null\n"
      "  fi\n"
      "}\n"
      "complete -F _lumen lumen\n");
}

std::string ZshCompletion(const CLI::App& app) {
  const std::vector<Place> places = PlacesOf(app);
  // In _describe a colon ends the word.
  const auto item = [](const std::string& word, const std::string& description) {
    return Quote(word + ":" + description);
  };
  std::string values;
  std::string cases;
  for (const Place& place : places) {
    std::vector<std::string> commands;
    std::vector<std::string> flags;
    for (const Word& word : place.commands) commands.push_back(item(word.text, word.description));
    for (const Flag& flag : place.flags) {
      for (const std::string& name : flag.names) flags.push_back(item(name, flag.description));
      if (!flag.takes_value) continue;
      absl::StrAppend(&values, "    (", ValuePatterns(place, flag), ") ",
                      flag.takes_file
                          ? "_files"
                          : absl::StrCat("compadd -- ", absl::StrJoin(flag.choices, " ")),
                      "; return ;;\n");
    }
    absl::StrAppend(&cases, "    (", Quote(place.path), ")\n      commands=(",
                    absl::StrJoin(commands, " "), ")\n      flags=(", absl::StrJoin(flags, " "),
                    ")\n      choices=(", absl::StrJoin(place.choices, " "), ")\n",
                    place.takes_file ? "      files=1\n" : "", "      ;;\n");
  }
  return absl::StrCat(
      "#compdef lumen\n"
      "# zsh completion for lumen, made by `lumen completion zsh`.\n"
      "_lumen() {\n"
      "  local place=lumen previous= files= i\n"
      "  local -a commands flags choices\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    previous=$words[i]\n"
      "    case \"$place $previous\" in\n"
      "      (",
      PathPatterns(places, "|"),
      ") place+=\" $previous\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$place|$previous\" in\n",
      values,
      "  esac\n"
      "  case \"$place\" in\n",
      cases,
      "  esac\n"
      "  if [[ $PREFIX == -* ]]; then\n"
      "    _describe -o flag flags\n"
      "    return\n"
      "  fi\n"
      "  (( $#commands )) && _describe command commands\n"
      "  (( $#choices )) && compadd -- $choices\n"
      "  [[ -n $files ]] && _files\n"
      "}\n"
      "if [[ $funcstack[1] == _lumen ]]; then\n"
      "  _lumen \"$@\"\n"
      "else\n"
      "  compdef _lumen lumen\n"
      "fi\n");
}

std::string FishCompletion(const CLI::App& app) {
  const std::vector<Place> places = PlacesOf(app);
  const auto quote = [](const std::string& text) { return Quote(text, "\\'"); };
  std::string lines;
  for (const Place& place : places) {
    const std::string here =
        absl::StrCat("complete -c lumen -n ", quote("__lumen_at \"" + place.path + "\""));
    for (const Word& word : place.commands) {
      absl::StrAppend(&lines, here, " -a ", word.text, " -d ", quote(word.description), "\n");
    }
    if (!place.choices.empty()) {
      absl::StrAppend(&lines, here, " -a ", quote(absl::StrJoin(place.choices, " ")), "\n");
    }
    if (place.takes_file) absl::StrAppend(&lines, here, " -F\n");
    for (const Flag& flag : place.flags) {
      absl::StrAppend(&lines, here);
      for (const std::string& name : flag.names) {
        absl::StrAppend(&lines,
                        name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1));
      }
      if (flag.takes_file) {
        absl::StrAppend(&lines, " -r -F");
      } else if (flag.takes_value) {
        absl::StrAppend(&lines, " -x");
      }
      if (!flag.choices.empty()) {
        absl::StrAppend(&lines, " -a ", quote(absl::StrJoin(flag.choices, " ")));
      }
      absl::StrAppend(&lines, " -d ", quote(flag.description), "\n");
    }
  }
  return absl::StrCat(
      "# fish completion for lumen, made by `lumen completion fish`.\n"
      "function __lumen_at\n"
      "    set -l path lumen\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        switch \"$path $word\"\n"
      "            case ",
      PathPatterns(places, " "),
      "\n"
      "                set path \"$path $word\"\n"
      "        end\n"
      "    end\n"
      "    test \"$path\" = $argv[1]\n"
      "end\n"
      "complete -c lumen -f\n",
      lines);
}

}  // namespace lumen::cli
