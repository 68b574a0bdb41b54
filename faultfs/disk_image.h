#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/operation.h"

namespace lumen::faultfs {

// The bytes of one file, sparse, in chunks that copies share: copying costs a pointer a chunk,
// changing costs the chunks that change. Holes read as zeros and cost nothing. A value; not
// thread-safe, and neither are copies that share: they belong to one thread.
class FileBytes {
 public:
  static constexpr uint64_t kChunkBytes = 4096;

  uint64_t size() const { return size_; }
  // Growing adds zeros.
  void Resize(uint64_t size_bytes);
  // Grows the file where needed.
  void Write(uint64_t offset, std::string_view data);
  // Copies what there is; returns how much.
  size_t Read(uint64_t offset, char* out, size_t length) const;
  // The bytes themselves where they lie in one chunk, or in holes and no longer than a chunk.
  // Nothing where they do not, or where the range passes the end. Good until these bytes change or
  // the last FileBytes that shares them is gone.
  std::optional<std::string_view> View(uint64_t offset, size_t length) const;
  // From here on there are only zeros. Not always the first such place.
  uint64_t data_end() const;
  std::string ToString() const;
  // Of size and bytes: equal for equal files however they came about. Costs by the sectors that
  // changed since it was last asked for, here or in what this was copied from.
  uint64_t hash() const;

 private:
  struct Chunk;

  Chunk& MutableChunk(size_t index);
  const char* ChunkData(size_t index) const;

  uint64_t size_ = 0;
  mutable uint64_t hash_ = 0;                   // 0: not known
  std::vector<std::shared_ptr<Chunk>> chunks_;  // null, or past the end: a hole
};

// What a disk holds: inodes and entries. A value: copying it costs a pointer an inode, and copies
// share what neither changed. Copies that share belong to one thread.
class DiskImage {
 public:
  using Entries = std::vector<std::pair<std::string, InodeNumber>>;  // ascending by name

  // An empty root.
  DiskImage();

  // Null where there is no such inode, or it is of the other kind. Good until the image changes.
  const FileBytes* File(InodeNumber inode) const;
  const Entries* Directory(InodeNumber inode) const;
  // The file as it is now, whatever becomes of the image. Null as above.
  std::shared_ptr<const FileBytes> ShareFile(InodeNumber inode) const;
  // The inode that `path` leads to; 0: none.
  InodeNumber Find(std::string_view path) const;
  // The inode of an entry; 0: none.
  InodeNumber Entry(InodeNumber directory, std::string_view name) const;
  // Above every inode in use; what a Volume on this image continues with.
  InodeNumber next_inode() const { return static_cast<InodeNumber>(nodes_.size()); }

  // Replaces the inode if there is one.
  void AddFile(InodeNumber inode, FileBytes bytes = {});
  void AddDirectory(InodeNumber inode);
  FileBytes& MutableFile(InodeNumber inode);
  // Replaces what the entry named, and returns it; inode 0 removes it.
  InodeNumber SetEntry(InodeNumber directory, std::string_view name, InodeNumber inode);
  void DropInode(InodeNumber inode);
  // Forgets every inode that no name leads to.
  void DropUnreachable();

  // Of paths and bytes, never of inode numbers: two images with equal hashes look the same to every
  // program (up to 2^-64).
  uint64_t hash() const;
  PlainImage Plain() const;
  static DiskImage FromPlain(const PlainImage& plain);

 private:
  struct Node;

  const Node* Find(InodeNumber inode) const;
  Node& MutableNode(InodeNumber inode);
  std::shared_ptr<Node>& Slot(InodeNumber inode);
  uint64_t HashDirectory(const Node& directory) const;
  void AddToPlain(const Node& directory, const std::string& path, PlainImage& plain) const;
  void Mark(InodeNumber inode, std::vector<bool>& reached) const;

  std::vector<std::shared_ptr<Node>> nodes_;  // by inode number; null: no such inode
};

}  // namespace lumen::faultfs
