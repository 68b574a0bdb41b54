#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"
#include "faultfs/profile.h"

namespace lumen::faultfs {

// What a disk surely holds, and what may have reached it, at one moment of a history under one
// profile: the base and the pending operations of docs/fault_model.md. A value; copies share.
class DiskState {
 public:
  // A zombie is a sector version that lost at an earlier crash and may still land.
  struct Zombie {
    InodeNumber inode = 0;
    uint64_t sector = 0;
    std::shared_ptr<const std::string> bytes;  // kSectorBytes, or fewer at the end of the file
  };

  DiskState(Profile profile, DiskImage start, std::vector<Zombie> zombies = {});

  // The next operation of the history.
  void Apply(const Operation& operation);

  Profile profile() const { return profile_; }
  const DiskImage& base() const { return base_; }
  const std::vector<Zombie>& zombies() const { return zombies_; }
  // In the order of the history. Syncs are never pending.
  struct Pending {
    uint64_t index = 0;  // into the history, from 0
    Operation operation;
    // Marked clean: its data never reaches the disk; its size may.
    bool data_lost = false;
  };
  const std::vector<std::shared_ptr<const Pending>>& pending() const { return pending_; }

 private:
  Profile profile_;
  DiskImage base_;
  std::vector<Zombie> zombies_;
  std::vector<std::shared_ptr<const Pending>> pending_;
  uint64_t applied_ = 0;
};

}  // namespace lumen::faultfs
