// How long Open takes after a SIGKILL with 64 MiB of WAL that no table holds. The killed process
// is real; what it had acknowledged is counted afterwards.
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/child_process.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/timed.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

// Nothing is flushed before the kill: the memtable holds more than is written.
Options ReopenOptions() {
  Options options;
  options.memtable_bytes = uint64_t{256} << 20;
  options.memory_budget_bytes = uint64_t{1} << 30;
  return options;
}

constexpr uint64_t kWalBytes = uint64_t{64} << 20;
constexpr uint64_t kPutsPerBatch = 16;

}  // namespace

absl::Status ReopenChild(const Settings& settings, const std::string& directory) {
  ASSIGN_OR_RETURN(const auto engine, OpenedEngine::Open(ReopenOptions(), directory));
  const ValueSource values(settings.seed);
  const uint64_t wanted_bytes = settings.Scaled(kWalBytes, 100'000);
  WriteOptions unsynced;
  unsynced.durability = Durability::kAsync;
  std::string key;
  uint64_t written = 0;
  while ((*engine)->GetStats().wal_bytes < wanted_bytes) {
    WriteBatch batch;
    for (uint64_t i = 0; i < kPutsPerBatch; ++i, ++written) {
      ScatteredKey(written, key);
      batch.Put(key, values.Value(written));
    }
    RETURN_IF_ERROR((*engine)->Write(batch, unsynced).status());
  }
  std::printf("%s\n", absl::StrCat(written).c_str());
  std::fflush(stdout);
  for (;;) pause();
}

absl::Status RunReopen(const Settings& settings, Report& report) {
  report.BeginSection("Reopen: after a SIGKILL, 64 MiB of WAL to replay");
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  const std::string directory = scratch->path() + "/db";
  ASSIGN_OR_RETURN(
      const auto child,
      ChildProcess::Start(
          {settings.program_folder + "/lumen-bench", absl::StrCat("--divisor=", settings.divisor),
           absl::StrCat("--seed=", settings.seed), "reopen-child", directory},
          ""));
  ASSIGN_OR_RETURN(const std::string written, child->ReadLine());
  child->Kill();
  const int64_t began_ns = NowNanos();
  ASSIGN_OR_RETURN(const auto engine, OpenedEngine::Open(ReopenOptions(), directory));
  const int64_t elapsed_ns = NowNanos() - began_ns;
  const Stats stats = (*engine)->GetStats();
  if (absl::StrCat(stats.recovered_operations) != written) {
    return absl::DataLossError(absl::StrCat("the killed process wrote ", written, " entries, ",
                                            stats.recovered_operations, " were recovered"));
  }
  report.Add({.name = "reopen after SIGKILL",
              .value = static_cast<double>(elapsed_ns) / 1e6,
              .unit = "ms",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 1000},
              .detail = absl::StrFormat("%.1f MiB in %d segments, %d operations, none lost",
                                        static_cast<double>(stats.recovered_bytes) / (1 << 20),
                                        stats.recovered_segments, stats.recovered_operations)});
  return (*engine)->Close();
}

}  // namespace lumen::bench
