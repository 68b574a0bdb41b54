#pragma once

#include "server/rpc_service.h"
#include "server/unary_call.h"

namespace lumen {

// kv.KeyValueStore, the original's interface (proto/kv.proto). No handler blocks: a write is
// answered from the engine's completion; a read that memory cannot answer goes to the read pool.
class KvService final : public RpcService {
 public:
  explicit KvService(ServiceParts& parts);

 private:
  void Put(UnaryRpc& rpc);
  void Get(UnaryRpc& rpc);
  void Delete(UnaryRpc& rpc);

  ServiceParts& parts_;
};

}  // namespace lumen
