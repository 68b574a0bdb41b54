// Put over gRPC beside an empty call. Both servers are processes of their own, both use raw
// callback methods, both get the same client and the same request bytes, in turns; so the ratio is
// what the store costs on top of gRPC.
#include <arpa/inet.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "bench/async_client.h"
#include "bench/child_process.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/workload.h"
#include "engine/base/status.h"
#include "kv.grpc.pb.h"

namespace lumen::bench {
namespace {

constexpr char kPut[] = "/kv.KeyValueStore/Put";
constexpr int kConnections = 4;
constexpr int kManyInFlight = 100;
constexpr int kRounds = 3;
constexpr int64_t kStartTimeoutMs = 20'000;

class EmptyService final
    : public kv::KeyValueStore::WithRawCallbackMethod_Put<kv::KeyValueStore::Service> {
 public:
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                grpc::ByteBuffer* reply) override {
    *reply = Body("");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// A port that was free a moment ago.
absl::StatusOr<std::string> FreeAddress() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return absl::InternalError(absl::StrCat("socket: ", std::strerror(errno)));
  const absl::Cleanup close_probe = [probe] { close(probe); };
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<struct sockaddr*>(&address);
  if (bind(probe, generic, length) != 0 || getsockname(probe, generic, &length) != 0) {
    return absl::InternalError(absl::StrCat("bind: ", std::strerror(errno)));
  }
  return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
}

grpc::ByteBuffer PutBody(const std::string& key, std::string_view value) {
  kv::PutRequest request;
  request.set_key(key);
  request.set_value(value.data(), value.size());
  return Body(request.SerializeAsString());
}

Load PutLoad(const ValueSource& values, uint64_t first, uint64_t calls, int in_flight) {
  return {.method = kPut,
          .calls = calls,
          .in_flight = in_flight,
          .request = [&values, first](uint64_t i) {
            std::string key;
            ScatteredKey(first + i, key);
            return PutBody(key, values.Value(first + i));
          }};
}

// A server process with its clients: one on a connection of its own for sequential calls, one on
// four.
struct Contestant {
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<AsyncClient> single;
  std::unique_ptr<AsyncClient> several;
  std::vector<double> sequential_rates;
  std::vector<double> concurrent_rates;
  LatencyRecorder sequential;
  LatencyRecorder concurrent;
};

// Connected is not serving: a server that opens its port first answers UNAVAILABLE until it has
// recovered.
absl::Status WaitUntilServing(Contestant& contestant, const ValueSource& values) {
  const int64_t deadline_ns = NowNanos() + kStartTimeoutMs * 1'000'000;
  absl::Status last = absl::DeadlineExceededError("no connection");
  while (NowNanos() < deadline_ns && contestant.process->running()) {
    if (contestant.single->WaitUntilConnected(100)) {
      last = contestant.single->Run(PutLoad(values, 0, 1, 1)).status();
      if (last.ok() && contestant.several->WaitUntilConnected(kStartTimeoutMs)) return last;
    }
  }
  return last;
}

absl::Status StartContestant(const std::vector<std::string>& command, const std::string& address,
                             const std::string& log_path, const ValueSource& values,
                             Contestant& contestant) {
  ASSIGN_OR_RETURN(contestant.process, ChildProcess::Start(command, log_path));
  contestant.single = std::make_unique<AsyncClient>(address, 1);
  contestant.several = std::make_unique<AsyncClient>(address, kConnections);
  const absl::Status serving = WaitUntilServing(contestant, values);
  if (serving.ok()) return serving;
  return absl::InternalError(absl::StrCat(command[0], " does not serve: ", serving.ToString()));
}

absl::Status Round(const Settings& settings, const ValueSource& values, uint64_t round,
                   Contestant& contestant) {
  const uint64_t sequential_calls = settings.Scaled(5'000, 20);
  const uint64_t concurrent_calls = settings.Scaled(100'000, 400);
  const uint64_t first = 1 + round * (sequential_calls + concurrent_calls);
  ASSIGN_OR_RETURN(const LoadResult sequential,
                   contestant.single->Run(PutLoad(values, first, sequential_calls, 1)));
  contestant.sequential_rates.push_back(sequential.rate_per_s);
  contestant.sequential.Merge(sequential.latency);
  ASSIGN_OR_RETURN(const LoadResult concurrent,
                   contestant.several->Run(
                       PutLoad(values, first + sequential_calls, concurrent_calls, kManyInFlight)));
  contestant.concurrent_rates.push_back(concurrent.rate_per_s);
  contestant.concurrent.Merge(concurrent.latency);
  return absl::OkStatus();
}

void AddRows(Contestant& empty, Contestant& put, Report& report) {
  const double empty_rate = Median(empty.concurrent_rates);
  const double put_rate = Median(put.concurrent_rates);
  report.Add({.name = "empty call, sequential",
              .value = Median(empty.sequential_rates),
              .unit = "/s",
              .detail = empty.sequential.Summary()});
  report.Add({.name = "empty call, 100 in flight, 4 connections",
              .value = empty_rate,
              .unit = "/s",
              .detail = empty.concurrent.Summary()});
  report.Add({.name = "Put with fdatasync, sequential",
              .value = Median(put.sequential_rates),
              .unit = "/s",
              .detail = put.sequential.Summary()});
  report.Add({.name = "Put with fdatasync, sequential, p99",
              .value = static_cast<double>(put.sequential.PercentileNanos(99)) / 1e3,
              .unit = "us",
              .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 520}});
  report.Add({.name = "Put with fdatasync, 100 in flight",
              .value = put_rate,
              .unit = "/s",
              .floor = Floor{.bound = 0.65 * empty_rate, .reason = "0.65 x empty"},
              .detail = absl::StrFormat("%.2f x empty (aim: 0.85); %s", put_rate / empty_rate,
                                        put.concurrent.Summary())});
}

}  // namespace

absl::Status EmptyServerChild(const std::string& address) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as lumen-server does
  EmptyService service;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::UnavailableError(absl::StrCat(address, ": cannot be listened on"));
  }
  server->Wait();
  return absl::OkStatus();
}

absl::Status RunLoad(const Settings& settings, const LoadSettings& load, Report& report) {
  const ValueSource values(settings.seed);
  AsyncClient client(load.address, load.connections);
  if (!client.WaitUntilConnected(kStartTimeoutMs)) {
    return absl::UnavailableError(absl::StrCat(load.address, ": no server answers"));
  }
  const auto request = [&values, &load](uint64_t i) {
    return PutBody(absl::StrFormat("%s%08d", load.key_prefix, i), values.Value(i));
  };
  ASSIGN_OR_RETURN(
      LoadResult result,
      client.Run(
          {.method = kPut, .calls = load.calls, .in_flight = load.in_flight, .request = request}));
  report.Add({.name = absl::StrFormat("Put, %d in flight, %d connections", load.in_flight,
                                      load.connections),
              .value = result.rate_per_s,
              .unit = "/s",
              .detail = result.latency.Summary()});
  return absl::OkStatus();
}

absl::Status RunRpc(const Settings& settings, Report& report) {
  report.BeginSection(
      "gRPC on loopback: servers in processes of their own, async client, one client thread");
  ASSIGN_OR_RETURN(const auto scratch, ScratchFolder::Make(settings.directory));
  const ValueSource values(settings.seed);
  Contestant empty;
  ASSIGN_OR_RETURN(const std::string empty_address, FreeAddress());
  RETURN_IF_ERROR(StartContestant(
      {settings.program_folder + "/lumen-bench", "empty-server-child", empty_address},
      empty_address, scratch->path() + "/empty.log", values, empty));
  Contestant put;
  ASSIGN_OR_RETURN(const std::string put_address, FreeAddress());
  RETURN_IF_ERROR(StartContestant({settings.program_folder + "/lumen-server", "--data-dir",
                                   scratch->path() + "/db", "--listen", put_address},
                                  put_address, scratch->path() + "/server.log", values, put));
  for (uint64_t round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(Round(settings, values, round, empty));
    RETURN_IF_ERROR(Round(settings, values, round, put));
  }
  AddRows(empty, put, report);
  return absl::OkStatus();
}

}  // namespace lumen::bench
