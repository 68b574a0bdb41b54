#include "faultfs/plan/faulting_files.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace lumen::faultfs {

FaultingFileSystem::FaultingLogFile::FaultingLogFile(std::string path, Injection& injection,
                                                     std::unique_ptr<LogFile> target)
    : path_(std::move(path)),
      injection_(injection),
      damage_(injection.DamageOf(path_)),
      target_(std::move(target)) {}

Call FaultingFileSystem::FaultingLogFile::CallOf(CallKind kind, uint64_t offset,
                                                 uint64_t length) const {
  return {.kind = kind,
          .role = RoleOf(path_),
          .path = path_,
          .to_path = {},
          .offset = offset,
          .length = length};
}

absl::Status FaultingFileSystem::FaultingLogFile::Poison(const Fault& fault) {
  error_ = injection_.Tell(path_, fault);
  return error_;
}

absl::Status FaultingFileSystem::FaultingLogFile::Allocate(uint64_t size_bytes) {
  RETURN_IF_ERROR(error_);
  const Fault fault = injection_.Begin(CallOf(CallKind::kAllocate, 0, size_bytes));
  switch (fault.kind) {
    case FaultKind::kNone:
      return target_->Allocate(size_bytes);
    case FaultKind::kErrorBefore:
      injection_.Changed(fault);
      return Poison(fault);
    default:
      CHECK(fault.kind == FaultKind::kErrorAfter);
      RETURN_IF_ERROR(target_->Allocate(size_bytes));
      return Poison(fault);
  }
}

absl::Status FaultingFileSystem::FaultingLogFile::Append(std::string_view data) {
  RETURN_IF_ERROR(error_);
  const uint64_t offset = target_->offset();
  const Fault fault = injection_.Begin(CallOf(CallKind::kAppend, offset, data.size()));
  switch (fault.kind) {
    case FaultKind::kNone:
      return target_->Append(data);
    case FaultKind::kErrorBefore:
      return AppendPart(fault, {});
    case FaultKind::kShortWrite:
      return AppendPart(fault, data.substr(0, data.empty() ? 0 : fault.amount % data.size()));
    case FaultKind::kLostWrite:
      damage_->Lose(fault, offset, data.size());
      return target_->Append(data);
    default:
      CHECK(fault.kind == FaultKind::kErrorAfter);
      RETURN_IF_ERROR(target_->Append(data));
      return Poison(fault);
  }
}

absl::Status FaultingFileSystem::FaultingLogFile::AppendPart(const Fault& fault,
                                                             std::string_view data) {
  injection_.Changed(fault);
  RETURN_IF_ERROR(target_->Append(data));
  return Poison(fault);
}

absl::Status FaultingFileSystem::FaultingLogFile::Sync() {
  RETURN_IF_ERROR(error_);
  const uint64_t end = target_->offset();
  const Fault fault = injection_.Begin(CallOf(CallKind::kSync, 0, 0));
  if (late_) return SyncAndFail(*late_);
  switch (fault.kind) {
    case FaultKind::kNone:
      RETURN_IF_ERROR(target_->Sync());
      damage_->LandLosses();
      return SaySynced(end);
    case FaultKind::kSyncLied:
      injection_.Changed(fault);
      return SaySynced(end);
    case FaultKind::kSyncLate:
      injection_.Changed(fault);
      late_ = fault;
      return SaySynced(end);
    case FaultKind::kErrorBefore:
    case FaultKind::kSyncMarkedClean:
    case FaultKind::kSyncFailedPartly:
      injection_.Changed(fault);
      return Poison(fault);
    default:
      CHECK(fault.kind == FaultKind::kErrorAfter || fault.kind == FaultKind::kSyncFailedDurable);
      return SyncAndFail(fault);
  }
}

absl::Status FaultingFileSystem::FaultingLogFile::SyncAndFail(const Fault& fault) {
  RETURN_IF_ERROR(target_->Sync());
  damage_->LandLosses();
  return Poison(fault);
}

absl::Status FaultingFileSystem::FaultingLogFile::SaySynced(uint64_t end) {
  durable_offset_.store(end, std::memory_order_release);
  return absl::OkStatus();
}

FaultingFileSystem::FaultingReadFile::FaultingReadFile(std::string path, Injection& injection,
                                                       std::unique_ptr<ReadFile> target)
    : path_(std::move(path)),
      injection_(injection),
      damage_(injection.DamageOf(path_)),
      target_(std::move(target)) {}

absl::StatusOr<size_t> FaultingFileSystem::FaultingReadFile::ReadAt(uint64_t offset,
                                                                    std::span<char> out) const {
  const Call call = {.kind = CallKind::kRead,
                     .role = RoleOf(path_),
                     .path = path_,
                     .to_path = {},
                     .offset = offset,
                     .length = out.size()};
  const Fault fault = injection_.Begin(call);
  if (const auto failure = FailureOf(fault, offset, out.size())) {
    return injection_.Tell(path_, *failure);
  }
  ASSIGN_OR_RETURN(const size_t bytes, target_->ReadAt(offset, out));
  if (fault.kind == FaultKind::kErrorAfter) return injection_.Tell(path_, fault);
  return damage_->Overlay(offset, out.first(bytes));
}

// Of a read that fails before anything is read.
std::optional<Fault> FaultingFileSystem::FaultingReadFile::FailureOf(const Fault& fault,
                                                                     uint64_t offset,
                                                                     uint64_t length) const {
  switch (fault.kind) {
    case FaultKind::kNone:
    case FaultKind::kErrorAfter:
      return damage_->StuckAt(offset, length);
    case FaultKind::kReadErrorSticky:
      damage_->Stick(fault, offset, length);
      return fault;
    default:
      CHECK(fault.kind == FaultKind::kErrorBefore || fault.kind == FaultKind::kReadErrorOnce);
      return fault;
  }
}

}  // namespace lumen::faultfs
