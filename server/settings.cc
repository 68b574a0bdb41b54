#include "server/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/quantity.h"

namespace lumen {
namespace {

constexpr uint64_t kMinStoreBytes = uint64_t{64} << 10;
constexpr uint64_t kMaxValueCeilingBytes = uint64_t{16} << 20;

absl::Status ParseSize(const std::string& text, uint64_t& to) {
  const absl::StatusOr<uint64_t> bytes = ParseBytes(text);
  if (!bytes.ok()) return bytes.status();
  to = *bytes;
  return absl::OkStatus();
}

// Catches a forgotten unit: "--memtable-size 64" is not 64 bytes of memtable.
absl::Status ParseStoreSize(const std::string& text, uint64_t& to) {
  absl::Status status = ParseSize(text, to);
  if (status.ok() && to < kMinStoreBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is below the minimum of ", FormatBytes(kMinStoreBytes)));
  }
  return status;
}

absl::Status ParseMaxValue(const std::string& text, uint64_t& to) {
  absl::Status status = ParseSize(text, to);
  if (status.ok() && (to == 0 || to > kMaxValueCeilingBytes)) {
    return absl::InvalidArgumentError("must be between 1B and 16MiB");
  }
  return status;
}

absl::Status ParseListen(const std::string& text, std::string& to) {
  const size_t colon = text.rfind(':');
  const bool is_unix = text.starts_with("unix:") && text.size() > 5;
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool is_port =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
      std::stoi(port) <= std::numeric_limits<uint16_t>::max();
  if (!is_unix && (!is_port || colon == 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not an address: expected host:port or unix:path"));
  }
  to = text;
  return absl::OkStatus();
}

absl::Status ParseDataDir(const std::string& text, std::string& to) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  to = text;
  return absl::OkStatus();
}

absl::Status ParseLogLevel(const std::string& text, std::string& to) {
  if (!IsLogLevel(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not one of trace debug info warn error off"));
  }
  to = text;
  return absl::OkStatus();
}

absl::Status ParseLogFormat(const std::string& text, LogFormat& to) {
  if (text != "text" && text != "json") {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not one of text json"));
  }
  to = text == "text" ? LogFormat::kText : LogFormat::kJson;
  return absl::OkStatus();
}

// One thing to set: where its text may come from, and what becomes of it.
struct Setting {
  std::string flag;
  std::vector<std::string> variables;  // the first that is set counts
  std::string group;
  std::string help;
  std::string shown_default;
  std::function<absl::Status(const std::string&)> parse;
};

std::vector<Setting> AllSettings(Settings& s) {
  return {
      {"--data-dir",
       {"LUMEN_DATA_DIR", "DATA_DIR"},
       "Storage",
       "Directory of the database; made when missing",
       s.data_dir,
       [&](const std::string& text) { return ParseDataDir(text, s.data_dir); }},
      {"--memory-budget",
       {"LUMEN_MEMORY_BUDGET"},
       "Storage",
       "Memory for memtables and block cache together",
       FormatBytes(s.memory_budget_bytes),
       [&](const std::string& text) { return ParseStoreSize(text, s.memory_budget_bytes); }},
      {"--memtable-size",
       {"LUMEN_MEMTABLE_SIZE"},
       "Storage",
       "A memtable this large is flushed to a table",
       FormatBytes(s.memtable_bytes),
       [&](const std::string& text) { return ParseStoreSize(text, s.memtable_bytes); }},
      {"--wal-segment-size",
       {"LUMEN_WAL_SEGMENT_SIZE"},
       "Storage",
       "Size of one write-ahead log file, at least 64KiB",
       FormatBytes(s.wal_segment_bytes),
       [&](const std::string& text) { return ParseStoreSize(text, s.wal_segment_bytes); }},
      {"--listen",
       {"LUMEN_LISTEN", "BIND_ADDR"},
       "Serving",
       "host:port (port 0: a free one) or unix:path. Anyone who reaches it may read and write",
       s.listen,
       [&](const std::string& text) { return ParseListen(text, s.listen); }},
      {"--max-value",
       {"LUMEN_MAX_VALUE"},
       "Serving",
       "Largest value a client may put, up to 16MiB; clients with stock settings read up to 4MiB",
       FormatBytes(s.max_value_bytes),
       [&](const std::string& text) { return ParseMaxValue(text, s.max_value_bytes); }},
      {"--log-level",
       {"LUMEN_LOG_LEVEL"},
       "Logging",
       "trace, debug, info, warn, error or off",
       s.log.level,
       [&](const std::string& text) { return ParseLogLevel(text, s.log.level); }},
      {"--log-format",
       {"LUMEN_LOG_FORMAT"},
       "Logging",
       "text or json, on standard error",
       "text",
       [&](const std::string& text) { return ParseLogFormat(text, s.log.format); }},
  };
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string NearestFlag(std::string unknown, const std::vector<Setting>& settings) {
  unknown = unknown.substr(0, unknown.find('='));
  const auto nearest =
      std::min_element(settings.begin(), settings.end(), [&](const Setting& a, const Setting& b) {
        return EditDistance(unknown, a.flag) < EditDistance(unknown, b.flag);
      });
  return EditDistance(unknown, nearest->flag) <= 4 ? nearest->flag : "";
}

Farewell Refuse(const std::string& why) {
  return {.text = "lumen-server: " + why + "\nlumen-server --help lists what there is.\n",
          .exit_code = 2};
}

constexpr char kFooter[] =
    R"(A flag wins over its environment variables, and those over the default.

Examples:
  lumen-server --data-dir /var/lib/lumen
  lumen-server --data-dir /tmp/try --listen 127.0.0.1:0 --memory-budget 64MiB --memtable-size 8MiB
  DATA_DIR=/var/lib/lumen BIND_ADDR=127.0.0.1:50051 lumen-server --log-format json

Exit codes: 0 drained after SIGTERM or SIGINT, 2 usage, 3 port or directory taken, 4 I/O, 5 corruption.)";

}  // namespace

std::variant<Settings, Farewell> ParseSettings(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const char*)>& environment) {
  Settings parsed;
  const std::vector<Setting> settings = AllSettings(parsed);
  CLI::App app("Serves a LumenKV database over gRPC.", "lumen-server");
  app.footer(kFooter);
  app.set_version_flag("--version", "lumen-server " LUMEN_VERSION);
  std::vector<std::string> texts(settings.size());
  std::vector<CLI::Option*> options;
  for (size_t i = 0; i < settings.size(); ++i) {
    const Setting& setting = settings[i];
    std::string help = setting.help + " [default " + setting.shown_default + "; env";
    for (const std::string& variable : setting.variables) help += " " + variable;
    options.push_back(
        app.add_option(setting.flag, texts[i], help + "]")->group(setting.group)->type_name(""));
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 pops the back
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return Farewell{.text = app.help()};
  } catch (const CLI::CallForVersion&) {
    return Farewell{.text = "lumen-server " LUMEN_VERSION "\n"};
  } catch (const CLI::ExtrasError&) {
    const std::string unknown = app.remaining().empty() ? "" : app.remaining().front();
    const std::string nearest = NearestFlag(unknown, settings);
    return Refuse("unknown argument '" + unknown + "'" +
                  (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  } catch (const CLI::ParseError& error) {
    return Refuse(error.what());
  }
  for (size_t i = 0; i < settings.size(); ++i) {
    std::string source = settings[i].flag;
    if (options[i]->count() == 0) {
      const auto set = std::find_if(
          settings[i].variables.begin(), settings[i].variables.end(),
          [&](const std::string& name) { return environment(name.c_str()) != nullptr; });
      if (set == settings[i].variables.end()) continue;
      source = *set;
      texts[i] = environment(set->c_str());
    }
    const absl::Status status = settings[i].parse(texts[i]);
    if (!status.ok()) return Refuse(source + ": " + std::string(status.message()));
  }
  return parsed;
}

}  // namespace lumen
