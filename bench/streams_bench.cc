// What a server does for many and for slow clients: the rate of a scan, memory for connections that
// are idle or do not read, what these cost the others, and how soon a server serves.
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/contestant.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/workload.h"
#include "engine/base/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "lumen/v1/kv.grpc.pb.h"

namespace lumen::bench {
namespace {

constexpr char kWrite[] = "/lumen.v1.KeyValue/Write";
constexpr char kGet[] = "/lumen.v1.KeyValue/Get";
constexpr uint64_t kPutsPerWrite = 500;
constexpr uint64_t kScanEntries = 2'000'000;
constexpr uint64_t kIdleConnections = 500;
constexpr uint64_t kStalledScans = 500;
constexpr double kMessageKiB = 128;
constexpr int kStarts = 5;
constexpr int kScans = 3;

std::shared_ptr<grpc::Channel> NewConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status Fill(Contestant& server, const ValueSource& values, uint64_t entries) {
  const auto request = [&values](uint64_t i) {
    v1::WriteRequest write;
    write.set_durability(v1::DURABILITY_ASYNC);
    std::string key;
    for (uint64_t k = i * kPutsPerWrite; k < (i + 1) * kPutsPerWrite; ++k) {
      SequentialKey(k, key);
      v1::Operation::Put& put = *write.add_operations()->mutable_put();
      put.set_key(key);
      const std::string_view value = values.Value(k);
      put.set_value(value.data(), value.size());
    }
    return Body(write.SerializeAsString());
  };
  return server.several
      ->Run(
          {.method = kWrite, .calls = entries / kPutsPerWrite, .in_flight = 8, .request = request})
      .status();
}

// Bytes of keys and values a second, read to the end by a client that decodes every message.
absl::StatusOr<double> ScanRate(const std::string& address, uint64_t entries) {
  const auto stub = v1::KeyValue::NewStub(NewConnection(address));
  grpc::ClientContext context;
  const int64_t began_ns = NowNanos();
  const auto reader = stub->Scan(&context, v1::ScanRequest());
  v1::ScanResponse message;
  uint64_t count = 0;
  while (reader->Read(&message)) count = message.count();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return absl::InternalError(absl::StrCat("Scan: ", status.error_message()));
  if (count != entries) {
    return absl::InternalError(absl::StrCat("Scan: ", count, " entries of ", entries));
  }
  return static_cast<double>(count * kEntryBytes) * 1e9 /
         static_cast<double>(NowNanos() - began_ns);
}

// Resident memory of a process that nothing but private memory makes grow.
absl::StatusOr<double> ResidentKiB(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6));
  }
  return absl::InternalError("no VmRSS of the server");
}

// Scans that have been begun and whose client has read one message.
class StalledScans {
 public:
  absl::Status Add(const std::string& address) {
    auto scan = std::make_unique<Scan>();
    scan->stub = v1::KeyValue::NewStub(NewConnection(address));
    scan->reader = scan->stub->Scan(&scan->context, v1::ScanRequest());
    v1::ScanResponse message;
    if (!scan->reader->Read(&message)) {
      return absl::InternalError(absl::StrCat("Scan: ", scan->reader->Finish().error_message()));
    }
    scans_.push_back(std::move(scan));
    return absl::OkStatus();
  }
  ~StalledScans() {
    for (auto& scan : scans_) scan->context.TryCancel();
    for (auto& scan : scans_) {
      v1::ScanResponse message;
      while (scan->reader->Read(&message)) continue;
      // Cancelled, which is what was asked for.
      static_cast<void>(scan->reader->Finish());
    }
  }

 private:
  struct Scan {
    std::unique_ptr<v1::KeyValue::Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::ScanResponse>> reader;
  };
  std::vector<std::unique_ptr<Scan>> scans_;
};

Load GetLoad(uint64_t calls, uint64_t entries) {
  return {.method = kGet, .calls = calls, .in_flight = 4, .request = [entries](uint64_t i) {
            std::string key;
            SequentialKey(Scatter(i) % entries, key);
            v1::GetRequest get;
            get.set_key(key);
            return Body(get.SerializeAsString());
          }};
}

absl::Status MeasureConnections(const Settings& settings, Contestant& server, uint64_t entries,
                                Report& report) {
  const uint64_t idle = settings.Scaled(kIdleConnections, 10);
  const uint64_t stalled = settings.Scaled(kStalledScans, 10);
  const Load gets = GetLoad(settings.Scaled(20'000, 100), entries);
  ASSIGN_OR_RETURN(LoadResult before, server.several->Run(gets));
  const double p99_before = static_cast<double>(before.latency.PercentileNanos(99)) / 1e3;
  ASSIGN_OR_RETURN(const double kib_start, ResidentKiB(server.process->pid()));
  std::vector<std::shared_ptr<grpc::Channel>> connections;
  for (uint64_t i = 0; i < idle; ++i) {
    connections.push_back(NewConnection(server.address));
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(20);
    if (!connections.back()->WaitForConnected(deadline)) {
      return absl::UnavailableError(absl::StrCat("connection ", i, " of ", idle, " failed"));
    }
  }
  ASSIGN_OR_RETURN(const double kib_idle, ResidentKiB(server.process->pid()));
  StalledScans scans;
  for (uint64_t i = 0; i < stalled; ++i) RETURN_IF_ERROR(scans.Add(server.address));
  ASSIGN_OR_RETURN(LoadResult during, server.several->Run(gets));
  ASSIGN_OR_RETURN(const double kib_stalled, ResidentKiB(server.process->pid()));
  const double p99_during = static_cast<double>(during.latency.PercentileNanos(99)) / 1e3;
  report.Add({.name = absl::StrCat("memory of an idle connection, ", idle, " of them"),
              .value = (kib_idle - kib_start) / static_cast<double>(idle),
              .unit = "KiB",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 32}});
  report.Add({.name = absl::StrCat("memory of a scan that is not read, ", stalled, " of them"),
              .value = (kib_stalled - kib_idle) / static_cast<double>(stalled),
              .unit = "KiB",
              .floor = Floor{.kind = Floor::Kind::kAtMost,
                             .bound = 3 * kMessageKiB + 64,
                             .reason = "3 messages + 64 KiB"}});
  report.Add({.name = "p99 of Get beside all of these",
              .value = p99_during,
              .unit = "us",
              .floor = Floor{.kind = Floor::Kind::kAtMost,
                             .bound = 2 * p99_before,
                             .reason = absl::StrFormat("2 x the %.0f us without", p99_before)}});
  return absl::OkStatus();
}

// From the start of the process until health says SERVING, on an empty directory.
absl::StatusOr<double> StartMs(const Settings& settings, const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string address, FreeAddress());
  const int64_t began_ns = NowNanos();
  ASSIGN_OR_RETURN(
      const auto process,
      ChildProcess::Start(
          ServerCommand(settings, "lumen-server", {"--data-dir", directory, "--listen", address}),
          directory + ".log"));
  const int64_t deadline_ns = began_ns + int64_t{20'000'000'000};
  // A connection that is refused is not tried again for a second: a new one each time.
  while (NowNanos() < deadline_ns) {
    const auto channel = NewConnection(address);
    const auto soon = std::chrono::system_clock::now() + std::chrono::milliseconds(20);
    if (!channel->WaitForConnected(soon)) continue;
    const auto stub = grpc::health::v1::Health::NewStub(channel);
    while (NowNanos() < deadline_ns) {
      grpc::ClientContext context;
      grpc::health::v1::HealthCheckResponse response;
      const grpc::Status status =
          stub->Check(&context, grpc::health::v1::HealthCheckRequest(), &response);
      if (!status.ok()) break;
      if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) {
        return static_cast<double>(NowNanos() - began_ns) / 1e6;
      }
    }
  }
  return absl::DeadlineExceededError("lumen-server does not serve");
}

absl::Status MeasureStart(const Settings& settings, const std::string& directory, Report& report) {
  std::vector<double> times;
  for (int i = 0; i < kStarts; ++i) {
    ASSIGN_OR_RETURN(const double ms, StartMs(settings, absl::StrCat(directory, "/start", i)));
    times.push_back(ms);
  }
  report.Add({.name = "start to SERVING, empty directory",
              .value = Median(times),
              .unit = "ms",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 100}});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunStreams(const Settings& settings, Report& report) {
  report.BeginSection("gRPC: scans, many connections, start");
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  RETURN_IF_ERROR(MeasureStart(settings, scratch->path(), report));
  const ValueSource values(settings.seed);
  const uint64_t entries =
      settings.Scaled(kScanEntries, kPutsPerWrite) / kPutsPerWrite * kPutsPerWrite;
  ASSIGN_OR_RETURN(Contestant server,
                   StartContestant(ServerCommand(settings, "lumen-server",
                                                 {"--data-dir", scratch->path() + "/db", "--listen",
                                                  "{address}"}),
                                   scratch->path() + "/server.log", GetLoad(1, 1)));
  RETURN_IF_ERROR(Fill(server, values, entries));
  std::vector<double> rates;
  for (int i = 0; i < kScans; ++i) {
    ASSIGN_OR_RETURN(const double rate, ScanRate(server.address, entries));
    rates.push_back(rate);
  }
  report.Add({.name = absl::StrCat("Scan of ", entries, " entries, keys and values"),
              .value = Median(rates) / 1e6,
              .unit = "MB/s",
              .floor = Floor{.bound = 300}});
  return MeasureConnections(settings, server, entries, report);
}

}  // namespace lumen::bench
