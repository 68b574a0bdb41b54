#pragma once

#include <span>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"
#include "faultfs/volume.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// What makes a reader see other bytes than those that were written, as kDamage operations: the
// damage at rest in a history, and reads that were stale.
std::vector<faultfs::Operation> HarmsIn(std::span<const faultfs::Operation> history,
                                        std::span<const faultfs::StaleRead> stale_reads = {});

// The image as a reader saw it that met these.
faultfs::DiskImage WithHarms(faultfs::DiskImage image, std::span<const faultfs::Operation> harms);

// The one loss that the WAL's format cannot tell from an append that the crash tore
// (docs/durability.md), and so no violation. Exactly: of a segment behind which no segment holds a
// frame, what was harmed at or beyond every offset that a readable frame of it says is durable.
// Whatever is readable before that has to be there; and one harmed sector costs one sync unit at
// most, since each begins in a sector of its own. `seen`: the image with its harms.
void ExcuseTornDamage(std::span<const faultfs::Operation> harms, const faultfs::DiskImage& seen,
                      const WriteLog& log, Obligations& obligations);

}  // namespace lumen::crash
