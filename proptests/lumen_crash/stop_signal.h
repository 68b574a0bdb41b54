#pragma once

#include <atomic>

namespace lumen::crash {

// SIGTERM and SIGINT ask a run to stop and to write what it has; the second one ends the program,
// as it would have without this. The number of the signal, 0 before it came. Call once, from main.
const std::atomic<int>& CatchStopSignals();

}  // namespace lumen::crash
