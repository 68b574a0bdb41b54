#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/core/background.h"
#include "engine/core/directory_watch.h"
#include "engine/core/health.h"
#include "engine/core/obsolete_files.h"
#include "engine/core/version.h"
#include "engine/environment.h"
#include "engine/options.h"
#include "engine/table/block_cache.h"

namespace lumen {

// Monotonic counters behind Stats; each is bumped by one component and read by anyone.
struct Counters {
  using Counter = std::atomic<uint64_t>;
  Counter wal_bytes{0}, wal_syncs{0}, wal_segments{0};
  Counter commit_groups{0}, commit_operations{0}, user_bytes{0};
  Counter flushes{0}, flush_bytes{0};
  Counter compactions{0}, trivial_moves{0}, compaction_bytes_read{0}, compaction_bytes_written{0};
  Counter manifest_rotations{0};
  Counter stalls{0}, stall_ns{0};
  Counter background_retries{0};
};

inline void Bump(Counters::Counter& counter, uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

// For messages of DATA_LOSS: which commands look and repair, as the end of a sentence.
std::string CommandsThatHelp(const std::string& directory);

// What every part of one open engine shares. Made by Open, outlives the parts, thread-safe.
struct EngineContext {
  EngineContext(const Options& open_options, std::string open_directory, const Environment& env);

  std::string Path(std::string_view name) const {
    std::string path;
    path.reserve(directory.size() + 1 + name.size());
    return path.append(directory).append("/").append(name);
  }
  uint64_t NewFileNumber() { return next_file_number.fetch_add(1, std::memory_order_relaxed); }
  // Takes LOCK; where that is lost, the engine turns read-only.
  absl::Status TakeLock();
  void Report(EventLevel level, std::string_view message) const;
  // Soft work failed and will be tried again: remembers why, and tells once until it has succeeded.
  void ReportRetry(SoftWork work, std::string_view what, const absl::Status& error);
  // Soft work succeeded: tells so once nothing is left that was told to have failed.
  void ReportDone(SoftWork work, std::string_view what);

  // Work failed where no retry can mend it: writes are refused from here on. Tells once.
  void TurnReadOnly(std::string_view what, const absl::Status& error);
  // The same for a directory that is no longer the one that was opened; `lost` says how.
  void LoseDirectory(const absl::Status& lost);

  // Opens a finished table and checks that it is the one the record describes.
  absl::StatusOr<TablePtr> OpenTable(const TableRecord& record);
  TableOptions TableOptionsFor(int level, int base_level) const;

  const Options options;
  const std::string directory;
  const Environment env;  // its file system is reached through `files`
  DirectoryWatch files;
  uint64_t epoch = 0;
  bool name_in_doubt = false;  // of the directory: recovery found kNameInDoubt and went no further
  std::atomic<uint64_t> next_file_number{1};
  Counters counters;
  Health health;
  Background background;
  ObsoleteFiles obsolete_files;
  BlockCache cache;
};

}  // namespace lumen
