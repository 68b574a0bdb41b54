#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <string>

#include "engine/engine.h"
#include "kv.grpc.pb.h"
#include "server/read_pool.h"
#include "server/serving_state.h"
#include "server/write_admission.h"

namespace lumen {

// kv.KeyValueStore, the original's interface (proto/kv.proto). No handler blocks: a write is
// answered from the engine's completion; a read that memory cannot answer goes to the read pool.
// Everything borrowed must outlive the last call.
class KvService final
    : public kv::KeyValueStore::WithRawCallbackMethod_Put<
          kv::KeyValueStore::WithRawCallbackMethod_Get<
              kv::KeyValueStore::WithRawCallbackMethod_Delete<kv::KeyValueStore::Service>>> {
 public:
  struct Limits {
    size_t max_key_bytes = 0;
    size_t max_value_bytes = 0;
  };
  KvService(Limits limits, ServingState& state, ReadPool& reads, WriteAdmission& writes)
      : limits_(limits), state_(state), reads_(reads), writes_(writes) {}

  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const grpc::ByteBuffer* body,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) override;

 private:
  // One unary call until its Finish.
  struct Call {
    grpc::CallbackServerContext* context;
    grpc::ServerUnaryReactor* reactor;
    grpc::ByteBuffer* reply;

    void Fail(const grpc::Status& status) const { reactor->Finish(status); }
    // RESOURCE_EXHAUSTED, with the time after which to try again.
    void Overloaded(const char* what) const;
    template <typename Response>
    void Answer(const Response& response) const;
  };

  // Decodes and checks what all methods share. Null: the call has been answered with the reason.
  template <typename Request>
  Engine* Accept(const Call& call, const grpc::ByteBuffer& body, Request& request) const;
  grpc::Status CheckKey(const std::string& key) const;
  void StartWrite(const Call& call, Engine& engine, WriteBatch batch, bool is_delete);
  void AnswerRead(const Call& call, absl::StatusOr<std::optional<GetResult>> result) const;
  void ReadInPool(const Call& call, Engine& engine, std::string key);

  const Limits limits_;
  ServingState& state_;
  ReadPool& reads_;
  WriteAdmission& writes_;
};

}  // namespace lumen
