#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "lumen/v1/kv.grpc.pb.h"
#include "server/scan_stream.h"
#include "server/unary_call.h"

namespace lumen {

// Every method raw; see server/raw_call.h.
using RawKeyValueService = v1::KeyValue::WithRawCallbackMethod_Get<
    v1::KeyValue::WithRawCallbackMethod_MultiGet<v1::KeyValue::WithRawCallbackMethod_Put<
        v1::KeyValue::WithRawCallbackMethod_Delete<v1::KeyValue::WithRawCallbackMethod_Write<
            v1::KeyValue::WithRawCallbackMethod_Scan<v1::KeyValue::Service>>>>>>;

// lumen.v1.KeyValue (proto/lumen/v1/kv.proto). No handler blocks: writes are answered from the
// engine's completion; what may wait for the disk runs in the read pool.
class KeyValueService final : public RawKeyValueService {
 public:
  KeyValueService(ServiceParts& parts, OpenScans& scans) : parts_(parts), scans_(scans) {}

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* MultiGet(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* body,
                                     grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Write(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Scan(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* body) override;

 private:
  void AnswerMultiGet(UnaryCall& call, Engine& engine, const v1::MultiGetRequest& request) const;

  ServiceParts& parts_;
  OpenScans& scans_;
};

}  // namespace lumen
