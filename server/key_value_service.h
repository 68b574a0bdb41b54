#pragma once

#include "lumen/v1/kv.pb.h"
#include "server/rpc_service.h"
#include "server/scan_stream.h"
#include "server/unary_call.h"

namespace lumen {

// lumen.v1.KeyValue (proto/lumen/v1/kv.proto). No handler blocks: writes are answered from the
// engine's completion; what may wait for the disk runs in the read pool.
class KeyValueService final : public RpcService {
 public:
  KeyValueService(ServiceParts& parts, OpenScans& scans);

 private:
  void Get(UnaryRpc& rpc);
  void MultiGet(UnaryRpc& rpc);
  void Put(UnaryRpc& rpc);
  void Delete(UnaryRpc& rpc);
  void Write(UnaryRpc& rpc);
  void AnswerMultiGet(UnaryCall& call, Engine& engine, const v1::MultiGetRequest& request) const;

  ServiceParts& parts_;
  OpenScans& scans_;
};

}  // namespace lumen
