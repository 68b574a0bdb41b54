#include "faultfs/crash/describe.h"

#include "absl/strings/str_cat.h"

namespace lumen::faultfs {
namespace {

// Empty where no durable entry names it.
std::string NameInBase(const DiskImage& base, InodeNumber inode) {
  for (InodeNumber directory = 1; directory < base.next_inode(); ++directory) {
    const DiskImage::Entries* entries = base.Directory(directory);
    if (entries == nullptr) continue;
    for (const auto& [name, named] : *entries) {
      if (named == inode) return name;
    }
  }
  return "";
}

// Empty where the operation names nothing.
std::string NameGiven(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kCreate:
    case OperationKind::kMakeDirectory:
    case OperationKind::kLink:
      return operation.name;
    case OperationKind::kRename:
      return operation.to_name;
    default:
      return "";
  }
}

std::string NameOfRename(const DiskState& state, const PendingOperation& pending) {
  const Operation& operation = pending.operation;
  if (operation.directory == operation.to_directory) return operation.to_name;
  return absl::StrCat(FileName(state, operation.to_directory, pending.index), "/",
                      operation.to_name);
}

}  // namespace

std::string FileName(const DiskState& state, InodeNumber inode, uint64_t at) {
  if (inode == kRootInode) return "";
  std::string newest;
  std::string first;
  uint64_t index_of_newest = 0;
  const auto consider = [&](const PendingOperation& pending) {
    if (pending.operation.inode != inode) return;
    const std::string name = NameGiven(pending.operation);
    if (name.empty()) return;
    if (first.empty()) first = name;
    if (pending.index >= at || pending.index < index_of_newest) return;
    newest = name;
    index_of_newest = pending.index;
  };
  for (const auto& pending : state.pending()) consider(*pending);
  for (const DiskState::Lost& lost : state.lost()) consider(*lost.operation);
  if (newest.empty()) newest = NameInBase(state.base(), inode);
  if (newest.empty()) newest = first;
  return newest.empty() ? absl::StrCat("unnamed file ", inode) : newest;
}

std::string Describe(const DiskState& state, const PendingOperation& pending) {
  const Operation& operation = pending.operation;
  switch (operation.kind) {
    case OperationKind::kCreate:
      return absl::StrCat("create(", operation.name, ")");
    case OperationKind::kMakeDirectory:
      return absl::StrCat("mkdir(", operation.name, ")");
    case OperationKind::kLink:
      return absl::StrCat("link(", FileName(state, operation.inode, pending.index), " -> ",
                          operation.name, ")");
    case OperationKind::kUnlink:
      return absl::StrCat("unlink(", operation.name, ")");
    case OperationKind::kRemoveDirectory:
      return absl::StrCat("rmdir(", operation.name, ")");
    case OperationKind::kRename:
      return absl::StrCat("rename(", operation.name, " -> ", NameOfRename(state, pending), ")");
    case OperationKind::kAllocate:
      return absl::StrCat("allocate(", FileName(state, operation.inode, pending.index), ", ",
                          operation.size, ")");
    case OperationKind::kAppend:
      return absl::StrCat("append(", FileName(state, operation.inode, pending.index), ", ",
                          operation.offset, "+", operation.data->size(), ")");
    case OperationKind::kSync:
    case OperationKind::kSyncDirectory:
    case OperationKind::kDamage:
      break;
  }
  return absl::StrCat("operation ", pending.index);
}

}  // namespace lumen::faultfs
