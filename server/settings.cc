#include "server/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/near_name.h"
#include "engine/base/quantity.h"
#include "engine/base/status.h"
#include "server/config_file.h"
#include "server/listen_address.h"
#include "server/setting_table.h"

namespace lumen {
namespace {

using Variables = std::map<std::string, std::string>;

constexpr char kConfigVariable[] = "LUMEN_CONFIG";
constexpr char kConfigFlag[] = "--config";
constexpr size_t kMostFlagEdits = 4;
// Variables of other programs begin with LUMEN_ too.
constexpr size_t kMostVariableEdits = 2;

constexpr char kFooter[] =
    R"(A flag wins over its environment variable, that over the configuration file, and the file over the
default. In the file, which is TOML, each group above is a table and each flag a key in it:

  [storage]
  data_dir = "/var/lib/lumen"
  memory_budget = "2GiB"
  [limits]
  max_batch_operations = 1000

Sizes need a unit: B KiB MiB GiB TiB, or kB MB GB TB; durations too: ms s m h.

Examples:
  lumen-server --data-dir /var/lib/lumen
  lumen-server --config /etc/lumen.toml --log-format json
  lumen-server --memory-budget 2GiB --print-config > lumen.toml

Exit codes: 0 drained after SIGTERM, SIGINT or SIGHUP, 2 usage, configuration or data of a newer version, 3 port or
directory taken, 4 I/O, 5 corruption. All settings at length: docs/configuration.md.)";

std::string GroupTitle(std::string group) {
  group[0] = static_cast<char>(group[0] - 'a' + 'A');
  return group;
}

// The command line, read but not understood.
class CommandLine {
 public:
  explicit CommandLine(const std::vector<Setting>& settings)
      : settings_(settings), texts_(settings.size()) {
    app_.footer(kFooter);
    app_.set_version_flag("--version", "lumen-server " LUMEN_VERSION);
    app_.add_option(kConfigFlag, config_,
                    absl::StrCat("Configuration file [env ", kConfigVariable, "]"))
        ->type_name("FILE");
    app_.add_flag("--print-config", print_config_,
                  "Print each setting and where it comes from, as a configuration file, and exit");
    for (size_t i = 0; i < settings.size(); ++i) options_.push_back(Add(settings[i], texts_[i]));
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // INVALID_ARGUMENT: wrong usage. CANCELLED: the message is what was asked for.
  absl::Status Parse(const std::vector<std::string>& arguments) {
    try {
      std::vector<std::string> reversed(arguments.rbegin(),
                                        arguments.rend());  // CLI11 pops the back
      app_.parse(reversed);
    } catch (const CLI::CallForHelp&) {
      return absl::CancelledError(app_.help());
    } catch (const CLI::CallForVersion&) {
      return absl::CancelledError("lumen-server " LUMEN_VERSION "\n");
    } catch (const CLI::ExtrasError&) {
      return absl::InvalidArgumentError(Unknown());
    } catch (const CLI::ArgumentMismatch& error) {
      return absl::InvalidArgumentError(MissingValue(error.what()));
    } catch (const CLI::ParseError& error) {
      return absl::InvalidArgumentError(error.what());
    }
    return absl::OkStatus();
  }

  // What was given for settings[i].
  std::optional<std::string> text(size_t i) const {
    if (options_[i]->count() == 0) return std::nullopt;
    return texts_[i];
  }
  const std::string& config() const { return config_; }
  bool print_config() const { return print_config_; }

 private:
  CLI::Option* Add(const Setting& setting, std::string& text) {
    const bool is_bool = setting.kind == Setting::Kind::kBool;
    const std::string help =
        absl::StrCat(setting.help, "\n[", is_bool ? "" : setting.expected + "; ", "default ",
                     setting.show(), "; env ", absl::StrJoin(setting.variables(), " or "), "]");
    CLI::Option* option =
        is_bool ? app_.add_flag(setting.flag(), text, help)
                : app_.add_option(setting.flag(), text, help)->type_name(setting.value_name);
    return option->group(GroupTitle(setting.group));
  }

  // CLI11 says "--listen: 1 required ADDRESS missing".
  std::string MissingValue(const std::string& words) const {
    if (words.starts_with(absl::StrCat(kConfigFlag, ": "))) {
      return absl::StrCat(kConfigFlag, " needs a value: the path of a file");
    }
    for (const Setting& setting : settings_) {
      if (!words.starts_with(setting.flag() + ": ")) continue;
      return absl::StrCat(setting.flag(), " needs a value; expected ", setting.expected);
    }
    return words;
  }

  std::string Unknown() const {
    const std::string unknown = app_.remaining().empty() ? "" : app_.remaining().front();
    std::vector<std::string> flags = {kConfigFlag, "--print-config", "--help", "--version"};
    for (const Setting& setting : settings_) flags.push_back(setting.flag());
    const std::string nearest =
        unknown.starts_with('-')
            ? NearestName(unknown.substr(0, unknown.find('=')), flags, kMostFlagEdits)
            : "";
    return absl::StrCat("unknown argument '", unknown, "'",
                        nearest.empty() ? "" : "; did you mean " + nearest + "?");
  }

  const std::vector<Setting>& settings_;
  CLI::App app_{"Serves a LumenKV database over gRPC.", "lumen-server"};
  std::string config_;
  bool print_config_ = false;
  std::vector<std::string> texts_;
  std::vector<CLI::Option*> options_;
};

void SetFrom(const std::string& place, const Setting& setting, const std::string& text,
             std::vector<std::string>& mistakes) {
  const absl::Status status = setting.set(text);
  if (status.ok()) return;
  mistakes.push_back(absl::StrCat(place, ": ", status.message(), "; expected ", setting.expected));
}

// Takes each setting from the first of its sources that names it.
class Merge {
 public:
  Merge(const std::vector<Setting>& settings, const CommandLine& flags, const Variables& variables)
      : settings_(settings), flags_(flags), variables_(variables) {}

  absl::StatusOr<std::vector<SettingValue>> Run() {
    RETURN_IF_ERROR(ReadFile());
    std::vector<SettingValue> values;
    std::vector<std::string> mistakes;
    for (size_t i = 0; i < settings_.size(); ++i) {
      std::string source = Take(i, mistakes);
      values.push_back(
          {.name = settings_[i].key(), .value = settings_[i].show(), .source = std::move(source)});
    }
    if (!mistakes.empty()) return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
    return values;
  }

 private:
  absl::Status ReadFile() {
    std::string path = flags_.config();
    if (path.empty()) {
      const auto set = variables_.find(kConfigVariable);
      if (set == variables_.end() || set->second.empty()) return absl::OkStatus();
      path = set->second;
    }
    ASSIGN_OR_RETURN(file_, ReadConfigFile(path, settings_));
    return absl::OkStatus();
  }

  // Sets settings_[i], and says where from. A file has to be right even where a flag wins over it.
  std::string Take(size_t i, std::vector<std::string>& mistakes) const {
    const Setting& setting = settings_[i];
    std::string source = "default";
    if (const auto in_file = file_.find(setting.key()); in_file != file_.end()) {
      SetFrom(in_file->second.place, setting, in_file->second.text, mistakes);
      source = in_file->second.source;
    }
    if (const std::optional<std::string> text = flags_.text(i); text.has_value()) {
      SetFrom(setting.flag(), setting, *text, mistakes);
      return "flag " + setting.flag();
    }
    for (const std::string& variable : setting.variables()) {
      const auto set = variables_.find(variable);
      if (set == variables_.end()) continue;
      SetFrom(variable, setting, set->second, mistakes);
      return "environment " + variable;
    }
    return source;
  }

  const std::vector<Setting>& settings_;
  const CommandLine& flags_;
  const Variables& variables_;
  std::map<std::string, FileValue> file_;
};

// What is right by itself, but not together.
absl::Status CheckTogether(const Settings& settings) {
  const auto described = [&](const std::string& name) {
    const auto value = std::find_if(settings.values.begin(), settings.values.end(),
                                    [&](const SettingValue& v) { return v.name == name; });
    return absl::StrCat(name, " = ", value->value, " (", value->source, ")");
  };
  if (!settings.insecure && !IsLocalAddress(settings.listen)) {
    return absl::InvalidArgumentError(absl::StrCat(
        described("serving.listen"),
        ": other machines may reach this address, and there is no TLS yet: whoever does could read "
        "and write everything. Listen on 127.0.0.1, [::1], localhost or unix:path, or allow it "
        "with "
        "--insecure (LUMEN_INSECURE=true, or insecure = true in the table [serving])"));
  }
  if (settings.max_batch_bytes < settings.max_key_bytes + settings.max_value_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        described("limits.max_batch_bytes"), " does not hold the largest key and value: ",
        described("limits.max_key"), ", ", described("limits.max_value")));
  }
  // A request takes up more than the keys and values in it.
  if (settings.max_call_bytes / 2 < settings.max_batch_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        described("limits.max_call_bytes"),
        " is less than twice the largest batch: ", described("limits.max_batch_bytes")));
  }
  // As does a message with one entry.
  if (settings.max_scan_bytes / 2 < settings.max_key_bytes + settings.max_value_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(described("limits.max_scan_bytes"), " is less than twice the largest entry: ",
                     described("limits.max_key"), ", ", described("limits.max_value")));
  }
  return absl::OkStatus();
}

// What is allowed, and seldom meant.
std::vector<std::string> Doubts(const Settings& settings) {
  std::vector<std::string> doubts;
  if (!IsLocalAddress(settings.listen)) {
    doubts.push_back(
        absl::StrCat("listening on ", settings.listen,
                     " without TLS: whoever reaches it may read and write everything"));
  }
  // One is written, two wait for their flush; the cache has an eighth.
  const uint64_t memtables = settings.memory_budget_bytes - settings.memory_budget_bytes / 8;
  if (settings.memtable_bytes > memtables / 3) {
    doubts.push_back(absl::StrCat("three memtables of ", FormatBytes(settings.memtable_bytes),
                                  ", which may be in memory, are more than a memory_budget of ",
                                  FormatBytes(settings.memory_budget_bytes),
                                  " leaves them; it will be exceeded"));
  }
  return doubts;
}

std::vector<std::string> Warnings(const std::vector<Setting>& settings,
                                  const Variables& variables) {
  std::vector<std::string> known = {kConfigVariable};
  for (const Setting& setting : settings) known.push_back(setting.variables().front());
  std::vector<std::string> warnings;
  for (const auto& [name, value] : variables) {
    if (!absl::StartsWith(name, "LUMEN_")) continue;
    const std::string nearest = NearestName(name, known, kMostVariableEdits);
    if (nearest.empty() || nearest == name) continue;
    warnings.push_back(absl::StrCat("the environment variable ", name,
                                    " is not a setting; did you mean ", nearest, "?"));
  }
  return warnings;
}

// A number or a boolean stands as it is in TOML; everything else is a string.
std::string Literal(const Setting& setting, const std::string& value) {
  const bool bare = setting.kind == Setting::Kind::kBool || setting.kind == Setting::Kind::kCount ||
                    (setting.kind == Setting::Kind::kCountOrNone && value != "none");
  return bare ? value : "\"" + EscapeJson(value) + "\"";
}

std::string PrintConfig(const std::vector<Setting>& settings, const Settings& parsed) {
  std::string text =
      "# lumen-server " LUMEN_VERSION
      ": each setting, and where it comes from. docs/configuration.md explains them.\n";
  for (const std::string& warning : parsed.warnings) {
    absl::StrAppend(&text, "# warning: ", EscapeControls(warning), "\n");
  }
  std::string group;
  for (size_t i = 0; i < settings.size(); ++i) {
    if (settings[i].group != group) {
      group = settings[i].group;
      absl::StrAppend(&text, "\n[", group, "]\n");
    }
    std::string line = settings[i].name + " = " + Literal(settings[i], parsed.values[i].value);
    line.resize(std::max(line.size(), size_t{36}), ' ');
    absl::StrAppend(&text, line, "  # ", EscapeControls(parsed.values[i].source), "\n");
  }
  return text;
}

Farewell Refuse(const absl::Status& why) {
  return {.text = absl::StrCat("lumen-server: ", why.message(),
                               "\nlumen-server --help lists what there is.\n"),
          .exit_code = 2};
}

}  // namespace

std::variant<Settings, Farewell> ParseSettings(
    const std::vector<std::string>& arguments,
    const std::map<std::string, std::string>& environment) {
  Settings parsed;
  const std::vector<Setting> settings = AllSettings(parsed);
  CommandLine flags(settings);
  if (const absl::Status status = flags.Parse(arguments); !status.ok()) {
    if (absl::IsCancelled(status)) return Farewell{.text = std::string(status.message())};
    return Refuse(status);
  }
  auto values = Merge(settings, flags, environment).Run();
  if (!values.ok()) return Refuse(values.status());
  parsed.values = *std::move(values);
  if (const absl::Status status = CheckTogether(parsed); !status.ok()) return Refuse(status);
  parsed.warnings = Doubts(parsed);
  for (std::string& warning : Warnings(settings, environment)) {
    parsed.warnings.push_back(std::move(warning));
  }
  if (flags.print_config()) return Farewell{.text = PrintConfig(settings, parsed)};
  return parsed;
}

}  // namespace lumen
