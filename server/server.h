#pragma once

#include <grpcpp/server.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "server/admin_service.h"
#include "server/admission.h"
#include "server/call_loops.h"
#include "server/health_service.h"
#include "server/key_value_service.h"
#include "server/kv_service.h"
#include "server/limits.h"
#include "server/loop_executor.h"
#include "server/read_pool.h"
#include "server/reflection.h"
#include "server/serving_state.h"
#include "server/slow_requests.h"
#include "server/unknown_methods.h"

namespace lumen {

struct ServerOptions {
  // host:port; port 0 takes a free one. Or unix:path.
  std::string listen = "127.0.0.1:50051";
  RequestLimits limits;
  // Calls under way, and the requests and answers they hold.
  Admission::Limits admission;
  // Scans under way, and what they have ready to send.
  Admission::Limits scans = kDefaultScanLimits;
  // What gRPC holds of requests that have not arrived whole and of answers that are not sent.
  // Beyond it gRPC reads no more from its connections, and ends calls that hold much.
  size_t transport_bytes = size_t{1} << 30;
  ReadPool::Options reads;
  SlowRequests::Options slow;
  AdminOptions admin;
  // How long Shutdown waits for clients that do not take their answers.
  std::chrono::milliseconds drain_timeout{5000};
  // The engine's executor, whose commits the threads that serve calls then do. Null: the engine has
  // threads for them. Borrowed until the server is destroyed.
  LoopExecutor* commits = nullptr;
};

// The gRPC front of one engine: opens its port before the engine is there, so that clients read how
// far recovery is instead of "connection refused". One thread drives it; calls
// are served by threads of its own (CallLoops).
class Server {
 public:
  // The port is open, health says NOT_SERVING, calls get UNAVAILABLE. Error: those of
  // TryListenAddress.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  // As Shutdown().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What a refused call is told. From any thread.
  void ReportRecovery(uint64_t replayed_bytes, uint64_t total_bytes);
  // Health says SERVING and calls reach `engine`, which must live as long as the server: after
  // Shutdown an admin call's work may still wait in it, until it closes.
  void Serve(Engine& engine);
  // Health says NOT_SERVING; new calls get UNAVAILABLE and do nothing; every call that reached the
  // engine is answered; answers that are not taken by the drain timeout are dropped, writes are
  // waited for as long as the engine takes. Then the port closes, and what crosses that on the
  // wire, or never became a whole request, gets CANCELLED or UNAVAILABLE of gRPC's own. Returns
  // when no connection is left. gRPC closes none while it writes to it: that takes seconds longer
  // where a client goes on calling without a pause, and has no end where one of a unix socket
  // stands still with its socket full. Idempotent.
  void Shutdown();

  // The TCP port that is open; 0 for unix sockets.
  int port() const { return port_; }

 private:
  explicit Server(const ServerOptions& options);
  absl::Status Listen(const ServerOptions& options);
  // Until none is open that was let in; beyond `deadline` until the engine has no write.
  void AwaitCalls(std::chrono::steady_clock::time_point deadline) const;

  const std::chrono::milliseconds drain_timeout_;
  ServingState state_;
  Admission admission_;
  DrainCounts drain_;
  OpenScans scans_;
  ReadPool reads_;
  SlowRequests slow_;
  ServiceParts parts_;
  KvService kv_service_;
  KeyValueService key_value_service_;
  AdminService admin_service_;
  HealthService health_service_;
  ReflectionServices reflection_;
  UnknownMethods unknown_methods_;
  CallLoops loops_;  // after the services
  int port_ = 0;
  std::unique_ptr<grpc::Server> grpc_server_;
};

}  // namespace lumen
