#pragma once

#include "proptests/lumen_crash/arguments.h"
#include "proptests/lumen_crash/run_command.h"

// Commands about one failure file. Each returns the exit code.
namespace lumen::crash {

// kFail: the violation is still there. kPass: it is not. kInconclusive: the case cannot be run.
// kHarnessFault: two runs of it differ.
int ReplayCommand(const ReplayArguments& arguments, const CommandContext& context);
int ShrinkCommand(const ShrinkArguments& arguments, const CommandContext& context);
int ExplainCommand(const ExplainArguments& arguments, const CommandContext& context);

}  // namespace lumen::crash
