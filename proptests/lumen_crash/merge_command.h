#pragma once

#include "proptests/lumen_crash/arguments.h"
#include "proptests/lumen_crash/run_command.h"

namespace lumen::crash {

// One report of all shards of a run. kHarnessFault where a file is damaged, or they are not all
// shards of one run.
int MergeCommand(const MergeArguments& arguments, const CommandContext& context);

}  // namespace lumen::crash
