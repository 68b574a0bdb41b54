#include "proptests/harness/operation_text.h"

#include "absl/strings/str_cat.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {
namespace {

using faultfs::InodeNumber;
using faultfs::Operation;
using faultfs::OperationKind;
using faultfs::SyncEffect;

std::string EffectText(SyncEffect effect) {
  switch (effect) {
    case SyncEffect::kDurable:
      return "";
    case SyncEffect::kLied:
      return ": OK, but nothing became durable";
    case SyncEffect::kMarkedClean:
      return ": failed, what was pending never reaches the disk";
    case SyncEffect::kReverted:
      return ": error, the file went back to what is durable";
    case SyncEffect::kFailedDurable:
      return ": error, though everything became durable";
    case SyncEffect::kFailedPartly:
      return ": error, a part became durable";
  }
  return "";
}

// The database's own directory goes without saying.
std::string Short(std::string path) {
  const std::string prefix = absl::StrCat(kDatabaseDirectory, "/");
  return path.rfind(prefix, 0) == 0 ? path.substr(prefix.size()) : path;
}

}  // namespace

OperationText::OperationText(const faultfs::DiskImage& start) {
  Remember(start, faultfs::kRootInode);
}

void OperationText::Remember(const faultfs::DiskImage& image, InodeNumber directory) {
  const faultfs::DiskImage::Entries* entries = image.Directory(directory);
  if (entries == nullptr) return;
  for (const auto& [name, inode] : *entries) {
    paths_[inode] = Joined(directory, name);
    Remember(image, inode);
  }
}

std::string OperationText::Joined(InodeNumber directory, const std::string& name) const {
  const std::string parent = directory == faultfs::kRootInode ? "" : PathOf(directory);
  return absl::StrCat(parent, "/", name);
}

std::string OperationText::PathOf(InodeNumber inode) const {
  if (inode == faultfs::kRootInode) return "/";
  const auto found = paths_.find(inode);
  return found == paths_.end() ? absl::StrCat("inode ", inode) : found->second;
}

std::string OperationText::Tell(const Operation& operation) {
  const std::string path = Short(PathOf(operation.inode));
  const std::string entry = Joined(operation.directory, operation.name);
  switch (operation.kind) {
    case OperationKind::kCreate:
      paths_[operation.inode] = entry;
      return "create " + Short(entry);
    case OperationKind::kMakeDirectory:
      paths_[operation.inode] = entry;
      return "mkdir " + Short(entry);
    case OperationKind::kLink:
      return absl::StrCat("link ", path, " -> ", Short(entry));
    case OperationKind::kUnlink:
      return "unlink " + Short(entry);
    case OperationKind::kRemoveDirectory:
      return "rmdir " + Short(entry);
    case OperationKind::kRename: {
      const std::string to = Joined(operation.to_directory, operation.to_name);
      paths_[operation.inode] = to;
      return absl::StrCat("rename ", Short(entry), " -> ", Short(to));
    }
    case OperationKind::kAllocate:
      return absl::StrCat("allocate ", path, " to ", operation.size);
    case OperationKind::kAppend:
      return absl::StrCat("append ", path, " @", operation.offset, " +", operation.data->size());
    case OperationKind::kSync:
      return absl::StrCat("sync ", path, EffectText(operation.effect));
    case OperationKind::kSyncDirectory:
      return absl::StrCat("syncdir ", path, EffectText(operation.effect));
    case OperationKind::kDamage:
      return absl::StrCat("DAMAGE at rest of ", path, " @", operation.offset, ", now ",
                          operation.size, " bytes");
  }
  return path;
}

}  // namespace lumen::crash
