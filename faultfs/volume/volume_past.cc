#include <algorithm>
#include <vector>

#include "faultfs/volume/volume_tree.h"

namespace lumen::faultfs {
namespace {

constexpr unsigned kSeedBits = 64;

// A file through its history, as a reader sees it and as strict-posix surely keeps it:
// docs/fault_model.md, section 2.
class FileReplay {
 public:
  explicit FileReplay(const FileBytes& start) : past_{start, start} {}

  void Apply(const Operation& operation);
  VolumeTree::Past past() && { return std::move(past_); }

 private:
  void Append(const Operation& operation);
  void Sync(const Operation& operation);
  void KeepSector(uint64_t sector);
  void KeepSize();

  VolumeTree::Past past_;
  std::vector<uint64_t> pending_sectors_;
  uint64_t pending_size_ = 0;
};

void FileReplay::Append(const Operation& operation) {
  past_.seen.Write(operation.offset, *operation.data);
  pending_size_ = std::max(pending_size_, operation.size);
  const uint64_t end = operation.offset + operation.data->size();
  for (uint64_t sector = operation.offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
    pending_sectors_.push_back(sector);
  }
}

void FileReplay::KeepSize() {
  past_.durable.Resize(std::max(past_.durable.size(), pending_size_));
  pending_size_ = 0;
}

// Its newest version is what a reader sees.
void FileReplay::KeepSector(uint64_t sector) {
  char bytes[kSectorBytes];
  const size_t length = past_.seen.Read(sector * kSectorBytes, bytes, kSectorBytes);
  past_.durable.Write(sector * kSectorBytes, std::string_view(bytes, length));
}

void FileReplay::Sync(const Operation& operation) {
  switch (operation.effect) {
    case SyncEffect::kLied:
      return;
    case SyncEffect::kDurable:
    case SyncEffect::kFailedDurable:
      for (const uint64_t sector : pending_sectors_) KeepSector(sector);
      KeepSize();
      break;
    case SyncEffect::kFailedPartly:
      for (const uint64_t sector : pending_sectors_) {
        if (operation.seed >> sector % kSeedBits & 1) KeepSector(sector);
      }
      KeepSize();
      break;
    case SyncEffect::kMarkedClean:
      break;
    case SyncEffect::kReverted:
      past_.seen = past_.durable;
      pending_size_ = 0;
      break;
  }
  pending_sectors_.clear();
}

void FileReplay::Apply(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kAllocate:
      past_.seen.Resize(operation.size);
      pending_size_ = std::max(pending_size_, operation.size);
      break;
    case OperationKind::kAppend:
      return Append(operation);
    case OperationKind::kSync:
      return Sync(operation);
    case OperationKind::kDamage:
      for (FileBytes* bytes : {&past_.seen, &past_.durable}) {
        bytes->Resize(operation.size);
        bytes->Write(operation.offset, *operation.data);
      }
      break;
    default:
      break;  // names
  }
}

}  // namespace

VolumeTree::Past VolumeTree::PastOf(InodeNumber inode, size_t index) const {
  const FileBytes* start = start_.File(inode);
  FileReplay replay(start == nullptr ? FileBytes() : *start);
  for (size_t i = 0; i < index; ++i) {
    if (history_[i].inode == inode) replay.Apply(history_[i]);
  }
  return std::move(replay).past();
}

bool VolumeTree::HasUnsyncedNames(InodeNumber directory) const {
  if (directory == 0) return false;
  for (auto operation = history_.rbegin(); operation != history_.rend(); ++operation) {
    if (operation->directory == directory || operation->to_directory == directory) return true;
    const bool is_sync = operation->kind == OperationKind::kSyncDirectory;
    if (is_sync && operation->inode == directory && operation->effect != SyncEffect::kLied) {
      return false;
    }
  }
  return false;
}

}  // namespace lumen::faultfs
