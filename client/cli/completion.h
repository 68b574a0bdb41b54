#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lumen::cli {

// Scripts that complete the commands and flags of `app`, which is where they take them from: names,
// descriptions, the words of a flag whose type is "a|b|c", files for FILE, PATH and DIR. Each is
// complete in itself.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace lumen::cli
