#pragma once

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "faultfs/crash/rules.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"

namespace lumen::faultfs {

struct CrashSpace::Layout {
  const DiskState& state;
  Rules rules;
  uint64_t seed = 0;
  const FileBytes* unlinked = nullptr;
};

// Which of DiskState::entries() happened, by position.
using Happened = absl::InlinedVector<bool, 32>;

// Makes a choice legal by the profile's order: by adding what those that happened demand, or by
// taking away those that demand what did not happen.
enum class Closing : uint8_t { kAdd, kTakeAway };
void Close(const DiskState& state, Closing closing, Happened& happened);

// The base with those entry operations, and without what no name leads to.
DiskImage ImageWithEntries(const DiskState& state, const Happened& happened);

// Profiles without choice: what a crash leaves that comes between two operations.
CrashImage OnlyImage(const CrashSpace::Layout& layout);

// Brings sizes and sectors into the order of inodes and sectors.
void SortSurvivors(Survivors& survivors);

// Position in DiskState::entries() of a history index; entries().size() where it is not there.
size_t EntryPosition(const DiskState& state, uint64_t index);

}  // namespace lumen::faultfs
