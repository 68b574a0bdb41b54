#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lumen::cli {

// lumen(1), in man's macros: every command with its flags and examples, from `app` itself.
// `date`: of the page, as 2026-01-31.
std::string ManualOf(const CLI::App& app, const std::string& version, const std::string& date);

struct ManualTitle {
  std::string name;     // "lumen-server"
  std::string section;  // "8"
  std::string summary;  // "serve a LumenKV database"
  std::string version;
  std::string date;  // of the page, as 2026-01-31
};

// A manual from what a program's --help says: headings end with a colon, flags stand two columns
// in, with their text two columns or more behind them or below. `more` are sections behind these,
// in the same form, in which whatever stands two columns in is explained.
std::string ManualFromHelp(const std::string& help, const std::string& more,
                           const ManualTitle& title);

}  // namespace lumen::cli
