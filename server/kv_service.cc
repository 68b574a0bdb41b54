#include "server/kv_service.h"

#include <utility>

#include "server/point_read.h"

namespace lumen {
namespace {

using OptionalRefusal = std::optional<Refusal>;

kv::GetResponse ToGetResponse(std::optional<GetResult>&& result) {
  kv::GetResponse response;
  if (result.has_value()) {
    response.set_found(true);
    response.set_value(std::move(result->value));
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* KvService::Put(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  auto* call = new UnaryCall("kv.KeyValueStore/Put", parts_, *context, *body, *reply);
  kv::PutRequest request;
  Engine* engine = call->Accept(*body, request, [this](const auto& put) -> OptionalRefusal {
    OptionalRefusal refusal = CheckKey(put.key(), "key", parts_.limits);
    return refusal.has_value() ? refusal : CheckValue(put.value(), "value", parts_.limits);
  });
  if (engine == nullptr) return call;
  WriteBatch batch;
  batch.Put(request.key(), request.value());
  call->HandOn(request.key());
  engine->WriteAsync(std::move(batch), {}, [call](absl::StatusOr<WriteResult> result) {
    if (!result.ok()) return call->Fail(result.status());
    kv::PutResponse response;
    response.set_success(true);
    call->Answer(response);
  });
  return call;
}

grpc::ServerUnaryReactor* KvService::Delete(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  auto* call = new UnaryCall("kv.KeyValueStore/Delete", parts_, *context, *body, *reply);
  kv::DeleteRequest request;
  Engine* engine = call->Accept(*body, request, [this](const auto& del) {
    return CheckKey(del.key(), "key", parts_.limits);
  });
  if (engine == nullptr) return call;
  WriteBatch batch;
  batch.Delete(request.key());
  call->HandOn(request.key());
  engine->WriteAsync(std::move(batch), {.report_existed = true},
                     [call](absl::StatusOr<WriteResult> result) {
                       if (!result.ok()) return call->Fail(result.status());
                       kv::DeleteResponse response;
                       response.set_success(result->existed.at(0));
                       call->Answer(response);
                     });
  return call;
}

grpc::ServerUnaryReactor* KvService::Get(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  auto* call = new UnaryCall("kv.KeyValueStore/Get", parts_, *context, *body, *reply);
  kv::GetRequest request;
  Engine* engine = call->Accept(*body, request, [this](const auto& get) {
    return CheckKey(get.key(), "key", parts_.limits);
  });
  if (engine == nullptr) return call;
  ReadOne(*call, parts_.reads, *engine, std::move(*request.mutable_key()), ToGetResponse);
  return call;
}

}  // namespace lumen
