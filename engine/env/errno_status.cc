#include "engine/errno_status.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/cord.h"

namespace lumen {
namespace {

absl::StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

constexpr char kSyncNotBegun[] = "lumen/sync-not-begun";  // of a payload, which is empty

}  // namespace

absl::Status SyncNotBegun(absl::Status error) {
  error.SetPayload(kSyncNotBegun, absl::Cord());
  return error;
}

bool IsSyncNotBegun(const absl::Status& error) {
  return error.GetPayload(kSyncNotBegun).has_value();
}

absl::Status ErrnoStatus(const std::string& path, std::string_view operation, int error_number) {
  std::string message = path;
  message.append(": ").append(operation).append(": ");
  message.append(std::strerror(error_number));  // glibc >= 2.32: a buffer per thread
  return absl::Status(CodeOf(error_number), message);
}

absl::Status LockHeldStatus(const std::string& path, std::string_view owner) {
  if (owner.empty()) {
    return absl::FailedPreconditionError(path + ": lock: held; the file does not say by whom");
  }
  std::string message = path + ": lock: held by \"";
  message.append(owner.substr(0, kMostOwnerBytes)).append("\"");
  return absl::FailedPreconditionError(message);
}

absl::Status DirectoryLostStatus(const std::string& path) {
  return absl::FailedPreconditionError(
      path + ": lock: the directory was moved, removed or replaced since it was locked");
}

absl::Status LockReplacedStatus(const std::string& path) {
  return absl::FailedPreconditionError(path + ": lock: the file was replaced since it was locked");
}

}  // namespace lumen
