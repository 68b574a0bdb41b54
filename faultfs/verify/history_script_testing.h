#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faultfs/operation.h"

namespace lumen::faultfs::verify {

// Writes a history as a volume would.
class Script {
 public:
  InodeNumber Create(const std::string& name, InodeNumber directory = kRootInode) {
    return Enter(OperationKind::kCreate, ++last_inode_, directory, name);
  }
  InodeNumber Mkdir(const std::string& name, InodeNumber directory = kRootInode) {
    return Enter(OperationKind::kMakeDirectory, ++last_inode_, directory, name);
  }
  void Link(InodeNumber inode, const std::string& name, InodeNumber directory = kRootInode) {
    Enter(OperationKind::kLink, inode, directory, name);
  }
  void Unlink(InodeNumber inode, const std::string& name, InodeNumber directory = kRootInode) {
    Enter(OperationKind::kUnlink, inode, directory, name);
  }
  void Rmdir(InodeNumber inode, const std::string& name) {
    Enter(OperationKind::kRemoveDirectory, inode, kRootInode, name);
  }
  void Rename(InodeNumber inode, const std::string& from, const std::string& to,
              InodeNumber replaced = 0, InodeNumber from_directory = kRootInode,
              InodeNumber to_directory = kRootInode) {
    Operation operation = {OperationKind::kRename, inode, from_directory, from};
    operation.to_directory = to_directory;
    operation.to_name = to;
    operation.replaced = replaced;
    history.push_back(operation);
  }
  void Allocate(InodeNumber inode, uint64_t sectors) {
    size_[inode] = std::max(size_[inode], sectors * kSectorBytes);
    Operation operation = {OperationKind::kAllocate, inode};
    operation.size = size_[inode];
    history.push_back(operation);
  }
  // A letter a sector.
  void Append(InodeNumber inode, const std::string& letters) {
    std::string data;
    for (const char letter : letters) data.append(kSectorBytes, letter);
    AppendBytes(inode, data);
  }
  void AppendBytes(InodeNumber inode, const std::string& data) {
    Operation operation = {OperationKind::kAppend, inode};
    operation.offset = end_[inode];
    operation.data = std::make_shared<const std::string>(data);
    end_[inode] += data.size();
    operation.size = size_[inode] = std::max(size_[inode], end_[inode]);
    history.push_back(operation);
  }
  void Sync(InodeNumber inode, SyncEffect effect = SyncEffect::kDurable, uint64_t seed = 0) {
    Operation operation = {OperationKind::kSync, inode};
    operation.effect = effect;
    operation.seed = seed;
    history.push_back(operation);
  }
  void SyncDirectory(InodeNumber directory = kRootInode, SyncEffect effect = SyncEffect::kDurable,
                     uint64_t seed = 0) {
    Operation operation = {OperationKind::kSyncDirectory, directory};
    operation.effect = effect;
    operation.seed = seed;
    history.push_back(operation);
  }
  // A file whose name is durable and which is empty, or holds the letters durably.
  InodeNumber File(const std::string& name, const std::string& letters = "") {
    const InodeNumber inode = Create(name);
    SyncDirectory();
    if (!letters.empty()) Append(inode, letters);
    Sync(inode);
    return inode;
  }

  std::vector<Operation> history;

 private:
  InodeNumber Enter(OperationKind kind, InodeNumber inode, InodeNumber directory,
                    const std::string& name) {
    history.push_back({kind, inode, directory, name});
    return inode;
  }

  InodeNumber last_inode_ = kRootInode;
  std::map<InodeNumber, uint64_t> size_;
  std::map<InodeNumber, uint64_t> end_;
};

}  // namespace lumen::faultfs::verify
