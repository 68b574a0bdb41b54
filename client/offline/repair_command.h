#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "client/offline/output.h"
#include "engine/environment.h"

namespace lumen {

struct RepairArguments {
  std::string directory;
  bool act = false;
  uint64_t shown_operations = 1000;  // of the lost ones
  OutputFormat format = OutputFormat::kText;
};

// `lumen repair DIR [--yes]`: says what a repair would lose; with `act` does it. Exit code: 0
// nothing to repair, or repaired; 4 it failed, or an engine has the directory open; 5 damage, and
// nothing was changed because nobody said yes; 6 no database.
int RepairCommand(const Environment& environment, const RepairArguments& arguments, std::FILE* out,
                  std::FILE* talk);

}  // namespace lumen
