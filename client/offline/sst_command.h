#pragma once

#include <cstdio>
#include <string>

#include "client/offline/output.h"
#include "engine/file_system.h"

namespace lumen {

// `lumen sst dump [--entries] FILE`: footer, properties, filter and blocks as text on `out`, with
// `entries` every key-version too. Exit code: 0, 4 the file cannot be read, 5 it is damaged.
int DumpTableCommand(FileSystem& files, const std::string& path, bool entries, std::FILE* out,
                     std::FILE* talk);

// `lumen sst verify FILE`: reads every byte and says whether the table is whole. Exit codes as
// above.
int VerifyTableCommand(FileSystem& files, const std::string& path, OutputFormat format,
                       std::FILE* out, std::FILE* talk);

}  // namespace lumen
