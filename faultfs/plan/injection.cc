#include "faultfs/plan/injection.h"

#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace lumen::faultfs {

Fault FaultingFileSystem::Injection::Begin(const Call& call) {
  Fault fault = faults_.Decide(call);
  CHECK(Supports(fault.kind));
  switch (fault.kind) {
    case FaultKind::kLatency:
      PassTime(fault);
      return {};
    case FaultKind::kHang:
      Hang();
      fault.kind = FaultKind::kErrorBefore;
      return fault;
    case FaultKind::kBitFlip:
    case FaultKind::kSectorGarbage:
    case FaultKind::kTruncated:
      Strike(call, fault);
      return {};
    default:
      return fault;
  }
}

absl::Status FaultingFileSystem::Injection::Tell(std::string_view path, const Fault& fault) {
  faults_.Observed(fault);
  return absl::Status(fault.error.code(),
                      absl::StrCat(std::string(path), ": ", std::string(fault.error.message())));
}

void FaultingFileSystem::Injection::Strike(const Call& call, const Fault& fault) {
  const std::string path(call.path);
  const absl::StatusOr<uint64_t> size_bytes = target_.FileSize(path);
  if (size_bytes.ok()) DamageOf(path)->Strike(fault, *size_bytes);
}

void FaultingFileSystem::Injection::PassTime(const Fault& fault) {
  const auto nanoseconds = static_cast<int64_t>(fault.amount);
  if (pass_time_) return pass_time_(nanoseconds);
  std::this_thread::sleep_for(std::chrono::nanoseconds(nanoseconds));
}

void FaultingFileSystem::Injection::Hang() {
  MutexLock lock(mutex_);
  while (!hangs_cancelled_) hangs_end_.Wait(mutex_);
}

void FaultingFileSystem::Injection::CancelHangs() {
  MutexLock lock(mutex_);
  hangs_cancelled_ = true;
  hangs_end_.NotifyAll();
}

FaultingFileSystem::Injection::Damage FaultingFileSystem::Injection::DamageOf(
    const std::string& path) {
  MutexLock lock(mutex_);
  Damage& damage = files_[path];
  if (damage == nullptr) damage = std::make_shared<FileDamage>(faults_);
  return damage;
}

void FaultingFileSystem::Injection::Created(const std::string& path) {
  MutexLock lock(mutex_);
  files_[path] = std::make_shared<FileDamage>(faults_);
}

void FaultingFileSystem::Injection::Renamed(const std::string& from, const std::string& to) {
  const std::string inside = from + "/";
  MutexLock lock(mutex_);
  std::vector<std::pair<std::string, Damage>> moved;
  files_.erase(to);
  for (auto file = files_.lower_bound(from); file != files_.end();) {
    if (file->first != from && !file->first.starts_with(inside)) {
      if (!file->first.starts_with(from)) break;
      ++file;
      continue;
    }
    moved.emplace_back(to + file->first.substr(from.size()), file->second);
    file = files_.erase(file);
  }
  for (auto& [path, damage] : moved) files_[path] = std::move(damage);
}

void FaultingFileSystem::Injection::Linked(const std::string& existing, const std::string& added) {
  const Damage damage = DamageOf(existing);
  MutexLock lock(mutex_);
  files_[added] = damage;
}

void FaultingFileSystem::Injection::Removed(const std::string& path) {
  MutexLock lock(mutex_);
  files_.erase(path);
}

void FaultingFileSystem::Injection::Postpone(const std::string& directory, const Fault& fault) {
  MutexLock lock(mutex_);
  postponed_[directory] = fault;
}

std::optional<Fault> FaultingFileSystem::Injection::TakePostponed(const std::string& directory) {
  MutexLock lock(mutex_);
  const auto found = postponed_.find(directory);
  if (found == postponed_.end()) return std::nullopt;
  Fault fault = std::move(found->second);
  postponed_.erase(found);
  return fault;
}

}  // namespace lumen::faultfs
