#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lumen::cli {

// "-o"; `formats` as "text|json", the first is the default.
void AddFormat(CLI::App& command, std::string& format, const std::string& formats);

}  // namespace lumen::cli
