#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "engine/base/mutex.h"

namespace lumen {

// Kinds of work that fail softly: what they write nothing names yet, so they discard it and try
// again.
enum class SoftWork : uint8_t { kSegment, kManifest, kFlush, kCompaction };
inline constexpr size_t kSoftWorks = 4;

// What is wrong with an engine. Thread-safe.
//
// sticky:     the WAL, the manifest or the directory failed in a way that no retry can mend,
//             because a failed sync may have dropped dirty pages that a second one reports as
//             clean; or (FAILED_PRECONDITION) the directory is another one now. Writes are refused
//             until a reopen.
// background: soft work failed (a full disk, mostly); it is retried and heals.
class Health {
 public:
  // The first sticky error wins; true for it.
  bool SetSticky(const absl::Status& error) EXCLUDES(mutex_);
  // OK clears. True: background() went from OK to an error by it, or back.
  bool SetBackground(SoftWork work, const absl::Status& status) EXCLUDES(mutex_);

  bool ok() const { return !sticky_set_.load(std::memory_order_acquire); }
  // OK, or FAILED_PRECONDITION saying what failed and what to do; as it was set, if it was one.
  absl::Status WriteError() const EXCLUDES(mutex_);
  // Of any soft work, or of that which writes may have to wait for (all but compaction).
  absl::Status background() const EXCLUDES(mutex_);
  absl::Status holding_up_writes() const EXCLUDES(mutex_);
  std::string sticky_message() const EXCLUDES(mutex_);

 private:
  const absl::Status& BackgroundLocked() const REQUIRES(mutex_);

  std::atomic<bool> sticky_set_{false};
  mutable Mutex mutex_;
  absl::Status sticky_ GUARDED_BY(mutex_);
  const absl::Status well_;
  std::array<absl::Status, kSoftWorks> background_ GUARDED_BY(mutex_);  // by SoftWork
};

}  // namespace lumen
