#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "faultfs/disk_image.h"

namespace lumen::crash {

// Plans like a recovery's fault plan, for another image: damage of one file strikes each sector in
// use of each file of that role; what comes with the n-th call comes with each one up to the n-th.
// Any other plan, one of several rules included, is itself.
std::vector<std::string> FaultsLike(std::string_view plan, const faultfs::DiskImage& image);

}  // namespace lumen::crash
