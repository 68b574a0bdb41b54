#include "faultfs/crash/missing_sync.h"

#include "absl/strings/str_cat.h"
#include "faultfs/crash/describe.h"

namespace lumen::faultfs {
namespace {

std::string TargetName(const DiskState& state, const PendingOperation& lost) {
  const SyncTarget target = SyncTarget::Of(lost.operation);
  if (target.inode == kRootInode) return "the root directory";
  return absl::StrCat(target.is_directory ? "directory " : "",
                      FileName(state, target.inode, lost.index));
}

}  // namespace

SyncTarget SyncTarget::Of(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kAppend:
    case OperationKind::kAllocate:
      return {.is_directory = false, .inode = operation.inode};
    case OperationKind::kRename:
      return {.is_directory = true, .inode = operation.to_directory};
    default:
      return {.is_directory = true, .inode = operation.directory};
  }
}

std::string MissingSync(const DiskState& state, const PendingOperation& lost,
                        const PendingOperation* kept) {
  const std::string text =
      absl::StrCat("no sync of ", TargetName(state, lost), " took effect between operation");
  return kept != nullptr ? absl::StrCat(text, "s ", lost.index, " and ", kept->index)
                         : absl::StrCat(text, " ", lost.index, " and the crash");
}

}  // namespace lumen::faultfs
