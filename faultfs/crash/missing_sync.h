#pragma once

#include <string>

#include "faultfs/disk_state.h"

namespace lumen::faultfs {

// What has to be synced for a pending operation to be surely on the disk: the file that it changed,
// or the directory whose entry it made or took away.
struct SyncTarget {
  bool is_directory = false;
  InodeNumber inode = 0;

  static SyncTarget Of(const Operation& operation);
  bool operator==(const SyncTarget& other) const = default;
};

// "no sync of CURRENT.tmp took effect between operations 17 and 18"; without `kept`: between it and
// the crash. True of every operation that is pending, because such a sync would have made it
// durable; one that failed or lied took none.
std::string MissingSync(const DiskState& state, const PendingOperation& lost,
                        const PendingOperation* kept);

}  // namespace lumen::faultfs
