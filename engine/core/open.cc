#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/engine_core.h"
#include "engine/core/recovery.h"
#include "engine/engine.h"

namespace lumen {
namespace {

constexpr uint64_t kLeastSegmentBytes = 64 << 10;
constexpr uint64_t kMostSegmentBytes = uint64_t{1} << 30;  // recovery holds one in memory
constexpr uint32_t kLeastBlockBytes = 1 << 10;
constexpr uint32_t kMostBlockBytes = 64 << 10;

absl::Status CheckOptions(const Options& options) {
  const auto refuse = [](const char* option, auto value, const char* rule) {
    return absl::InvalidArgumentError(
        absl::StrCat("option ", option, " is ", value, "; it must be ", rule));
  };
  if (options.wal_segment_bytes < kLeastSegmentBytes ||
      options.wal_segment_bytes > kMostSegmentBytes || options.wal_segment_bytes % 4096 != 0) {
    return refuse("wal_segment_bytes", options.wal_segment_bytes,
                  "a multiple of 4096, at least 65536 and at most 1 GiB");
  }
  if (options.memtable_bytes == 0) return refuse("memtable_bytes", 0, "at least 1");
  if (options.immutable_memtables < 1)
    return refuse("immutable_memtables", options.immutable_memtables, "at least 1");
  if (options.block_bytes < kLeastBlockBytes || options.block_bytes > kMostBlockBytes) {
    return refuse("block_bytes", options.block_bytes, "1024 to 65536");
  }
  if (options.level0_runs < 1) return refuse("level0_runs", options.level0_runs, "at least 1");
  if (options.level_fanout < 2) return refuse("level_fanout", options.level_fanout, "at least 2");
  if (options.level0_bytes == 0 || options.base_level_bytes == 0 || options.table_bytes == 0 ||
      options.stall_debt_bytes == 0) {
    return absl::InvalidArgumentError(
        "options level0_bytes, base_level_bytes, table_bytes and stall_debt_bytes must be at least "
        "1");
  }
  if (options.max_batch_bytes > (uint64_t{1} << 30)) {
    return refuse("max_batch_bytes", options.max_batch_bytes, "at most 1 GiB");
  }
  if (options.retry_interval_ns <= 0)
    return refuse("retry_interval_ns", options.retry_interval_ns, "positive");
  return absl::OkStatus();
}

absl::Status MakeDirectory(FileSystem& files, const std::string& directory) {
  absl::Status made = CreateDirectories(files, directory);
  if (!made.ok() && !absl::IsAlreadyExists(made)) {
    // Where it was made nevertheless and is still there; elsewhere this fails.
    files.CreateLogFile(directory + "/" + kNameInDoubt).status().IgnoreError();
  }
  return made;
}

// For the next attempt to make it anew. What stays behind is marked again, but for a kill between
// the last two removals: an empty directory, which the next Open takes for one that was always
// there.
absl::Status RemoveDoubtful(FileSystem& files, const std::string& directory) {
  const std::string mark = directory + "/" + kNameInDoubt;
  RETURN_IF_ERROR(files.Remove(directory + "/LOCK"));
  RETURN_IF_ERROR(files.Remove(mark));
  const absl::Status removed = files.RemoveDirectory(directory);
  if (!removed.ok()) files.CreateLogFile(mark).status().IgnoreError();
  return removed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const Options& options,
                                                     const std::string& directory,
                                                     const Environment& environment) {
  RETURN_IF_ERROR(CheckOptions(options));
  auto context = std::make_unique<EngineContext>(options, directory, environment);
  ASSIGN_OR_RETURN(const bool exists, context->files.Exists(context->directory));
  if (!exists && !options.create_if_missing) {
    return absl::NotFoundError(absl::StrCat(directory, ": no such directory"));
  }
  if (!exists) RETURN_IF_ERROR(MakeDirectory(context->files, context->directory));
  RETURN_IF_ERROR(context->TakeLock());
  absl::StatusOr<RecoveredDatabase> recovered = RecoverDatabase(*context);
  if (!recovered.ok()) {
    context->background.Stop();
    if (!context->name_in_doubt) return recovered.status();
    context.reset();
    RETURN_IF_ERROR(RemoveDoubtful(environment.file_system, directory));
    return Open(options, directory, environment);
  }
  return std::make_unique<EngineCore>(std::move(context), *std::move(recovered));
}

}  // namespace lumen
