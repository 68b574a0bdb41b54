#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "faultfs/crash/layout.h"

namespace lumen::faultfs {

// What a sector may hold: first the base's content (beyond the base's size: zeros), where that is
// allowed, then versions, then garbage, then zombies. Words of several versions are beside these.
struct SectorChoices {
  InodeNumber inode = 0;
  uint64_t number = 0;
  const PendingFile::Sector* versions = nullptr;  // may be null
  size_t first_version = 0;                       // older ones are not allowed
  bool base = true;
  bool stale = false;
  bool random = false;
  bool mixed_words = false;
  size_t first_zombie = 0;  // into DiskState::zombies()
  size_t zombies = 0;

  size_t version_count() const {
    return versions == nullptr ? 0 : versions->versions.size() - first_version;
  }
  // Without the words.
  size_t count() const {
    return size_t{base} + version_count() + size_t{stale} + size_t{random} + zombies;
  }
  Survivors::Sector At(size_t choice) const;
};

// What one file may be in an image, given which entry operations happened. Not for btrfs. Borrows
// all of it.
class FileChoices {
 public:
  // A place in PendingFile::sizes(); the base's size has none.
  static constexpr int kBaseSize = -1;

  FileChoices(const CrashSpace::Layout& layout, InodeNumber inode, const Happened& happened);

  // The smallest size that the file can have, and the last place there is.
  int least_size() const { return least_size_; }
  int last_size() const { return static_cast<int>(size_count_) - 1; }
  bool SizeAllowed(int place) const;
  uint64_t SizeAt(int place) const;
  // Where the append of an allowed place may have stopped short: sizes that are allowed, too.
  SectorEnds SizesWithin(int place) const;
  // History index; 0 for the base's size.
  uint64_t SizeIndex(int place) const;

  // Every sector that there is a choice about, ascending, in a file of `size` bytes: that of the
  // place, or one within it.
  void List(int size_place, uint64_t size, std::vector<SectorChoices>& sectors) const;
  // The choices of one sector, whether there is one or not.
  SectorChoices Of(uint64_t sector, int size_place) const;

 private:
  void FollowJournal(const Happened& happened);
  // Space that the base has, or a pending allocate up to that place.
  uint64_t AllocatedUpTo(int size_place) const;
  void Restrict(int size_place, uint64_t allocated, SectorChoices& sector) const;
  void AddGarbage(uint64_t allocated, SectorChoices& sector) const;
  void ListZombies(uint64_t size, std::vector<SectorChoices>& sectors) const;
  void AddGaps(uint64_t size, uint64_t allocated, std::vector<SectorChoices>& sectors) const;

  const CrashSpace::Layout& layout_;
  InodeNumber inode_;
  const FileBytes& base_;
  const PendingFile* file_;  // null: only zombies
  size_t size_count_ = 0;
  int least_size_ = kBaseSize;
  uint64_t journal_end_ = ~uint64_t{0};  // history index of the first that did not happen
  uint64_t rename_over_ = 0;             // of the last that happened; 0: none
};

}  // namespace lumen::faultfs
