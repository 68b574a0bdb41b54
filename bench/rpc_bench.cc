// Calls over gRPC beside empty calls. The servers are processes of their own and get the same
// client and the same request bytes, in turns. Empty calls are answered once by raw methods of
// gRPC's callback API, which is how one would write such a server, and once by lumen-server's own
// loops; so there are two ratios, and the second is what the store costs on top of its transport.
#include <grpcpp/server_builder.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "bench/async_client.h"
#include "bench/contestant.h"
#include "bench/experiments.h"
#include "bench/scratch.h"
#include "bench/workload.h"
#include "engine/base/status.h"
#include "kv.grpc.pb.h"
#include "lumen/v1/kv.pb.h"
#include "server/call_loops.h"
#include "server/rpc_service.h"

namespace lumen::bench {
namespace {

constexpr char kPut[] = "/kv.KeyValueStore/Put";
constexpr char kGet[] = "/kv.KeyValueStore/Get";
constexpr char kPutV1[] = "/lumen.v1.KeyValue/Put";
constexpr char kGetV1[] = "/lumen.v1.KeyValue/Get";
constexpr char kWriteV1[] = "/lumen.v1.KeyValue/Write";
constexpr int kManyInFlight = 100;
constexpr int kRounds = 3;
constexpr uint64_t kWritePuts = 32;
constexpr int64_t kStartTimeoutMs = 20'000;

class EmptyCallbackService final
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

class EmptyService final : public RpcService {
 public:
  EmptyService() : RpcService("kv.KeyValueStore") {
    Add("Put", [](UnaryRpc& rpc) {
      rpc.reply() = Body("");
      rpc.Finish(grpc::Status::OK);
    });
  }
};

// The same fields have the same numbers in both services' Put and Get, so the bytes are the same
// too.
grpc::ByteBuffer PutBody(const std::string& key, std::string_view value) {
  kv::PutRequest request;
  request.set_key(key);
  request.set_value(value.data(), value.size());
  return Body(request.SerializeAsString());
}

grpc::ByteBuffer GetBody(const std::string& key) {
  kv::GetRequest request;
  request.set_key(key);
  return Body(request.SerializeAsString());
}

grpc::ByteBuffer WriteBody(const ValueSource& values, uint64_t first) {
  v1::WriteRequest request;
  std::string key;
  for (uint64_t i = first; i < first + kWritePuts; ++i) {
    ScatteredKey(i, key);
    v1::Operation::Put& put = *request.add_operations()->mutable_put();
    put.set_key(key);
    const std::string_view value = values.Value(i);
    put.set_value(value.data(), value.size());
  }
  return Body(request.SerializeAsString());
}

// A kind of call: what it sends, to whom, and what became of its rounds.
struct Series {
  const char* name;
  const char* method;
  Contestant* to;
  std::function<grpc::ByteBuffer(uint64_t)> request;
  uint64_t calls = 0;
  int in_flight = 1;
  std::vector<double> rates = {};
  LatencyRecorder latency = {};

  double rate() const { return Median(rates); }

  absl::Status RunOnce(uint64_t first) {
    AsyncClient& client = in_flight == 1 ? *to->single : *to->several;
    ASSIGN_OR_RETURN(const LoadResult result,
                     client.Run({.method = method,
                                 .calls = calls,
                                 .in_flight = in_flight,
                                 .request = [&](uint64_t i) { return request(first + i); }}));
    rates.push_back(result.rate_per_s);
    latency.Merge(result.latency);
    return absl::OkStatus();
  }

  Row ToRow() { return {.name = name, .value = rate(), .unit = "/s", .detail = latency.Summary()}; }
  // Beside the empty calls with the same request.
  Row ToRow(const Series& empty, const Series& own, double share) {
    Row row = ToRow();
    row.floor =
        Floor{.bound = share * empty.rate(), .reason = absl::StrFormat("%.2f x empty", share)};
    row.detail = absl::StrFormat("%.2f x empty, %.2f x empty on own loops; %s",
                                 rate() / empty.rate(), rate() / own.rate(), row.detail);
    return row;
  }
};

class RpcExperiment {
 public:
  RpcExperiment(const Settings& settings, Contestant& empty, Contestant& own, Contestant& store)
      : values_(settings.seed), many_(settings.Scaled(100'000, 400)) {
    const uint64_t few = settings.Scaled(5'000, 20);
    const auto put = [this](uint64_t i) {
      ScatteredKey(i, key_);
      return PutBody(key_, values_.Value(i));
    };
    const auto get = [this](uint64_t i) {
      ScatteredKey(i, key_);
      return GetBody(key_);
    };
    const auto write = [this](uint64_t i) { return WriteBody(values_, i * kWritePuts); };
    empty_one_ = {"empty call, sequential", kPut, &empty, put, few, 1};
    put_one_ = {"Put with fdatasync, sequential", kPut, &store, put, few, 1};
    empty_put_ = {
        "empty call, 100 in flight, 4 connections", kPut, &empty, put, many_, kManyInFlight};
    put_ = {"Put with fdatasync, 100 in flight", kPut, &store, put, many_, kManyInFlight};
    put_v1_ = {"lumen.v1 Put, 100 in flight", kPutV1, &store, put, many_, kManyInFlight};
    own_put_ = {"the same on own loops", kPut, &own, put, many_, kManyInFlight};
    own_get_ = {"the same on own loops", kPut, &own, get, many_, kManyInFlight};
    empty_get_ = {"empty call with a Get's request", kPut, &empty, get, many_, kManyInFlight};
    get_ = {"Get, 100 in flight", kGet, &store, get, many_, kManyInFlight};
    get_v1_ = {"lumen.v1 Get, 100 in flight", kGetV1, &store, get, many_, kManyInFlight};
    write_ = {"lumen.v1 Write of 32 puts with fdatasync",
              kWriteV1,
              &store,
              write,
              settings.Scaled(20'000, 50),
              kManyInFlight};
  }

  // Gets read what the same round has put.
  absl::Status RunRound(uint64_t round) {
    const uint64_t first = 1 + round * many_;
    for (Series* series : {&empty_one_, &put_one_, &empty_put_, &own_put_, &put_, &put_v1_,
                           &empty_get_, &own_get_, &get_, &get_v1_, &write_}) {
      RETURN_IF_ERROR(series->RunOnce(first));
    }
    return absl::OkStatus();
  }

  void AddRows(Report& report) {
    report.Add(empty_one_.ToRow());
    report.Add(empty_put_.ToRow());
    report.Add(own_put_.ToRow());
    report.Add(empty_get_.ToRow());
    report.Add(own_get_.ToRow());
    report.Add(put_one_.ToRow());
    report.Add({.name = "Put with fdatasync, sequential, p99",
                .value = static_cast<double>(put_one_.latency.PercentileNanos(99)) / 1e3,
                .unit = "us",
                .floor = Floor{.kind = Floor::Kind::kAtMost, .bound = 520}});
    report.Add(put_.ToRow(empty_put_, own_put_, 0.75));
    report.Add(put_v1_.ToRow(empty_put_, own_put_, 0.75));
    report.Add(get_.ToRow(empty_get_, own_get_, 0.8));
    report.Add(get_v1_.ToRow(empty_get_, own_get_, 0.8));
    report.Add({.name = write_.name,
                .value = write_.rate() * static_cast<double>(kWritePuts),
                .unit = "puts/s",
                .floor = Floor{.bound = 300'000},
                .detail = write_.latency.Summary()});
  }

 private:
  const ValueSource values_;
  const uint64_t many_;
  std::string key_;
  Series empty_one_, put_one_, empty_put_, own_put_, put_, put_v1_;
  Series empty_get_, own_get_, get_, get_v1_, write_;
};

}  // namespace

absl::Status EmptyServerChild(const std::string& address, bool own_loops) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as lumen-server does
  EmptyCallbackService callback_service;
  EmptyService service;
  CallLoops loops(/*commits=*/nullptr);
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  if (own_loops) {
    loops.AddQueues(builder);
    builder.RegisterService(&service);
  } else {
    builder.RegisterService(&callback_service);
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::UnavailableError(absl::StrCat(address, ": cannot be listened on"));
  }
  if (own_loops) loops.Start({&service});
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
  const Load probe = {
      .method = kPut, .calls = 1, .request = [](uint64_t) { return PutBody("probe", ""); }};
  ASSIGN_OR_RETURN(
      Contestant empty,
      StartContestant(ServerCommand(settings, "lumen-bench", {"empty-server-child", "{address}"}),
                      scratch->path() + "/empty.log", probe));
  ASSIGN_OR_RETURN(
      Contestant own,
      StartContestant(ServerCommand(settings, "lumen-bench",
                                    {"empty-server-child", "--own-loops", "{address}"}),
                      scratch->path() + "/own.log", probe));
  ASSIGN_OR_RETURN(Contestant store,
                   StartContestant(ServerCommand(settings, "lumen-server",
                                                 {"--data-dir", scratch->path() + "/db", "--listen",
                                                  "{address}"}),
                                   scratch->path() + "/server.log", probe));
  RpcExperiment experiment(settings, empty, own, store);
  for (uint64_t round = 0; round < kRounds; ++round) RETURN_IF_ERROR(experiment.RunRound(round));
  experiment.AddRows(report);
  return absl::OkStatus();
}

}  // namespace lumen::bench
