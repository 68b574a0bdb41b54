#include "server/key_value_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/point_read.h"
#include "server/write_request.h"

namespace lumen {
namespace {

using OptionalRefusal = std::optional<Refusal>;

// Tag and length of one result, its `found` and its sequence.
constexpr size_t kResultFramingBytes = 32;

v1::GetResponse ToGetResponse(std::optional<GetResult>&& result) {
  v1::GetResponse response;
  if (result.has_value()) {
    response.set_found(true);
    response.set_value(std::move(result->value));
    response.set_sequence(result->sequence);
  }
  return response;
}

OptionalRefusal CheckKeys(const v1::MultiGetRequest& request, const RequestLimits& limits) {
  OptionalRefusal refusal = CheckCount(static_cast<uint64_t>(request.keys_size()), "keys", limits);
  size_t bytes = 0;
  for (int i = 0; !refusal && i < request.keys_size(); ++i) {
    refusal = CheckKey(request.keys(i), absl::StrCat("keys[", i, "]"), limits);
    bytes += request.keys(i).size();
  }
  return refusal ? refusal : CheckBatchBytes(bytes, limits);
}

Refusal TooMuchToAnswer(int index, int keys, size_t limit) {
  return {Reason::kLimitExceeded, absl::StrCat("the values of the first ", index, " of ", keys,
                                               " keys fill an answer, whose limit is ", limit,
                                               " bytes; ask for fewer keys at a time")};
}

}  // namespace

KeyValueService::KeyValueService(ServiceParts& parts, OpenScans& scans)
    : RpcService("lumen.v1.KeyValue"), parts_(parts), scans_(scans) {
  Add("Get", [this](UnaryRpc& rpc) { Get(rpc); });
  Add("MultiGet", [this](UnaryRpc& rpc) { MultiGet(rpc); });
  Add("Put", [this](UnaryRpc& rpc) { Put(rpc); });
  Add("Delete", [this](UnaryRpc& rpc) { Delete(rpc); });
  Add("Write", [this](UnaryRpc& rpc) { Write(rpc); });
  Add("Scan", [this](StreamRpc& rpc) { StartScan(parts_, scans_, rpc); });
}

void KeyValueService::Get(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.KeyValue/Get", parts_, rpc);
  v1::GetRequest request;
  Engine* engine = call->Accept(
      request, [this](const auto& get) { return CheckKey(get.key(), "key", parts_.limits); });
  if (engine == nullptr) return;
  ReadOne(*call, parts_.reads, *engine, std::move(*request.mutable_key()), ToGetResponse);
}

void KeyValueService::MultiGet(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.KeyValue/MultiGet", parts_, rpc);
  auto request = std::make_shared<v1::MultiGetRequest>();
  Engine* engine =
      call->Accept(*request, [this](const auto& get) { return CheckKeys(get, parts_.limits); });
  if (engine == nullptr) return;
  call->HandOn(request->keys().empty() ? std::string_view() : request->keys(0));
  call->ReadInPool(parts_.reads,
                   [this, call, engine, request] { AnswerMultiGet(*call, *engine, *request); });
}

// One read after the other from a snapshot, rather than the engine's MultiGet, so that no more is
// in memory than an answer may hold.
void KeyValueService::AnswerMultiGet(UnaryCall& call, Engine& engine,
                                     const v1::MultiGetRequest& request) const {
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  const size_t limit = parts_.limits.max_reply_bytes();
  v1::MultiGetResponse response;
  size_t bytes = 0;
  for (int i = 0; i < request.keys_size(); ++i) {
    absl::StatusOr<std::optional<GetResult>> result = engine.Get(request.keys(i), snapshot.get());
    if (!result.ok()) return call.Fail(result.status());
    bytes += kResultFramingBytes + (result->has_value() ? (*result)->value.size() : 0);
    if (bytes > limit) return call.Fail(TooMuchToAnswer(i, request.keys_size(), limit));
    *response.add_results() = ToGetResponse(*std::move(result));
  }
  call.Answer(response);
}

void KeyValueService::Put(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.KeyValue/Put", parts_, rpc);
  v1::PutRequest request;
  Engine* engine = call->Accept(request, [this](const auto& put) {
    OptionalRefusal refusal = CheckKey(put.key(), "key", parts_.limits);
    if (!refusal) refusal = CheckValue(put.value(), "value", parts_.limits);
    return refusal ? refusal : CheckDurability(put.durability());
  });
  if (engine == nullptr) return;
  WriteBatch batch;
  batch.Put(request.key(), request.value());
  call->HandOnWrite(request.key());
  engine->WriteAsync(std::move(batch), {.durability = ToDurability(request.durability())},
                     [call](absl::StatusOr<WriteResult> result) {
                       if (!result.ok()) return call->Fail(result.status());
                       v1::PutResponse response;
                       response.set_sequence(result->sequence);
                       response.set_durable_sequence(result->durable_sequence);
                       call->Answer(response);
                     });
}

void KeyValueService::Delete(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.KeyValue/Delete", parts_, rpc);
  v1::DeleteRequest request;
  Engine* engine = call->Accept(request, [this](const auto& del) {
    const OptionalRefusal refusal = CheckKey(del.key(), "key", parts_.limits);
    return refusal ? refusal : CheckDurability(del.durability());
  });
  if (engine == nullptr) return;
  WriteBatch batch;
  batch.Delete(request.key());
  call->HandOnWrite(request.key());
  engine->WriteAsync(std::move(batch),
                     {.durability = ToDurability(request.durability()), .report_existed = true},
                     [call](absl::StatusOr<WriteResult> result) {
                       if (!result.ok()) return call->Fail(result.status());
                       v1::DeleteResponse response;
                       response.set_existed(result->existed.at(0));
                       response.set_sequence(result->sequence);
                       response.set_durable_sequence(result->durable_sequence);
                       call->Answer(response);
                     });
}

void KeyValueService::Write(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.KeyValue/Write", parts_, rpc);
  v1::WriteRequest request;
  Engine* engine = call->Accept(
      request, [this](const auto& write) { return CheckWriteRequest(write, parts_.limits); });
  if (engine == nullptr) return;
  const v1::Operation& first = request.operations(0);
  call->HandOnWrite(first.has_put() ? first.put().key() : first.delete_().key());
  WriteBatch batch = ToBatch(request);
  engine->WriteAsync(std::move(batch), ToWriteOptions(request),
                     [call](absl::StatusOr<WriteResult> result) {
                       if (!result.ok()) return call->Fail(result.status());
                       call->Answer(ToWriteResponse(*std::move(result)));
                     });
}

}  // namespace lumen
