#pragma once

#include <cstdio>
#include <string>

#include "client/offline/output.h"
#include "engine/environment.h"

namespace lumen {

struct ImportLegacyArguments {
  std::string log;
  std::string directory;
  bool good_prefix = false;    // import what comes before damage
  bool into_existing = false;  // on top of what the directory holds
  OutputFormat format = OutputFormat::kText;
};

// `lumen import-legacy WAL_LOG DIR`: the original program's log into a database. The log is read
// to its end before anything is written. A new database is made beside `directory` and renamed
// once all of it is durable: a crash leaves the whole import or none. Exit code: 0, 4 the disk
// fails or the log holds what LumenKV does not take, 5 the log is damaged and nothing was imported.
int ImportLegacyCommand(const Environment& environment, const ImportLegacyArguments& arguments,
                        std::FILE* out, std::FILE* talk);

}  // namespace lumen
