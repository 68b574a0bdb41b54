#pragma once

#include <grpcpp/channel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "kv.grpc.pb.h"
#include "lumen/v1/admin.grpc.pb.h"
#include "lumen/v1/kv.grpc.pb.h"

namespace lumen::conformance {

// What the server under test accepts at most; the defaults are those of proto/lumen/v1/kv.proto.
struct Limits {
  uint64_t key_bytes = uint64_t{64} << 10;
  uint64_t value_bytes = (uint64_t{4} << 20) - (uint64_t{128} << 10);
  uint64_t batch_bytes = uint64_t{17} << 20;
  uint64_t batch_operations = 10'000;
};

// One server, reached as a client with stock settings reaches it, so that an answer that such a
// client refuses is a failure.
struct Target {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::KeyValue::Stub> store;
  std::unique_ptr<v1::Admin::Stub> admin;
  std::unique_ptr<kv::KeyValueStore::Stub> original;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
  Limits limits;
};

// UNAVAILABLE: nobody listens at `server` (host:port or unix:path).
absl::StatusOr<Target> Connect(const std::string& server);

// What Admin/GetConfig tells under the names of the configuration file, "limits.max_key" and so on;
// what it does not tell stays. Error: the server does not answer it, or tells no size.
absl::Status AskLimits(Target& target);

}  // namespace lumen::conformance
