#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultfs/crash/file_choices.h"
#include "faultfs/crash/layout.h"

namespace lumen::faultfs {

// Gives the files of `image`, which has its entries already, the sizes and contents that were
// chosen. The choice is legal, and its sizes and sectors are ascending by inode and sector.
void ComposeFiles(const CrashSpace::Layout& layout, const Survivors& survivors, DiskImage& image);

// The 512 bytes that a choice gives its sector; not for words.
std::string SectorBytes(const CrashSpace::Layout& layout, const Survivors::Sector& chosen);

// Profile zombie: what lost to the survivors and may still land.
std::vector<DiskState::Zombie> Losers(const CrashSpace::Layout& layout, const Survivors& survivors,
                                      const DiskImage& image);

// 8-byte words of the contents that a sector may have, chosen by `seed`: counted through where they
// can be (WordCombinations), otherwise drawn.
void MixWords(const CrashSpace::Layout& layout, const SectorChoices& sector, uint64_t seed,
              char* out);
// How many sectors MixWords can make; 0: more than can be counted through.
uint64_t WordCombinations(const CrashSpace::Layout& layout, const SectorChoices& sector);

}  // namespace lumen::faultfs
