#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/operation.h"

namespace lumen::faultfs {

// The bytes of one file, sparse, in chunks that copies share: copying costs a pointer a chunk,
// changing costs the chunks that change. Holes read as zeros. A value; not thread-safe while it is
// changed.
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
  // The bytes themselves where they lie in one chunk or in a hole of up to a chunk.
  std::string_view View(uint64_t offset, size_t length) const;
  std::string ToString() const;
  // Of size and bytes: equal for equal files however they came about.
  uint64_t hash() const;

 private:
  struct Chunk;
  uint64_t size_ = 0;
  std::vector<std::shared_ptr<const Chunk>> chunks_;  // null: a hole
};

// What a disk holds: inodes and entries. A value: copying it costs a pointer an inode, and copies
// share what neither changed.
class DiskImage {
 public:
  using Entries = std::vector<std::pair<std::string, InodeNumber>>;  // ascending by name

  // An empty root.
  DiskImage();

  // Null where there is no such inode, or it is of the other kind.
  const FileBytes* File(InodeNumber inode) const;
  const Entries* Directory(InodeNumber inode) const;
  // The inode that `path` leads to; 0: none.
  InodeNumber Find(std::string_view path) const;
  // Above every inode in use; what a Volume on this image continues with.
  InodeNumber next_inode() const;

  void AddFile(InodeNumber inode, FileBytes bytes = {});
  void AddDirectory(InodeNumber inode);
  FileBytes& MutableFile(InodeNumber inode);
  // Replaces what the entry named; inode 0 removes it.
  void SetEntry(InodeNumber directory, std::string_view name, InodeNumber inode);
  // Forgets every inode that no name leads to.
  void DropUnreachable();

  // Of paths and bytes, never of inode numbers: two images with equal hashes look the same to every
  // program (up to 2^-64).
  uint64_t hash() const;
  PlainImage Plain() const;
  static DiskImage FromPlain(const PlainImage& plain);

 private:
  struct Node;
  std::vector<std::shared_ptr<const Node>> nodes_;  // by inode number; null: no such inode
};

}  // namespace lumen::faultfs
