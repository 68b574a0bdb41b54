// One thread, everything in one memtable: what the write path and the memtable cost without disk.
// kAsync puts reach the WAL file before they return, but nobody waits for a sync.
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/timed.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

Options OneMemtable() {
  Options options;
  options.memtable_bytes = uint64_t{512} << 20;
  options.memory_budget_bytes = uint64_t{2} << 30;
  options.wal_segment_bytes = uint64_t{256} << 20;
  return options;
}

Row RateRow(std::string name, TimedRun& run, std::optional<Floor> floor) {
  return {.name = std::move(name),
          .value = run.Rate(),
          .unit = "/s",
          .floor = std::move(floor),
          .detail = run.sampled.Summary()};
}

absl::Status Reads(Engine& engine, const ValueSource& values, uint64_t keys, uint64_t seed,
                   Report& report) {
  ASSIGN_OR_RETURN(TimedRun gets, GetAtRandom(engine, ScatteredKey, values, keys, keys, seed));
  report.Add(RateRow("random get, from memory", gets, Floor{.bound = 500e3}));
  ASSIGN_OR_RETURN(const TimedRun forward, ScanAll(engine, Direction::kForward, keys));
  report.Add({.name = "scan, from memory", .value = forward.Rate(), .unit = "/s"});
  ASSIGN_OR_RETURN(const TimedRun reverse, ScanAll(engine, Direction::kReverse, keys));
  report.Add({.name = "reverse scan, from memory", .value = reverse.Rate(), .unit = "/s"});
  return absl::OkStatus();
}

absl::Status OneOrder(const Settings& settings, KeyFunction make_key, const std::string& name,
                      std::optional<Floor> floor, Report& report) {
  const uint64_t keys = settings.Scaled(1'000'000, 1'000);
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  ASSIGN_OR_RETURN(const auto engine, OpenedEngine::Open(OneMemtable(), scratch->path() + "/db"));
  const ValueSource values(settings.seed);
  ASSIGN_OR_RETURN(TimedRun puts, PutAsync(**engine, make_key, values, 0, keys));
  report.Add(RateRow(name, puts, std::move(floor)));
  if (make_key == ScatteredKey) {
    RETURN_IF_ERROR(Reads(**engine, values, keys, settings.seed, report));
  }
  return (*engine)->Close();
}

}  // namespace

absl::Status RunInMemory(const Settings& settings, Report& report) {
  report.BeginSection("In memory: survives a process crash, one thread");
  RETURN_IF_ERROR(OneOrder(settings, SequentialKey, "unsynced put, sequential keys",
                           Floor{.bound = 600e3}, report));
  return OneOrder(settings, ScatteredKey, "unsynced put, random keys", std::nullopt, report);
}

}  // namespace lumen::bench
