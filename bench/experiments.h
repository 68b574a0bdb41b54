#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "bench/report.h"
#include "bench/settings.h"

// The experiments of lumen-bench. Each adds its rows to the report. An error means that something
// did not work, never that it was slow.
namespace lumen::bench {

// Raw pwrite+fdatasync, and kSync puts with 1 and 16 threads, in turns.
absl::Status RunSync(const Settings& settings, Report& report);
// kAsync puts with sequential and random keys; gets and scans of what is in memory.
absl::Status RunInMemory(const Settings& settings, Report& report);
// 5 M random keys through flushes and compactions until quiet; then gets and scans.
absl::Status RunLsm(const Settings& settings, Report& report);
// Peak memory of a process that writes and reads ten times its budget.
absl::Status RunMemoryBudget(const Settings& settings, Report& report);
// Open after a SIGKILL with 64 MiB of WAL to replay.
absl::Status RunReopen(const Settings& settings, Report& report);
// Calls over gRPC beside empty calls with the same requests.
absl::Status RunRpc(const Settings& settings, Report& report);
// Scans over gRPC, idle and stalled connections, and how soon a server serves.
absl::Status RunStreams(const Settings& settings, Report& report);

// Puts against a server that runs already, at `address`.
struct LoadSettings {
  std::string address = {};
  uint64_t calls = 10'000;
  int in_flight = 1;
  int connections = 1;
  std::string key_prefix = "load-";  // 8 digits follow
};
absl::Status RunLoad(const Settings& settings, const LoadSettings& load, Report& report);

// What the experiments above start in processes of their own; they talk on stdout.
absl::Status MemoryBudgetChild(const Settings& settings, const std::string& directory);
absl::Status ReopenChild(const Settings& settings, const std::string& directory);
// Serves until killed: with gRPC's callback API or, on `own_loops`, as lumen-server does.
absl::Status EmptyServerChild(const std::string& address, bool own_loops);

}  // namespace lumen::bench
