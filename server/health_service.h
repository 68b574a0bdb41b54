#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <set>
#include <string>

#include "engine/base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace lumen {

// grpc.health.v1.Health for the whole server ("") and for each service named at construction, which
// all share one state. Our own because gRPC's says SERVING until told otherwise. Thread-safe.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // NOT_SERVING from the first call on.
  explicit HealthService(std::set<std::string> services);
  ~HealthService() override;

  void SetServing(bool serving);
  // NOT_SERVING for good, and every Watch ends: a server does not shut down while one is open.
  void Drain();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;

  void Forget(const std::shared_ptr<Watcher>& watcher);
  std::set<std::shared_ptr<Watcher>> Watchers();

  const std::set<std::string> services_;
  Mutex mutex_;
  bool serving_ GUARDED_BY(mutex_) = false;
  bool draining_ GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<Watcher>> watchers_ GUARDED_BY(mutex_);
};

}  // namespace lumen
