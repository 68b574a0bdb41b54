#include "engine/core/health.h"

#include "absl/strings/str_cat.h"

namespace lumen {

bool Health::SetSticky(const absl::Status& error) {
  MutexLock lock(mutex_);
  if (!sticky_.ok()) return false;
  sticky_ = error;
  sticky_set_.store(true, std::memory_order_release);
  return true;
}

bool Health::SetBackground(SoftWork work, const absl::Status& status) {
  MutexLock lock(mutex_);
  const bool was_well = BackgroundLocked().ok();
  background_[static_cast<size_t>(work)] = status;
  return BackgroundLocked().ok() != was_well;
}

absl::Status Health::WriteError() const {
  if (ok()) return absl::OkStatus();
  if (MutexLock lock(mutex_); absl::IsFailedPrecondition(sticky_)) return sticky_;
  return absl::FailedPreconditionError(absl::StrCat(
      "the engine is read-only since an I/O error that no retry can mend: ", sticky_message(),
      "; check the disk, then reopen the database"));
}

absl::Status Health::background() const {
  MutexLock lock(mutex_);
  return BackgroundLocked();
}

const absl::Status& Health::BackgroundLocked() const {
  for (const absl::Status& status : background_) {
    if (!status.ok()) return status;
  }
  return well_;
}

absl::Status Health::holding_up_writes() const {
  MutexLock lock(mutex_);
  for (const SoftWork work : {SoftWork::kSegment, SoftWork::kManifest, SoftWork::kFlush}) {
    if (const absl::Status& status = background_[static_cast<size_t>(work)]; !status.ok())
      return status;
  }
  return absl::OkStatus();
}

std::string Health::sticky_message() const {
  MutexLock lock(mutex_);
  return sticky_.ok() ? std::string() : std::string(sticky_.message());
}

}  // namespace lumen
