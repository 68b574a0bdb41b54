#pragma once

#include <algorithm>
#include <vector>

#include "faultfs/crash/compose.h"
#include "faultfs/crash/file_choices.h"
#include "faultfs/crash/layout.h"

namespace lumen::faultfs {

// Makes a legal choice and its image out of answers to "does operation i survive?". A Picker has
//
//   Closing closing()
//   bool Keeps(uint64_t index)
//       an entry operation, a size, all of an append
//   uint64_t Stops(uint64_t index, const SectorEnds&)
//       at which of these append `index`, which it keeps, stopped short; 0: it did not
//   bool KeepsSector(uint64_t index, const SectorChoices&)
//       the version that append `index` made
//   bool Replaces(const SectorChoices&, Survivors::Sector&)
//       something else than a version or base
//
// What the answers leave out and the profile demands is there nevertheless.
template <typename Picker>
class Chooser {
 public:
  Chooser(const CrashSpace::Layout& layout, Picker& picker) : layout_(layout), picker_(picker) {}

  CrashImage Choose() {
    CrashImage result;
    ChooseEntries(result.survivors);
    result.image = ImageWithEntries(layout_.state, happened_);
    for (const DiskState::File& file : layout_.state.files()) {
      if (file.pending->empty() || result.image.File(file.inode) == nullptr) continue;
      if (layout_.rules.sets) {
        ChooseSet(file.inode, *file.pending, result.survivors);
      } else {
        ChooseFile(file.inode, result.survivors);
      }
    }
    if (layout_.rules.sets) {
      std::sort(result.survivors.entries.begin(), result.survivors.entries.end());
      std::sort(result.survivors.appends.begin(), result.survivors.appends.end());
    }
    if (!layout_.state.zombies().empty()) ChooseZombies(result);
    ComposeFiles(layout_, result.survivors, result.image);
    if (layout_.state.profile() == Profile::kZombie) {
      result.zombies = Losers(layout_, result.survivors, result.image);
    }
    return result;
  }

 private:
  void ChooseEntries(Survivors& survivors) {
    const auto& entries = layout_.state.entries();
    happened_.resize(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      happened_[i] = picker_.Keeps(entries[i].pending->index);
    }
    Close(layout_.state, picker_.closing(), happened_);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (happened_[i]) survivors.entries.push_back(entries[i].pending->index);
    }
  }

  void ChooseFile(InodeNumber inode, Survivors& survivors) {
    const FileChoices choices(layout_, inode, happened_);
    int place = choices.last_size();
    while (place > choices.least_size() &&
           !(choices.SizeAllowed(place) && picker_.Keeps(choices.SizeIndex(place)))) {
      --place;
    }
    uint64_t size = choices.SizeAt(place);
    if (place != FileChoices::kBaseSize) {
      const uint64_t index = choices.SizeIndex(place);
      const uint64_t stopped = Stops(index, choices.SizesWithin(place));
      if (stopped != 0) size = stopped;
      survivors.sizes.push_back({.inode = inode, .index = index, .stopped = stopped});
    }
    choices.List(place, size, sectors_);
    for (const SectorChoices& sector : sectors_) ChooseSector(sector, survivors);
  }

  uint64_t Stops(uint64_t index, const SectorEnds& within) {
    return within.count == 0 ? 0 : picker_.Stops(index, within);
  }

  void ChooseSector(const SectorChoices& sector, Survivors& survivors) {
    Survivors::Sector chosen{.inode = sector.inode, .sector = sector.number};
    if (!picker_.Replaces(sector, chosen) && sector.versions != nullptr) {
      const auto& versions = sector.versions->versions;
      size_t at = versions.size();
      while (at > sector.first_version && !picker_.KeepsSector(versions[at - 1].index, sector)) {
        --at;
      }
      // None kept: the base, or what is demanded.
      if (at == sector.first_version && !sector.base) ++at;
      if (at > sector.first_version) {
        chosen.bytes = Survivors::Bytes::kVersion;
        chosen.index = versions[at - 1].index;
      }
    }
    if (chosen.bytes != Survivors::Bytes::kBase) survivors.sectors.push_back(chosen);
  }

  void ChooseSet(InodeNumber inode, const PendingFile& file, Survivors& survivors) {
    const auto& appends = file.appends();
    size_t growing = 0;
    size_t kept = 0;
    bool unbroken = true;
    for (const PendingFile::Append& append : appends) {
      if (!append.growing) continue;
      ++growing;
      const bool keeps = picker_.Keeps(append.operation->index);
      unbroken = unbroken && keeps;
      if (picker_.closing() == Closing::kAdd ? keeps : unbroken) kept = growing;
    }
    growing = 0;
    const PendingFile::Append* last = nullptr;
    for (const PendingFile::Append& append : appends) {
      const bool lost = append.operation->data_lost;
      const bool happens =
          append.growing ? growing++ < kept : !lost && picker_.Keeps(append.operation->index);
      if (happens) survivors.appends.push_back(append.operation->index);
      if (happens && append.growing) last = &append;
    }
    if (last != nullptr) {
      const uint64_t index = last->operation->index;
      const uint64_t stopped = Stops(index, last->within);
      if (stopped != 0) {
        survivors.sizes.push_back({.inode = inode, .index = index, .stopped = stopped});
      }
    }
    for (const PendingFile::SizeChange& change : file.sizes()) {
      if (!change.by_append && picker_.Keeps(change.index)) {
        survivors.entries.push_back(change.index);
      }
    }
  }

  // Of files that nothing is pending for: those that have zombies began before this history.
  void ChooseZombies(CrashImage& result) {
    const auto& zombies = layout_.state.zombies();
    for (size_t i = 0; i < zombies.size(); ++i) {
      const InodeNumber inode = zombies[i].inode;
      if (i > 0 && zombies[i - 1].inode == inode) continue;
      const PendingFile* file = layout_.state.FindFile(inode);
      if ((file != nullptr && !file->empty()) || result.image.File(inode) == nullptr) continue;
      ChooseFile(inode, result.survivors);
    }
    SortSurvivors(result.survivors);
  }

  const CrashSpace::Layout& layout_;
  Picker& picker_;
  Happened happened_;
  std::vector<SectorChoices> sectors_;
};

}  // namespace lumen::faultfs
