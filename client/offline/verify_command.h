#pragma once

#include <string>

#include "client/cli/console.h"
#include "engine/file_system.h"

namespace lumen {

// `lumen verify DIR`: everything an open would check, and every byte of every table. Exit code: 0
// whole, 4 a file cannot be read, 5 damage, 6 no database.
//
// Takes the database's lock while it reads. Where an engine has it, it says so, and believes only
// what it finds three times: files come and go meanwhile.
int VerifyDirectoryCommand(FileSystem& files, const std::string& directory,
                           const std::string& format, cli::Console& console);

}  // namespace lumen
