#include "server/kv_service.h"

#include <utility>

#include "kv.pb.h"
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

KvService::KvService(ServiceParts& parts) : RpcService("kv.KeyValueStore"), parts_(parts) {
  Add("Put", [this](UnaryRpc& rpc) { Put(rpc); });
  Add("Get", [this](UnaryRpc& rpc) { Get(rpc); });
  Add("Delete", [this](UnaryRpc& rpc) { Delete(rpc); });
}

void KvService::Put(UnaryRpc& rpc) {
  auto* call = new UnaryCall("kv.KeyValueStore/Put", parts_, rpc);
  kv::PutRequest request;
  Engine* engine = call->Accept(request, [this](const auto& put) -> OptionalRefusal {
    OptionalRefusal refusal = CheckKey(put.key(), "key", parts_.limits);
    return refusal.has_value() ? refusal : CheckValue(put.value(), "value", parts_.limits);
  });
  if (engine == nullptr) return;
  WriteBatch batch;
  batch.Put(request.key(), request.value());
  call->HandOnWrite(request.key());
  engine->WriteAsync(std::move(batch), {}, [call](absl::StatusOr<WriteResult> result) {
    if (!result.ok()) return call->Fail(result.status());
    kv::PutResponse response;
    response.set_success(true);
    call->Answer(response);
  });
}

void KvService::Delete(UnaryRpc& rpc) {
  auto* call = new UnaryCall("kv.KeyValueStore/Delete", parts_, rpc);
  kv::DeleteRequest request;
  Engine* engine = call->Accept(
      request, [this](const auto& del) { return CheckKey(del.key(), "key", parts_.limits); });
  if (engine == nullptr) return;
  WriteBatch batch;
  batch.Delete(request.key());
  call->HandOnWrite(request.key());
  engine->WriteAsync(std::move(batch), {.report_existed = true},
                     [call](absl::StatusOr<WriteResult> result) {
                       if (!result.ok()) return call->Fail(result.status());
                       kv::DeleteResponse response;
                       response.set_success(result->existed.at(0));
                       call->Answer(response);
                     });
}

void KvService::Get(UnaryRpc& rpc) {
  auto* call = new UnaryCall("kv.KeyValueStore/Get", parts_, rpc);
  kv::GetRequest request;
  Engine* engine = call->Accept(
      request, [this](const auto& get) { return CheckKey(get.key(), "key", parts_.limits); });
  if (engine == nullptr) return;
  ReadOne(*call, parts_.reads, *engine, std::move(*request.mutable_key()), ToGetResponse);
}

}  // namespace lumen
