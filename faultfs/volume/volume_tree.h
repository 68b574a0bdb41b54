#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/disk_image.h"
#include "faultfs/operation.h"

namespace lumen::faultfs {

// Asked for something that docs/fault_model.md, section 1, leaves out; not an errno.
inline constexpr int kNotModelled = -1;

// Names, files and space of a volume as programs see them, and the history of their changes. What
// can fail returns 0, the errno that Linux would give, with Linux's precedence, or kNotModelled;
// and has then changed nothing, but for Append. Not thread-safe.
class VolumeTree {
 public:
  // Without a history there is no PastOf() and no HasUnsyncedNames().
  explicit VolumeTree(DiskImage start, bool records_history = true);

  int Find(std::string_view path, InodeNumber* inode) const;
  // The same, and EISDIR or ENOTDIR for the other kind.
  int FindFile(std::string_view path, InodeNumber* inode) const;
  int FindDirectory(std::string_view path, InodeNumber* inode) const;
  // The directory that the path's last name is in, and the inode of that name; 0: there is none.
  int FindEntry(std::string_view path, InodeNumber* directory, InodeNumber* inode) const;

  int CreateFile(std::string_view path, InodeNumber* inode);
  int CreateDirectory(std::string_view path);
  int Rename(std::string_view from, std::string_view to);
  int Link(std::string_view existing, std::string_view added);
  int Remove(std::string_view path);
  int RemoveDirectory(std::string_view path);

  // A file keeps its bytes after its last name is gone, as long as it is open.
  void Open(InodeNumber inode) { info_[inode].handles++; }
  void Close(InodeNumber inode);

  int Allocate(InodeNumber inode, uint64_t size_bytes);
  // ENOSPC: what fits was written.
  int Append(InodeNumber inode, uint64_t offset, std::string_view data);
  void Sync(InodeNumber inode, SyncEffect effect, uint64_t seed);
  void SyncDirectory(InodeNumber inode, SyncEffect effect, uint64_t seed);
  // Has operations that no sync has made durable, by the rules of strict-posix.
  bool IsDirty(InodeNumber inode) const { return info_[inode].dirty; }
  // Has, of a directory, entry operations that the next sync decides about: those since the last
  // one that did not lie.
  bool HasUnsyncedNames(InodeNumber directory) const;
  // The file has a size not above the one it has, and `data`, which lies within it.
  void Damage(InodeNumber inode, uint64_t offset, std::string data, uint64_t size_bytes);

  // EWOULDBLOCK where either is held. The text is no part of the disk; it is there until the end of
  // the volume, for readers of the file.
  int Lock(InodeNumber directory, InodeNumber inode, std::string_view text);
  void Unlock(InodeNumber directory, InodeNumber inode) {
    info_[directory].locked = false;
    info_[inode].locked = false;
  }
  bool IsLocked(InodeNumber inode) const { return info_[inode].locked; }

  // What readers see.
  const FileBytes& Bytes(InodeNumber inode) const;
  // The same, and unchanging as long as it is held.
  std::shared_ptr<const FileBytes> ShareBytes(InodeNumber inode) const;

  // The file as it was before operation `index` of the history, and as a power loss would then have
  // left it by the rules of strict-posix. Costs by the length of the history.
  struct Past {
    FileBytes seen;
    FileBytes durable;
  };
  Past PastOf(InodeNumber inode, size_t index) const;

  void set_capacity(uint64_t capacity_bytes) { capacity_bytes_ = capacity_bytes; }
  uint64_t free_bytes() const;
  bool records_history() const { return records_history_; }
  const std::vector<Operation>& history() const { return history_; }
  const DiskImage& start() const { return start_; }
  const DiskImage& current() const { return current_; }

 private:
  // Where a path leads: a directory, a name in it, and the inode of that name if there is one. The
  // root has no name.
  struct Place {
    InodeNumber directory = 0;
    std::string_view name;
    InodeNumber inode = 0;
    int name_error = 0;  // what looking the name up gives, beyond whether it is there
  };
  // A directory and the path that leads to it.
  struct Parent {
    std::string path;  // empty: none
    InodeNumber inode = 0;
  };
  struct Info {
    uint32_t handles = 0;
    uint32_t names = 0;  // entries that lead to it
    bool locked = false;
    bool dirty = false;
    std::string tag;  // with a history
  };
  struct LockText {
    InodeNumber inode;
    std::shared_ptr<const FileBytes> bytes;
  };

  // Follows the path up to its last name; LookUp follows that as well.
  int Resolve(std::string_view path, Place* place) const;
  int LookUp(std::string_view path, Place* place) const;
  // False: `parent_` does not help.
  bool ResolveInParent(std::string_view path, Place* place) const;
  void RememberParent(std::string_view path, const Place& place) const;
  // Whether one of the directories on the way is `inode`.
  bool LeadsThrough(std::string_view path, InodeNumber inode) const;
  int CheckRename(const Place& source, const Place& target) const;
  bool IsDirectory(InodeNumber inode) const { return current_.Directory(inode) != nullptr; }
  const LockText* TextOf(InodeNumber inode) const;
  InodeNumber NewInode(std::string_view path);
  // The same in the image, and counted; inode 0 takes the name away.
  void SetEntry(InodeNumber directory, std::string_view name, InodeNumber inode);
  // Each adds an operation to the history, where there is one; null: there is none.
  Operation* RecordEntry(OperationKind kind, const Place& place, InodeNumber inode,
                         std::string_view path);
  Operation* Record(OperationKind kind, InodeNumber inode, std::string_view tag);
  void ReleaseIfUnused(InodeNumber inode);

  const DiskImage start_;
  DiskImage current_;
  const bool records_history_;
  std::vector<Operation> history_;
  std::vector<Info> info_;  // by inode
  // Of the path that was followed last: most that follow lead through it as well.
  mutable Parent parent_;
  std::vector<LockText> lock_texts_;
  uint64_t capacity_bytes_ = ~uint64_t{0};
  uint64_t used_bytes_ = 0;
};

}  // namespace lumen::faultfs
