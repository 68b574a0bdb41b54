#pragma once

#include <string>

#include "engine/options.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// The engine as a program that the oracle judges, in simulated time on the given files; what runs
// when comes from the seed. Its Exercise reads through a snapshot while it flushes and compacts,
// and makes a checkpoint in "/checkpoint", which it opens, compares and removes.
Opener EngineOpener(Options options, std::string directory = "/db");

}  // namespace lumen::crash
