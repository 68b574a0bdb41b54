#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "kv.grpc.pb.h"
#include "server/unary_call.h"

namespace lumen {

// kv.KeyValueStore, the original's interface (proto/kv.proto). No handler blocks: a write is
// answered from the engine's completion; a read that memory cannot answer goes to the read pool.
class KvService final
    : public kv::KeyValueStore::WithRawCallbackMethod_Put<
          kv::KeyValueStore::WithRawCallbackMethod_Get<
              kv::KeyValueStore::WithRawCallbackMethod_Delete<kv::KeyValueStore::Service>>> {
 public:
  explicit KvService(ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;

 private:
  ServiceParts& parts_;
};

}  // namespace lumen
