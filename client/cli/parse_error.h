#pragma once

#include <CLI/CLI.hpp>

#include "client/cli/talk.h"

namespace lumen::cli {

// What follows from a command line that CLI11 did not take: help or version on standard output, or
// on standard error what is wrong, with the nearest name for one that is not known. Returns the
// exit code.
int ExplainParseError(const CLI::App& app, const CLI::ParseError& error, Talk& talk);

}  // namespace lumen::cli
