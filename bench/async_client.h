#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/latency.h"

namespace lumen::bench {

// What to send: `calls` unary calls of `method`, of which `in_flight` are open at any time.
struct Load {
  std::string method = {};
  uint64_t calls = 0;
  int in_flight = 1;
  // The i-th request, encoded.
  std::function<grpc::ByteBuffer(uint64_t)> request = {};
};

struct LoadResult {
  double rate_per_s = 0;
  LatencyRecorder latency;
};

// A client that costs little enough not to hide the server: raw bytes, one completion queue, one
// thread, connections of its own. (A hundred blocking threads would burn 36 us of CPU a call.)
class AsyncClient {
 public:
  AsyncClient(const std::string& address, int connections);
  // False: no server answered in time.
  bool WaitUntilConnected(int64_t timeout_ms);
  // An error when any call fails.
  absl::StatusOr<LoadResult> Run(const Load& load);

 private:
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
};

// The message's encoding as a request body.
grpc::ByteBuffer Body(const std::string& encoded);

}  // namespace lumen::bench
