// What a synced put costs beside the one fdatasync it cannot do without. Disks drift within
// seconds, so the contestants run in turns and the medians are compared.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/experiments.h"
#include "bench/latency.h"
#include "bench/scratch.h"
#include "bench/workload.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

constexpr int kRounds = 5;
constexpr int kManyThreads = 16;
constexpr size_t kRawWriteBytes = 128;

struct Contestant {
  std::vector<double> rates;
  LatencyRecorder latency;

  Row Report(std::string name) {
    return {
        .name = std::move(name), .value = Median(rates), .unit = "/s", .detail = latency.Summary()};
  }
};

double RatePerSecond(uint64_t operations, int64_t elapsed_ns) {
  return static_cast<double>(operations) * 1e9 /
         static_cast<double>(std::max<int64_t>(elapsed_ns, 1));
}

absl::Status SystemError(const std::string& call) {
  return absl::InternalError(absl::StrCat(call, ": ", std::strerror(errno)));
}

absl::Status WriteAndSync(int file, uint64_t operations, Contestant& raw) {
  const std::string data(kRawWriteBytes, 'x');
  const int64_t began_ns = NowNanos();
  for (uint64_t i = 0; i < operations; ++i) {
    const int64_t start_ns = NowNanos();
    const auto offset = static_cast<off_t>(i * kRawWriteBytes);
    if (pwrite(file, data.data(), data.size(), offset) != static_cast<ssize_t>(data.size())) {
      return SystemError("pwrite");
    }
    if (fdatasync(file) != 0) return SystemError("fdatasync");
    raw.latency.Record(NowNanos() - start_ns);
  }
  raw.rates.push_back(RatePerSecond(operations, NowNanos() - began_ns));
  return absl::OkStatus();
}

// A fresh file each time: a file written before would spare the raw writes the conversion of
// preallocated extents, which the WAL pays for.
absl::Status RawRound(const std::string& path, uint64_t operations, Contestant& raw) {
  const int file = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return SystemError(path);
  absl::Status status;
  if (fallocate(file, 0, 0, off_t{64} << 20) != 0 || fsync(file) != 0) {
    status = SystemError("fallocate and fsync");
  } else {
    status = WriteAndSync(file, operations, raw);
  }
  close(file);
  unlink(path.c_str());
  return status;
}

absl::Status PutSynced(Engine& engine, const ValueSource& values, uint64_t first, uint64_t count,
                       LatencyRecorder& latency) {
  std::string key;
  WriteBatch batch;
  for (uint64_t i = first; i < first + count; ++i) {
    ScatteredKey(i, key);
    batch.Clear();
    batch.Put(key, values.Value(i));
    const int64_t start_ns = NowNanos();
    RETURN_IF_ERROR(engine.Write(batch, WriteOptions{}).status());
    latency.Record(NowNanos() - start_ns);
  }
  return absl::OkStatus();
}

absl::Status EngineRound(Engine& engine, const ValueSource& values, int threads,
                         uint64_t operations, uint64_t& next_key, Contestant& contestant) {
  const uint64_t share = operations / static_cast<uint64_t>(threads);
  std::vector<LatencyRecorder> latencies(static_cast<size_t>(threads));
  std::vector<absl::Status> statuses(static_cast<size_t>(threads));
  const int64_t began_ns = NowNanos();
  {
    std::vector<std::jthread> writers;
    for (size_t t = 0; t < latencies.size(); ++t) {
      const uint64_t first = next_key + t * share;
      writers.emplace_back([&engine, &values, &latencies, &statuses, t, first, share] {
        statuses[t] = PutSynced(engine, values, first, share, latencies[t]);
      });
    }
  }
  const int64_t elapsed_ns = NowNanos() - began_ns;
  const uint64_t done = share * static_cast<uint64_t>(threads);
  next_key += done;
  for (size_t t = 0; t < latencies.size(); ++t) {
    RETURN_IF_ERROR(statuses[t]);
    contestant.latency.Merge(latencies[t]);
  }
  contestant.rates.push_back(RatePerSecond(done, elapsed_ns));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunSync(const Settings& settings, Report& report) {
  report.BeginSection("Synced: survives power loss when acknowledged");
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  ASSIGN_OR_RETURN(const auto engine, OpenedEngine::Open(Options{}, scratch->path() + "/db"));
  const ValueSource values(settings.seed);
  const uint64_t alone = settings.Scaled(2'000, 20);
  const uint64_t together = settings.Scaled(16'000, 160);
  Contestant raw;
  Contestant one;
  Contestant many;
  uint64_t next_key = 0;
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(RawRound(scratch->path() + "/raw", alone, raw));
    RETURN_IF_ERROR(EngineRound(**engine, values, 1, alone, next_key, one));
    RETURN_IF_ERROR(EngineRound(**engine, values, kManyThreads, together, next_key, many));
  }
  const double raw_rate = Median(raw.rates);
  report.Add(raw.Report("raw pwrite+fdatasync, 128 B, preallocated"));
  Row row = one.Report("engine sync put, 1 thread");
  row.floor = Floor{.bound = 0.85 * raw_rate, .reason = "0.85 x raw"};
  report.Add(std::move(row));
  row = many.Report("engine sync put, 16 threads");
  row.floor = Floor{.bound = 4 * raw_rate, .reason = "4 x raw"};
  report.Add(std::move(row));
  return (*engine)->Close();
}

}  // namespace lumen::bench
