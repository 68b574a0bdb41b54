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

// What to do about it; empty where the system's words are enough.
std::string_view AdviceOn(int error_number) {
  switch (error_number) {
    case EMFILE:
      return "; raise this process's limit: LimitNOFILE in its systemd unit, or ulimit -n";
    case ENFILE:
      return "; raise the system's limit: sysctl fs.file-max";
    default:
      return "";
  }
}

// Of payloads, which are empty.
constexpr char kSyncNotBegun[] = "lumen/sync-not-begun";
constexpr char kTooManyFiles[] = "lumen/too-many-files";

// Of glibc >= 2.32: in English, whatever the locale, and without looking for a translation.
std::string DescriptionOf(int error_number) {
  const char* const description = strerrordesc_np(error_number);
  return description != nullptr ? description : "Unknown error " + std::to_string(error_number);
}

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
  message.append(DescriptionOf(error_number)).append(AdviceOn(error_number));
  absl::Status status(CodeOf(error_number), message);
  if (error_number == EMFILE || error_number == ENFILE) {
    status.SetPayload(kTooManyFiles, absl::Cord());
  }
  return status;
}

bool IsTooManyFiles(const absl::Status& error) {
  return error.GetPayload(kTooManyFiles).has_value();
}

bool IsDiskFull(const absl::Status& error) {
  return absl::IsResourceExhausted(error) && !IsTooManyFiles(error);
}

absl::Status WithPrefix(std::string_view prefix, const absl::Status& error) {
  std::string message(prefix);
  message.append(error.message().data(), error.message().size());
  absl::Status prefixed(error.code(), message);
  error.ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
    prefixed.SetPayload(type, payload);
  });
  return prefixed;
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
