#pragma once

#include <memory>
#include <set>
#include <string>

#include "engine/base/mutex.h"
#include "server/rpc_service.h"

namespace lumen {

// grpc.health.v1.Health for the whole server ("") and for each service named at construction, which
// all share one state. Our own because gRPC's says SERVING until told otherwise. Thread-safe.
class HealthService final : public RpcService {
 public:
  // NOT_SERVING from the first call on.
  explicit HealthService(std::set<std::string> services);
  ~HealthService() override;

  void SetServing(bool serving);
  // NOT_SERVING for good.
  void Drain();
  // Every Watch ends, and every later one after its first message.
  void EndWatches();

 private:
  class Watcher;

  void Check(UnaryRpc& rpc);
  void Watch(StreamRpc& rpc);
  bool IsKnown(const std::string& service) const;
  void Forget(const std::shared_ptr<Watcher>& watcher);
  std::set<std::shared_ptr<Watcher>> Watchers();

  const std::set<std::string> services_;
  Mutex mutex_;
  bool serving_ GUARDED_BY(mutex_) = false;
  bool draining_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<Watcher>> watchers_ GUARDED_BY(mutex_);
};

}  // namespace lumen
