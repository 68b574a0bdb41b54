#pragma once

#include <string>

#include "client/cli/console.h"
#include "engine/file_system.h"

namespace lumen {

// `lumen sst dump [--entries] FILE`: footer, properties, filter and blocks, with `entries` every
// key-version too. Exit code: 0, 4 the file cannot be read, 5 it is damaged.
int DumpTableCommand(FileSystem& files, const std::string& path, bool entries,
                     const std::string& format, cli::Console& console);

// `lumen sst verify FILE`: reads every byte and says whether the table is whole. Exit codes as
// above.
int VerifyTableCommand(FileSystem& files, const std::string& path, const std::string& format,
                       cli::Console& console);

}  // namespace lumen
