#pragma once

#include <string>

#include "client/cli/console.h"
#include "client/legacy_import.h"
#include "engine/environment.h"

namespace lumen {

// `lumen import-legacy WAL_LOG DIR`, see LegacyImport. Exit code: 0, 4 the disk fails or the log
// holds what LumenKV does not take, 5 the log is damaged and nothing was imported, 130 and 143
// interrupted, which says what is left.
int ImportLegacyCommand(const Environment& environment, LegacyImportOptions options,
                        const std::string& format, cli::Console& console);

}  // namespace lumen
