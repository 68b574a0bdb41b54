#pragma once

#include <cstdint>
#include <string>

#include "client/cli/console.h"
#include "engine/environment.h"

namespace lumen {

struct RepairArguments {
  std::string directory;
  bool act = false;
  uint64_t shown_operations = 1000;  // of the lost ones
  std::string format;
};

// `lumen repair DIR [--yes]`: says what a repair would lose; with `act` does it. Exit code: 0
// nothing to repair, or repaired; 4 it failed, or an engine has the directory open; 5 damage, and
// nothing was changed because nobody said yes; 6 no database; 130 and 143 interrupted, which says
// whether anything was changed.
int RepairCommand(const Environment& environment, const RepairArguments& arguments,
                  cli::Console& console);

}  // namespace lumen
