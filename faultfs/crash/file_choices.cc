#include "faultfs/crash/file_choices.h"

#include <algorithm>

namespace lumen::faultfs {

Survivors::Sector SectorChoices::At(size_t choice) const {
  using Bytes = Survivors::Bytes;
  Survivors::Sector sector{.inode = inode, .sector = number, .bytes = Bytes::kBase, .index = 0};
  if (base && choice-- == 0) return sector;
  if (choice < version_count()) {
    sector.bytes = Bytes::kVersion;
    sector.index = versions->versions[first_version + choice].index;
    return sector;
  }
  choice -= version_count();
  if (stale && choice-- == 0) {
    sector.bytes = Bytes::kStale;
  } else if (random && choice-- == 0) {
    sector.bytes = Bytes::kRandom;
  } else {
    sector.bytes = Bytes::kZombie;
    sector.index = first_zombie + choice;
  }
  return sector;
}

FileChoices::FileChoices(const CrashSpace::Layout& layout, InodeNumber inode,
                         const Happened& happened)
    : layout_(layout),
      inode_(inode),
      base_(*layout.state.base().File(inode)),
      file_(layout.state.FindFile(inode)) {
  if (file_ == nullptr) return;
  size_count_ = file_->sizes().size();
  if (layout.rules.journal) FollowJournal(happened);
}

void FileChoices::FollowJournal(const Happened& happened) {
  const auto& sizes = file_->sizes();
  const auto& entries = layout_.state.entries();
  for (size_t i = 0; i < happened.size(); ++i) {
    const PendingOperation& entry = *entries[i].pending;
    if (!happened[i]) {
      journal_end_ = entry.index;
      break;
    }
    const bool over = entry.operation.replaced != 0 && entry.operation.inode == inode_;
    if (layout_.rules.ordered && over) rename_over_ = entry.index;
  }
  for (int place = 0; place <= last_size(); ++place) {
    const auto& change = sizes[static_cast<size_t>(place)];
    const bool in_journal = !change.by_append && change.index < journal_end_;
    if (in_journal || change.index < rename_over_) least_size_ = place;
  }
}

bool FileChoices::SizeAllowed(int place) const {
  if (place <= least_size_) return place == least_size_;
  return !layout_.rules.journal || file_->sizes()[static_cast<size_t>(place)].by_append;
}

uint64_t FileChoices::SizeAt(int place) const {
  if (place == kBaseSize) return base_.size();
  return std::max(base_.size(), file_->sizes()[static_cast<size_t>(place)].size);
}

SectorEnds FileChoices::SizesWithin(int place) const {
  // What has to be there has to be there whole.
  if (place == kBaseSize || place == least_size_) return {};
  return file_->sizes()[static_cast<size_t>(place)].Within(base_.size());
}

uint64_t FileChoices::SizeIndex(int place) const {
  return place == kBaseSize ? 0 : file_->sizes()[static_cast<size_t>(place)].index;
}

uint64_t FileChoices::AllocatedUpTo(int size_place) const {
  uint64_t allocated = base_.size();
  for (int place = 0; place <= size_place; ++place) {
    const auto& change = file_->sizes()[static_cast<size_t>(place)];
    if (!change.by_append) allocated = std::max(allocated, change.size);
  }
  return allocated;
}

void FileChoices::Restrict(int size_place, uint64_t allocated, SectorChoices& sector) const {
  const bool inside = sector.number * kSectorBytes < base_.size();
  if (sector.versions != nullptr && layout_.rules.ordered) {
    uint64_t end = rename_over_;
    if (!inside && size_place != kBaseSize) {
      const auto& change = file_->sizes()[static_cast<size_t>(size_place)];
      // Data before size.
      if (change.by_append) end = std::max(end, change.index + 1);
    }
    const auto& versions = sector.versions->versions;
    size_t demanded = 0;
    while (demanded < versions.size() && versions[demanded].index < end) ++demanded;
    sector.base = demanded == 0;
    sector.first_version = demanded == 0 ? 0 : demanded - 1;
  }
  sector.mixed_words = layout_.rules.mixed_words && inside && sector.versions != nullptr;
  AddGarbage(allocated, sector);
}

void FileChoices::AddGarbage(uint64_t allocated, SectorChoices& sector) const {
  if (!layout_.rules.garbage) return;
  const uint64_t start = sector.number * kSectorBytes;
  const bool free_space = start >= allocated;
  sector.stale = free_space && layout_.unlinked != nullptr && start < layout_.unlinked->size();
  sector.random = free_space || (layout_.rules.random_wal && sector.versions != nullptr &&
                                 file_->MayBeRandom(sector.number));
}

SectorChoices FileChoices::Of(uint64_t sector, int size_place) const {
  SectorChoices choices{.inode = inode_, .number = sector};
  if (file_ != nullptr) {
    choices.versions = file_->FindSector(sector);
    Restrict(size_place, AllocatedUpTo(size_place), choices);
  }
  const auto& zombies = layout_.state.zombies();
  for (size_t i = 0; i < zombies.size(); ++i) {
    if (zombies[i].inode != inode_ || zombies[i].sector != sector) continue;
    if (choices.zombies++ == 0) choices.first_zombie = i;
  }
  return choices;
}

void FileChoices::List(int size_place, uint64_t size, std::vector<SectorChoices>& sectors) const {
  sectors.clear();
  if (file_ != nullptr) {
    const uint64_t allocated = AllocatedUpTo(size_place);
    for (const PendingFile::Sector& sector : file_->sectors()) {
      if (sector.number * kSectorBytes >= size) break;
      SectorChoices& choices = sectors.emplace_back(
          SectorChoices{.inode = inode_, .number = sector.number, .versions = &sector});
      Restrict(size_place, allocated, choices);
    }
    if (layout_.rules.garbage) AddGaps(size, allocated, sectors);
  }
  if (!layout_.state.zombies().empty()) ListZombies(size, sectors);
}

// Sectors that may be garbage though no pending append touched them.
void FileChoices::AddGaps(uint64_t size, uint64_t allocated,
                          std::vector<SectorChoices>& sectors) const {
  const size_t with_versions = sectors.size();
  const uint64_t first = (allocated + kSectorBytes - 1) / kSectorBytes;
  for (uint64_t number = first; number * kSectorBytes < size; ++number) {
    if (file_->FindSector(number) != nullptr) continue;
    AddGarbage(allocated, sectors.emplace_back(SectorChoices{.inode = inode_, .number = number}));
  }
  std::inplace_merge(
      sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(with_versions), sectors.end(),
      [](const SectorChoices& a, const SectorChoices& b) { return a.number < b.number; });
}

// No append touched these, so they are none of the others.
void FileChoices::ListZombies(uint64_t size, std::vector<SectorChoices>& sectors) const {
  const size_t with_versions = sectors.size();
  const auto& zombies = layout_.state.zombies();
  for (size_t i = 0; i < zombies.size(); ++i) {
    if (zombies[i].inode != inode_ || zombies[i].sector * kSectorBytes >= size) continue;
    if (sectors.size() == with_versions || sectors.back().number != zombies[i].sector) {
      sectors.push_back({.inode = inode_, .number = zombies[i].sector, .first_zombie = i});
    }
    ++sectors.back().zombies;
  }
  std::inplace_merge(
      sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(with_versions), sectors.end(),
      [](const SectorChoices& a, const SectorChoices& b) { return a.number < b.number; });
}

}  // namespace lumen::faultfs
