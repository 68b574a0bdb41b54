#include "faultfs/faulting_file_system.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "faultfs/plan/faulting_files.h"
#include "faultfs/plan/injection.h"

namespace lumen::faultfs {
namespace {

Call OnPath(CallKind kind, const std::string& path) {
  return {.kind = kind, .role = RoleOf(path), .path = path};
}

Call OnPaths(CallKind kind, const std::string& path, const std::string& to_path) {
  return {.kind = kind, .role = RoleOf(path), .path = path, .to_path = to_path};
}

bool Changes(CallKind kind) {
  switch (kind) {
    case CallKind::kOpen:
    case CallKind::kRead:
    case CallKind::kList:
    case CallKind::kExists:
    case CallKind::kFileSize:
    case CallKind::kFreeSpace:
      return false;
    default:
      return true;
  }
}

}  // namespace

FaultingFileSystem::FaultingFileSystem(FileSystem& target, FaultInjector& faults,
                                       std::function<void(int64_t)> pass_time)
    : target_(target),
      injection_(std::make_unique<Injection>(target, faults, std::move(pass_time))) {}
FaultingFileSystem::~FaultingFileSystem() = default;

bool FaultingFileSystem::Supports(FaultKind kind) {
  return kind != FaultKind::kSyncReverted && kind != FaultKind::kMisdirectedWrite &&
         kind != FaultKind::kStaleRead;
}

absl::Status FaultingFileSystem::CheckSupports(const FaultPlan& plan) {
  for (const FaultRule& rule : plan.rules()) {
    if (Supports(rule.fault.kind)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(rule.name,
                     " needs a simulated volume: on real files nothing knows what they "
                     "held before"));
  }
  return absl::OkStatus();
}

void FaultingFileSystem::CancelHangs() { injection_->CancelHangs(); }

template <typename Result, typename Effect>
Result FaultingFileSystem::Around(const Call& call, Effect effect) {
  const Fault fault = injection_->Begin(call);
  if (fault.kind == FaultKind::kErrorBefore) {
    if (Changes(call.kind)) injection_->Changed(fault);
    return injection_->Tell(call.path, fault);
  }
  Result result = effect();
  if (fault.kind == FaultKind::kNone || !result.ok()) return result;
  CHECK(fault.kind == FaultKind::kErrorAfter);
  return injection_->Tell(call.path, fault);
}

absl::StatusOr<std::unique_ptr<LogFile>> FaultingFileSystem::CreateLogFile(
    const std::string& path) {
  using Result = absl::StatusOr<std::unique_ptr<LogFile>>;
  return Around<Result>(OnPath(CallKind::kCreate, path), [&]() -> Result {
    ASSIGN_OR_RETURN(std::unique_ptr<LogFile> file, target_.CreateLogFile(path));
    injection_->Created(path);
    return std::make_unique<FaultingLogFile>(path, *injection_, std::move(file));
  });
}

absl::StatusOr<std::unique_ptr<ReadFile>> FaultingFileSystem::OpenReadFile(
    const std::string& path) {
  using Result = absl::StatusOr<std::unique_ptr<ReadFile>>;
  return Around<Result>(OnPath(CallKind::kOpen, path), [&]() -> Result {
    ASSIGN_OR_RETURN(std::unique_ptr<ReadFile> file, target_.OpenReadFile(path));
    return std::make_unique<FaultingReadFile>(path, *injection_, std::move(file));
  });
}

absl::Status FaultingFileSystem::Rename(const std::string& from, const std::string& to) {
  return Around<absl::Status>(OnPaths(CallKind::kRename, from, to), [&] {
    RETURN_IF_ERROR(target_.Rename(from, to));
    injection_->Renamed(from, to);
    return absl::OkStatus();
  });
}

absl::Status FaultingFileSystem::Link(const std::string& existing, const std::string& added) {
  return Around<absl::Status>(OnPaths(CallKind::kLink, existing, added), [&] {
    RETURN_IF_ERROR(target_.Link(existing, added));
    injection_->Linked(existing, added);
    return absl::OkStatus();
  });
}

absl::Status FaultingFileSystem::Remove(const std::string& path) {
  return Around<absl::Status>(OnPath(CallKind::kRemove, path), [&] {
    RETURN_IF_ERROR(target_.Remove(path));
    injection_->Removed(path);
    return absl::OkStatus();
  });
}

absl::Status FaultingFileSystem::CreateDirectory(const std::string& path) {
  return Around<absl::Status>(OnPath(CallKind::kCreateDirectory, path),
                              [&] { return target_.CreateDirectory(path); });
}

absl::Status FaultingFileSystem::RemoveDirectory(const std::string& path) {
  return Around<absl::Status>(OnPath(CallKind::kRemoveDirectory, path),
                              [&] { return target_.RemoveDirectory(path); });
}

absl::StatusOr<std::vector<std::string>> FaultingFileSystem::List(const std::string& directory) {
  return Around<absl::StatusOr<std::vector<std::string>>>(OnPath(CallKind::kList, directory),
                                                          [&] { return target_.List(directory); });
}

absl::Status FaultingFileSystem::SyncDirectory(const std::string& directory) {
  const Fault fault = injection_->Begin(OnPath(CallKind::kSyncDirectory, directory));
  if (const auto postponed = injection_->TakePostponed(directory)) {
    RETURN_IF_ERROR(target_.SyncDirectory(directory));
    return injection_->Tell(directory, *postponed);
  }
  switch (fault.kind) {
    case FaultKind::kNone:
      return target_.SyncDirectory(directory);
    case FaultKind::kSyncLate:
      injection_->Postpone(directory, fault);
      [[fallthrough]];
    case FaultKind::kSyncLied:
      injection_->Changed(fault);
      return absl::OkStatus();
    case FaultKind::kErrorBefore:
    case FaultKind::kSyncMarkedClean:
    case FaultKind::kSyncFailedPartly:
      injection_->Changed(fault);
      return injection_->Tell(directory, fault);
    default:
      CHECK(fault.kind == FaultKind::kErrorAfter || fault.kind == FaultKind::kSyncFailedDurable);
      RETURN_IF_ERROR(target_.SyncDirectory(directory));
      return injection_->Tell(directory, fault);
  }
}

absl::StatusOr<bool> FaultingFileSystem::Exists(const std::string& path) {
  return Around<absl::StatusOr<bool>>(OnPath(CallKind::kExists, path),
                                      [&] { return target_.Exists(path); });
}

absl::StatusOr<uint64_t> FaultingFileSystem::FileSize(const std::string& path) {
  using Result = absl::StatusOr<uint64_t>;
  return Around<Result>(OnPath(CallKind::kFileSize, path), [&]() -> Result {
    ASSIGN_OR_RETURN(const uint64_t size_bytes, target_.FileSize(path));
    return injection_->DamageOf(path)->SizeOf(size_bytes);
  });
}

absl::StatusOr<uint64_t> FaultingFileSystem::FreeSpace(const std::string& directory) {
  return Around<absl::StatusOr<uint64_t>>(OnPath(CallKind::kFreeSpace, directory),
                                          [&] { return target_.FreeSpace(directory); });
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultingFileSystem::Lock(const std::string& path,
                                                                   std::string_view owner) {
  return Around<absl::StatusOr<std::unique_ptr<FileLock>>>(
      OnPath(CallKind::kLock, path), [&] { return target_.Lock(path, owner); });
}

}  // namespace lumen::faultfs
