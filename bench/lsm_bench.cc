// The tree itself: 5 M distinct random keys with a 64 MiB memtable, until nothing is left to flush
// or compact. The base level is small enough for two levels below level 0.
#include "absl/strings/str_format.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/timed.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

constexpr double kMiB = 1 << 20;

Options LsmOptions(const Settings& settings) {
  Options options;
  // Whole pages, as WAL segments have to be.
  options.memtable_bytes =
      settings.Scaled(uint64_t{64} << 20, uint64_t{64} << 10) & ~uint64_t{4095};
  // A cache of 1 GiB, as the peers had.
  options.memory_budget_bytes = (uint64_t{1} << 30) + 3 * options.memtable_bytes;
  options.wal_segment_bytes = options.memtable_bytes;
  options.table_bytes = options.memtable_bytes / 2;
  options.level0_bytes = 4 * options.memtable_bytes;
  options.base_level_bytes = options.memtable_bytes;
  return options;
}

void AddLevels(const Stats& stats, Report& report) {
  for (size_t level = 0; level < stats.levels.size(); ++level) {
    const LevelStats& found = stats.levels[level];
    report.AddNote(absl::StrFormat("level %d: %4d files %9.1f MiB %9d entries", level, found.files,
                                   static_cast<double>(found.bytes) / kMiB, found.entries));
  }
  report.AddNote(absl::StrFormat("%d flushes, %d compactions, %d trivial moves, %d stalls (%.2f s)",
                                 stats.flushes, stats.compactions, stats.trivial_moves,
                                 stats.stalls, static_cast<double>(stats.stall_ns) / 1e9));
}

void AddShape(const Stats& stats, uint64_t keys, uint64_t disk_bytes, Report& report) {
  const auto live_bytes = static_cast<double>(keys * kEntryBytes);
  uint64_t table_bytes = 0;
  int populated = 0;
  for (size_t level = 0; level < stats.levels.size(); ++level) {
    table_bytes += stats.levels[level].bytes;
    if (level > 0 && stats.levels[level].files > 0) ++populated;
  }
  const uint64_t written = stats.flush_bytes + stats.compaction_bytes_written;
  report.Add({.name = "write amplification, without WAL",
              .value = static_cast<double>(written) / static_cast<double>(stats.user_bytes),
              .unit = "x",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 4}});
  report.Add({.name = "disk / live bytes",
              .value = static_cast<double>(disk_bytes) / live_bytes,
              .unit = "x",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 1.5},
              .detail = absl::StrFormat("every block of the folder, preallocated WAL included; "
                                        "tables alone %.2f x",
                                        static_cast<double>(table_bytes) / live_bytes)});
  report.Add({.name = "populated levels below level 0",
              .value = static_cast<double>(populated),
              .unit = "",
              .floor = Floor{.bound = 2}});
}

absl::Status AddScans(Engine& engine, uint64_t keys, Report& report) {
  ASSIGN_OR_RETURN(const TimedRun first, ScanAll(engine, Direction::kForward, keys));
  report.Add({.name = "full scan, first", .value = first.Rate(), .unit = "/s"});
  ASSIGN_OR_RETURN(const TimedRun forward, ScanAll(engine, Direction::kForward, keys));
  report.Add({.name = "full scan, again",
              .value = forward.Rate(),
              .unit = "/s",
              .floor = Floor{.bound = 5e6}});
  ASSIGN_OR_RETURN(const TimedRun reverse, ScanAll(engine, Direction::kReverse, keys));
  report.Add({.name = "full reverse scan",
              .value = reverse.Rate(),
              .unit = "/s",
              .floor = Floor{.bound = 3e6}});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLsm(const Settings& settings, Report& report) {
  report.BeginSection("LSM: 5 M random keys, 64 MiB memtable, 1 GiB cache, one thread, unsynced");
  const uint64_t keys = settings.Scaled(5'000'000, 10'000);
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  ASSIGN_OR_RETURN(const auto opened,
                   OpenedEngine::Open(LsmOptions(settings), scratch->path() + "/db"));
  Engine& engine = **opened;
  const ValueSource values(settings.seed);

  const int64_t began_ns = NowNanos();
  ASSIGN_OR_RETURN(TimedRun puts, PutAsync(engine, ScatteredKey, values, 0, keys));
  report.Add({.name = "random put, to the last acknowledgement",
              .value = puts.Rate(),
              .unit = "/s",
              .detail = puts.sampled.Summary()});
  RETURN_IF_ERROR(engine.WaitForQuiescence());
  report.Add({.name = "random put, to quiescence",
              .value = static_cast<double>(keys) * 1e9 / static_cast<double>(NowNanos() - began_ns),
              .unit = "/s",
              .floor = Floor{.bound = 200e3}});
  const Stats stats = engine.GetStats();
  AddShape(stats, keys, scratch->DiskBytes(), report);
  AddLevels(stats, report);

  // Twice: the first pass brings the blocks into the cache.
  const uint64_t gets = settings.Scaled(1'000'000, 1'000);
  ASSIGN_OR_RETURN(TimedRun cold,
                   GetAtRandom(engine, ScatteredKey, values, keys, gets, settings.seed));
  report.Add({.name = "random get, first",
              .value = cold.Rate(),
              .unit = "/s",
              .detail = cold.sampled.Summary()});
  ASSIGN_OR_RETURN(TimedRun warm,
                   GetAtRandom(engine, ScatteredKey, values, keys, gets, settings.seed + 1));
  report.Add({.name = "random get, again",
              .value = warm.Rate(),
              .unit = "/s",
              .floor = Floor{.bound = 400e3},
              .detail = warm.sampled.Summary()});
  RETURN_IF_ERROR(AddScans(engine, keys, report));
  return engine.Close();
}

}  // namespace lumen::bench
