#pragma once

#include <grpcpp/impl/service_type.h>

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "server/call_source.h"
#include "server/rpc.h"

namespace lumen {

// A service of a CallLoops: a table of methods, all of them raw (server/raw_call.h). Handlers run
// on the loops' threads and must not block.
class RpcService : public grpc::Service, public CallSource {
 public:
  // "lumen.v1.KeyValue"
  const std::string& name() const { return name_; }

  void AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) final;

 protected:
  // Whoever handles a call finishes it, now or later.
  using UnaryHandler = std::function<void(UnaryRpc&)>;
  using StreamHandler = std::function<void(StreamRpc&)>;

  explicit RpcService(std::string_view name) : name_(name) {}

  // In the constructor. `method`: "Put".
  void Add(std::string_view method, UnaryHandler handler);
  void Add(std::string_view method, StreamHandler handler);

 private:
  friend class UnaryRpc;
  friend class StreamRpc;

  struct Method {
    std::string path;
    std::variant<UnaryHandler, StreamHandler> handler;
  };

  void Request(UnaryRpc& rpc);
  void Request(StreamRpc& rpc);
  void Handle(UnaryRpc& rpc) const;
  void Handle(StreamRpc& rpc) const;
  void Add(Method method, grpc::internal::RpcMethod::RpcType type);

  const std::string name_;
  std::deque<Method> methods_;  // gRPC keeps pointers to their paths
};

}  // namespace lumen
