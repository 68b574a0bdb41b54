#pragma once

#include <cstdint>
#include <optional>

#include "faultfs/disk_image.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/workload.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// The workload's checkpoints in an image that a crash at that point left: one that was acknowledged
// is there, and whatever is there opens and holds a state of the time when it was made. Only for
// disks that neither lie nor are damaged.
std::optional<Violation> CheckCheckpoints(const Workload& workload, const Recording& recording,
                                          uint64_t crash_point, const faultfs::DiskImage& image,
                                          uint64_t seed);

}  // namespace lumen::crash
