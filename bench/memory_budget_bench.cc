// Memory obeys one budget. A process of its own writes ten times the budget, reads it at random and
// scans it; its peak of resident memory, as the kernel counts it, is the number.
#include <cstdio>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/child_process.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/timed.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

constexpr uint64_t kBudgetMiB = 64;
constexpr uint64_t kAllowanceMiB = 64;
constexpr uint64_t kDataPerBudget = 10;

absl::StatusOr<uint64_t> PeakResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  return absl::InternalError("/proc/self/status names no VmHWM");
}

}  // namespace

absl::Status MemoryBudgetChild(const Settings& settings, const std::string& directory) {
  Options options;
  options.memory_budget_bytes = kBudgetMiB << 20;
  options.memtable_bytes = uint64_t{8} << 20;
  options.wal_segment_bytes = uint64_t{8} << 20;
  options.table_bytes = uint64_t{8} << 20;
  options.level0_bytes = uint64_t{32} << 20;
  options.base_level_bytes = uint64_t{32} << 20;
  const uint64_t keys = settings.Scaled((kDataPerBudget * kBudgetMiB << 20) / kEntryBytes, 10'000);
  ASSIGN_OR_RETURN(const auto engine, OpenedEngine::Open(options, directory));
  const ValueSource values(settings.seed);
  RETURN_IF_ERROR(PutAsync(**engine, ScatteredKey, values, 0, keys).status());
  RETURN_IF_ERROR(
      GetAtRandom(**engine, ScatteredKey, values, keys, keys / 10, settings.seed).status());
  RETURN_IF_ERROR(ScanAll(**engine, Direction::kForward, keys).status());
  RETURN_IF_ERROR((*engine)->Close());
  ASSIGN_OR_RETURN(const uint64_t peak_kib, PeakResidentKiB());
  std::printf("%s\n", absl::StrCat(peak_kib).c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status RunMemoryBudget(const Settings& settings, Report& report) {
  report.BeginSection("Memory: a budget of 64 MiB, ten times that in data");
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  ASSIGN_OR_RETURN(
      const auto child,
      ChildProcess::Start(
          {settings.program_folder + "/lumen-bench", absl::StrCat("--divisor=", settings.divisor),
           absl::StrCat("--seed=", settings.seed), "memory-child", scratch->path() + "/db"},
          ""));
  ASSIGN_OR_RETURN(const std::string line, child->ReadLine());
  RETURN_IF_ERROR(child->Wait());
  uint64_t peak_kib = 0;
  if (!absl::SimpleAtoi(line, &peak_kib)) {
    return absl::InternalError(absl::StrCat("the memory child said '", line, "'"));
  }
  report.Add({.name = "peak resident memory (VmHWM)",
              .value = static_cast<double>(peak_kib) / 1024,
              .unit = "MiB",
              .floor = Floor{.kind = Floor::Kind::kAtMost,
                             .bound = static_cast<double>(kBudgetMiB + kAllowanceMiB),
                             .reason = "budget + 64 MiB"},
              .detail = "of a process of its own: puts, random gets, a full scan"});
  return absl::OkStatus();
}

}  // namespace lumen::bench
