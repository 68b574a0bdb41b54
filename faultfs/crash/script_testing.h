#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"

// Histories written by hand, and images as text.
namespace lumen::faultfs {

// Builds the operations of a history; names are of files in the root unless a directory is given.
class Script {
 public:
  // Continues after what `start` holds.
  explicit Script(InodeNumber next_inode = kRootInode + 1) : next_(next_inode) {}

  InodeNumber Create(const std::string& name, InodeNumber directory = kRootInode) {
    Add({.kind = OperationKind::kCreate, .inode = next_, .directory = directory, .name = name});
    sizes_[next_] = 0;
    return next_++;
  }
  InodeNumber MakeDirectory(const std::string& name, InodeNumber directory = kRootInode) {
    Add({.kind = OperationKind::kMakeDirectory,
         .inode = next_,
         .directory = directory,
         .name = name});
    return next_++;
  }
  void Link(InodeNumber inode, const std::string& name, InodeNumber directory = kRootInode) {
    Add({.kind = OperationKind::kLink, .inode = inode, .directory = directory, .name = name});
  }
  void Unlink(InodeNumber inode, const std::string& name, InodeNumber directory = kRootInode) {
    Add({.kind = OperationKind::kUnlink, .inode = inode, .directory = directory, .name = name});
  }
  void RemoveDirectory(InodeNumber inode, const std::string& name,
                       InodeNumber directory = kRootInode) {
    Add({.kind = OperationKind::kRemoveDirectory,
         .inode = inode,
         .directory = directory,
         .name = name});
  }
  void Rename(InodeNumber inode, const std::string& name, const std::string& to,
              InodeNumber replaced = 0, InodeNumber directory = kRootInode,
              InodeNumber to_directory = kRootInode) {
    Add({.kind = OperationKind::kRename,
         .inode = inode,
         .directory = directory,
         .name = name,
         .to_directory = to_directory,
         .to_name = to,
         .replaced = replaced});
  }
  void Allocate(InodeNumber inode, uint64_t size) {
    sizes_[inode] = std::max(sizes_[inode], size);
    Add({.kind = OperationKind::kAllocate, .inode = inode, .size = size});
  }
  // Returns its index in the history.
  uint64_t Append(InodeNumber inode, uint64_t offset, const std::string& data) {
    sizes_[inode] = std::max(sizes_[inode], offset + data.size());
    Add({.kind = OperationKind::kAppend,
         .inode = inode,
         .offset = offset,
         .data = std::make_shared<const std::string>(data),
         .size = sizes_[inode]});
    return history_.size() - 1;
  }
  void Sync(InodeNumber inode, SyncEffect effect = SyncEffect::kDurable, uint64_t seed = 0) {
    Add({.kind = OperationKind::kSync, .inode = inode, .effect = effect, .seed = seed});
  }
  void SyncDirectory(InodeNumber directory = kRootInode, SyncEffect effect = SyncEffect::kDurable,
                     uint64_t seed = 0) {
    Add({.kind = OperationKind::kSyncDirectory,
         .inode = directory,
         .effect = effect,
         .seed = seed});
  }
  void Damage(InodeNumber inode, uint64_t size, uint64_t offset, const std::string& data) {
    sizes_[inode] = size;
    Add({.kind = OperationKind::kDamage,
         .inode = inode,
         .offset = offset,
         .data = std::make_shared<const std::string>(data),
         .size = size});
  }

  const std::vector<Operation>& history() const { return history_; }
  // The last operation of the history is under way.
  DiskState StateInLast(Profile profile) const {
    DiskState state(profile, {});
    for (size_t i = 0; i + 1 < history_.size(); ++i) state.Apply(history_[i]);
    state.Begin(history_.back());
    return state;
  }
  DiskState State(Profile profile, DiskImage start = {},
                  std::vector<DiskState::Zombie> zombies = {}) const {
    DiskState state(profile, std::move(start), std::move(zombies));
    for (const Operation& operation : history_) state.Apply(operation);
    return state;
  }

 private:
  void Add(Operation operation) { history_.push_back(std::move(operation)); }

  InodeNumber next_;
  std::map<InodeNumber, uint64_t> sizes_;
  std::vector<Operation> history_;
};

// Runs of equal bytes, "a*512 0*100", zeros as '0', other bytes that are not letters as '?'.
inline std::string Show(const std::string& bytes) {
  std::string text;
  const auto letter = [](char c) {
    return c == '\0' ? '0' : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '?';
  };
  for (size_t i = 0; i < bytes.size();) {
    size_t end = i;
    while (end < bytes.size() && letter(bytes[end]) == letter(bytes[i])) ++end;
    if (!text.empty()) text += ' ';
    text += letter(bytes[i]);
    text += "*" + std::to_string(end - i);
    i = end;
  }
  return text;
}

// "/CURRENT[a*10] /db/ /x[]".
inline std::string Show(const DiskImage& image) {
  std::string text;
  for (const auto& [path, bytes] : image.Plain()) {
    if (!text.empty()) text += ' ';
    text += path + (bytes ? "[" + Show(*bytes) + "]" : "/");
  }
  return text;
}

inline std::set<std::string> AllImages(const DiskState& state, uint64_t limit = 100'000,
                                       const FileBytes* unlinked = nullptr) {
  std::set<std::string> images;
  CrashSpace(state, 1, unlinked).Enumerate(limit, [&](const CrashImage& image) {
    images.insert(Show(image.image));
    return true;
  });
  return images;
}

}  // namespace lumen::faultfs
