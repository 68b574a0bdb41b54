#pragma once

#include <string>

#include "client/cli/console.h"
#include "client/cli/findings.h"
#include "engine/file_system.h"
#include "engine/wal_inspect.h"

namespace lumen {

// `lumen wal dump FILE`: every frame as text on `out`. Exit code: 0, 4 the file cannot be read, 5
// it is damaged.
int DumpWalCommand(FileSystem& files, const std::string& path, const std::string& format,
                   cli::Console& console);
// `lumen manifest dump FILE`: the same of a manifest's edits; 2 the file's name is not a
// manifest's.
int DumpManifestCommand(FileSystem& files, const std::string& path, const std::string& format,
                        cli::Console& console);

// `lumen wal verify PATH`: of a database's directory, whether it would open; of one file, whether
// what it says is whole. Exit codes as above.
int VerifyWalCommand(FileSystem& files, const std::string& path, const std::string& format,
                     cli::Console& console);

// The JSON records of a directory's manifest and WAL segments.
void RecordWalDirectory(const WalDirectoryReport& wal, cli::Findings& output);

}  // namespace lumen
