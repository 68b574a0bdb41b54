#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faultfs/crash/pending_file.h"
#include "faultfs/disk_image.h"
#include "faultfs/operation.h"
#include "faultfs/profile.h"

namespace lumen::faultfs {

// What a disk surely holds, and what may have reached it, at one moment of a history under one
// profile: the base and the pending operations of docs/fault_model.md. A value; copies share, and
// belong to one thread.
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
  // The next operation of the history is under way: the crash comes in its middle, or right before
  // it. Tells a difference in `kill` alone, and of appends alone: elsewhere a crash right after it
  // may leave all that one in its middle may.
  void Begin(const Operation& operation);

  Profile profile() const { return profile_; }
  const DiskImage& base() const { return base_; }
  // Those that may still land, by inode and sector, then oldest first.
  const std::vector<Zombie>& zombies() const { return zombies_; }
  // In the order of the history. Syncs are never pending. What only files had that are gone for
  // good is not in it.
  using Pending = PendingOperation;
  const std::vector<std::shared_ptr<const Pending>>& pending() const { return pending_; }
  // Operations so far.
  uint64_t applied() const { return applied_; }
  // The append that has begun and may leave a part of itself; null: none.
  const Pending* under_way() const { return under_way_.get(); }
  // The file most recently unlinked or replaced, as a reader saw it; null: none. Stale bytes are
  // from there.
  const FileBytes* unlinked() const { return unlinked_.get(); }

  // The pending operations once more, as CrashSpace needs them.
  //
  // Entry operations, and in profiles with a journal allocates, in the order of the history.
  struct Entry {
    std::shared_ptr<const Pending> pending;
    // History indices of pending ones without which it cannot have happened, those that follow from
    // others left out. In profiles with a journal: none; all before it.
    std::vector<uint64_t> after;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  // Entry operations that a failed sync of their directory lost, in the order of the history. They
  // are not pending: no crash chooses them, and no sync makes them durable.
  struct Lost {
    std::shared_ptr<const Pending> operation;
    // History indices of pending entry operations that cannot happen without it: any of them brings
    // it back.
    std::vector<uint64_t> brought_by;

    // happened(history index of one of those) says whether it did.
    template <typename Happened>
    bool ComesBack(const Happened& happened) const {
      return std::any_of(brought_by.begin(), brought_by.end(), happened);
    }
  };
  const std::vector<Lost>& lost() const { return lost_; }
  // Files that something is pending for or was, ascending by inode.
  struct File {
    InodeNumber inode = 0;
    std::shared_ptr<PendingFile> pending;
    // Where the profile made more durable than strict-posix would: the file as it is there, which
    // is what a reverted sync goes back to.
    struct Strict;
    std::shared_ptr<Strict> strict;
  };
  const std::vector<File>& files() const { return files_; }
  const PendingFile* FindFile(InodeNumber inode) const;

 private:
  void AddInode(const Operation& operation);
  void AddEntry(std::shared_ptr<const Pending> pending);
  // Finds what has to happen before the entry and what it brings back.
  void Connect(Entry& entry);
  void ListPredecessors(const Pending& pending, bool by_directory,
                        std::vector<uint64_t>& after) const;
  void Allocate(const std::shared_ptr<const Pending>& pending);
  void Append(std::shared_ptr<const Pending> pending);
  void SyncFile(const Operation& operation);
  void SyncData(const Operation& operation);
  void SyncNames(const Operation& operation);
  void SyncDirectory(const Operation& operation);
  void Damage(const Operation& operation);
  void RememberUnlinked(InodeNumber inode);

  std::vector<bool> EntriesIn(InodeNumber directory) const;
  void CommitJournal();
  // And what comes before them in the profile's order.
  void MakeEntriesDurable(std::vector<bool> wanted);
  void AddPredecessors(std::vector<bool>& wanted) const;
  void LoseEntries(const std::vector<bool>& lost);
  void ApplyToBase(const Pending& pending);
  void FlushRenamedOver(const Pending& pending);
  void RaiseSize(InodeNumber inode, uint64_t size);
  void DropUndoneAllocates(InodeNumber inode);
  void Tidy();

  // Null: the file is gone for good.
  File* MutableFile(InodeNumber inode);
  // What strict-posix would make of the file from now on, beside what the profile does.
  void KeepStrict(File& file);
  // Calls change(pending file, its base), once more for the strict one where there is one.
  template <typename Change>
  void ChangeFile(InodeNumber inode, Change change);
  size_t EntryPosition(uint64_t index) const;

  Profile profile_;
  DiskImage base_;
  std::vector<Zombie> zombies_;
  std::vector<std::shared_ptr<const Pending>> pending_;
  std::shared_ptr<const Pending> under_way_;
  std::vector<Entry> entries_;
  std::vector<Lost> lost_;
  std::vector<File> files_;
  std::shared_ptr<const FileBytes> unlinked_;
  uint64_t applied_ = 0;
  bool base_has_litter_ = false;  // perhaps inodes that nothing leads to
};

// Applies an entry operation to an image.
void ApplyEntry(const Operation& operation, DiskImage& image);

}  // namespace lumen::faultfs
