#pragma once

#include <string>

#include "faultfs/disk_state.h"

namespace lumen::faultfs {

// The last part of the name that a file or a directory has just before operation `at` of the
// history, as far as is known; by default its newest.
std::string FileName(const DiskState& state, InodeNumber inode, uint64_t at = ~uint64_t{0});

// "rename(CURRENT.tmp -> CURRENT)", "append(MANIFEST-2, 4096+512)".
std::string Describe(const DiskState& state, const PendingOperation& pending);

}  // namespace lumen::faultfs
