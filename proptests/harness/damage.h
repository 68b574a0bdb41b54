#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// Whether damage of a WAL segment from `offset` on cannot be told from an append that the crash
// tore: nothing readable in the image promises what was there. The documented limit of the format
// (docs/durability.md): no later segment holds a frame, and no frame of this one says that the
// segment was durable beyond the offset.
bool LooksTorn(const faultfs::DiskImage& image, const std::string& segment_path, uint64_t offset);

// Whether that holds for any damage of a WAL segment in a history of which this image is left.
bool DamageLooksTorn(std::span<const faultfs::Operation> history, const faultfs::DiskImage& image);

// Where it does, a loss is no violation; but one damaged sector costs one sync unit at most, since
// each begins in a sector of its own and says that the one before it is durable.
void ExcuseTornDamage(std::span<const faultfs::Operation> history, const faultfs::DiskImage& image,
                      const WriteLog& log, Obligations& obligations);

}  // namespace lumen::crash
