#pragma once

#include <atomic>
#include <string>

#include "proptests/lumen_crash/arguments.h"
#include "proptests/lumen_crash/console.h"
#include "proptests/lumen_crash/harness_functions.h"

namespace lumen::crash {

// What is the same for every command.
struct CommandContext {
  const HarnessFunctions& harness;
  const Console& console;
  const std::atomic<int>* signal = nullptr;  // 0 until SIGTERM or SIGINT came
  std::string build;
  std::string mutants;
};

// `run` and `exhaust`. Returns the exit code, which is the verdict's.
struct RunOutcome {
  int exit_code = 0;
  bool abandoned = false;  // a thread hangs: end by _exit
};
RunOutcome RunCommand(const RunArguments& arguments, const CommandContext& context);

}  // namespace lumen::crash
