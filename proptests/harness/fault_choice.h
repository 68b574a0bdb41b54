#pragma once

#include <cstdint>
#include <string>

#include "faultfs/disk_image.h"
#include "faultfs/profile.h"

namespace lumen::crash {

// A plan for a workload, as text; sometimes empty. Of half of the cases failed syncs, which excuse
// nothing but what is in doubt, and of which many leave the program at work; they fail as those of
// the profile's file system do, where it is one. On a lying disk the syncs lie from some call on.
std::string ChooseFaults(faultfs::Profile profile, uint64_t seed);

// One fault that a recovery of the image may meet: any, or damage of what the image holds, more
// often than not where it matters.
std::string ChooseRecoveryFault(faultfs::Profile profile, const faultfs::DiskImage& image,
                                uint64_t seed);

}  // namespace lumen::crash
