#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/env/memory_content.h"
#include "engine/memory_file_system.h"

namespace lumen {

// An inode: a file, or a directory with its names as they are and as its last sync left them.
struct MemoryNode {
  using Names = std::map<std::string, std::shared_ptr<MemoryNode>, std::less<>>;

  bool is_directory = false;
  MemoryContent content;
  Names names;
  Names durable_names;
  int links = 0;  // entries in `names` of any directory
  int handles = 0;
  bool locked = false;
};

// The inodes and directories of a MemoryFileSystem, and the space they take. What can fail returns
// 0 or the errno that Linux would give, with Linux's precedence. Not thread-safe.
class MemoryTree {
 public:
  explicit MemoryTree(uint64_t capacity_bytes);
  ~MemoryTree();
  MemoryTree(const MemoryTree&) = delete;
  MemoryTree& operator=(const MemoryTree&) = delete;

  // The node that `path` names.
  int Find(const std::string& path, std::shared_ptr<MemoryNode>* node) const;
  // The same, and EISDIR for a directory.
  int FindFile(const std::string& path, std::shared_ptr<MemoryNode>* node) const;
  // The same, and ENOTDIR for a file.
  int FindDirectory(const std::string& path, std::shared_ptr<MemoryNode>* node) const;

  int CreateFile(const std::string& path, std::shared_ptr<MemoryNode>* node);
  int CreateDirectory(const std::string& path);
  int Rename(const std::string& from, const std::string& to);
  int Link(const std::string& existing, const std::string& added);
  int Remove(const std::string& path);
  int RemoveDirectory(const std::string& path);
  int List(const std::string& path, std::vector<std::string>* names) const;
  int SyncDirectory(const std::string& path);
  // Makes the names on the way to `path` durable.
  void SyncNames(const std::string& path);

  // An open file keeps its space after its last name is gone, as long as it is open.
  void Open(MemoryNode& node) { node.handles++; }
  void Close(MemoryNode& node);

  // ENOSPC leaves the file as it was; Append writes what fits and advances `offset` past it.
  int Extend(MemoryNode& node, uint64_t size_bytes);
  int Append(MemoryNode& node, uint64_t* offset, std::string_view data);
  void Resize(MemoryNode& node, uint64_t size_bytes);

  void set_capacity(uint64_t capacity_bytes) { capacity_bytes_ = capacity_bytes; }
  uint64_t free_bytes() const;

  // The tree that a crash leaves.
  std::unique_ptr<MemoryTree> CrashCopy(MemoryFileSystem::Crash crash) const;

 private:
  using NodePointer = std::shared_ptr<MemoryNode>;
  using Copies = std::map<const MemoryNode*, NodePointer>;

  // Where a path leads: a directory, a name in it, and the node of that name if there is one. The
  // root has no name.
  struct Place {
    std::vector<NodePointer> directories;  // from the root to the one that holds the name
    std::string name;
    NodePointer node;
    int name_error = 0;  // what looking the name up gives, beyond whether it is there

    MemoryNode& directory() const { return *directories.back(); }
    bool Passes(const NodePointer& other) const;
  };

  // Follows the path up to its last name; LookUp follows that as well.
  int Resolve(const std::string& path, Place* place) const;
  int LookUp(const std::string& path, Place* place) const;
  NodePointer NewDirectory();
  void AddName(const Place& place, const NodePointer& node);
  void DropName(const Place& place);
  void ReleaseIfUnused(MemoryNode& node);

  NodePointer CopyNode(const MemoryNode& from, MemoryFileSystem::Crash crash, Copies& copies);
  void CopyNames(const MemoryNode::Names& from, MemoryFileSystem::Crash crash, Copies& copies,
                 MemoryNode::Names& to);

  // A rename may leave a directory durable in two places, and two of them in each other: the
  // destructor cuts such rings.
  std::vector<std::weak_ptr<MemoryNode>> all_directories_;
  NodePointer root_;
  uint64_t capacity_bytes_;
  uint64_t used_bytes_ = 0;
};

}  // namespace lumen
