#pragma once

#include <memory>
#include <string>

#include "engine/file_system.h"
#include "faultfs/operation.h"
#include "faultfs/volume/volume_process.h"

namespace lumen::faultfs {

// The open files of a process, and the lock that it took.
std::unique_ptr<LogFile> NewLogFile(std::string path, std::shared_ptr<ProcessLife> life,
                                    InodeNumber inode);
std::unique_ptr<ReadFile> NewReadFile(std::string path, std::shared_ptr<ProcessLife> life,
                                      InodeNumber inode);
std::unique_ptr<FileLock> NewFileLock(std::string path, std::shared_ptr<ProcessLife> life,
                                      InodeNumber directory, InodeNumber inode);

}  // namespace lumen::faultfs
