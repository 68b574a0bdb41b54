#include "server/kv_service.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/raw_call.h"
#include "server/status_mapping.h"

namespace lumen {
namespace {

// Checked before work is queued, and only then: what is queued is finished.
grpc::Status CheckStillWanted(const grpc::CallbackServerContext& context) {
  if (context.IsCancelled()) return grpc::Status(grpc::StatusCode::CANCELLED, "call cancelled");
  if (context.deadline() <= std::chrono::system_clock::now()) {
    return grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "deadline passed before any work");
  }
  return grpc::Status::OK;
}

}  // namespace

void KvService::Call::Overloaded(const char* what) const {
  context->AddTrailingMetadata(kRetryPushbackKey, kRetryPushbackMs);
  Fail(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, what));
}

template <typename Response>
void KvService::Call::Answer(const Response& response) const {
  reactor->Finish(EncodeBody(response, *reply));
}

grpc::Status KvService::CheckKey(const std::string& key) const {
  if (key.empty()) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "key must not be empty");
  }
  if (key.size() <= limits_.max_key_bytes) return grpc::Status::OK;
  return grpc::Status(
      grpc::StatusCode::INVALID_ARGUMENT,
      absl::StrCat("key has ", key.size(), " bytes; the limit is ", limits_.max_key_bytes));
}

template <typename Request>
Engine* KvService::Accept(const Call& call, const grpc::ByteBuffer& body, Request& request) const {
  grpc::Status status = DecodeBody(body, request);
  if (status.ok()) status = CheckKey(request.key());
  if (status.ok()) status = CheckStillWanted(*call.context);
  Engine* engine = state_.engine();
  if (status.ok() && engine == nullptr) status = state_.Refusal();
  if (status.ok()) return engine;
  call.Fail(status);
  return nullptr;
}

grpc::ServerUnaryReactor* KvService::Put(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  const Call call{.context = context, .reactor = context->DefaultReactor(), .reply = reply};
  kv::PutRequest request;
  Engine* engine = Accept(call, *body, request);
  if (engine == nullptr) return call.reactor;
  if (request.value().size() > limits_.max_value_bytes) {
    call.Fail(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                           absl::StrCat("value has ", request.value().size(),
                                        " bytes; the limit is ", limits_.max_value_bytes)));
    return call.reactor;
  }
  WriteBatch batch;
  batch.Put(request.key(), request.value());
  StartWrite(call, *engine, std::move(batch), /*is_delete=*/false);
  return call.reactor;
}

grpc::ServerUnaryReactor* KvService::Delete(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  const Call call{.context = context, .reactor = context->DefaultReactor(), .reply = reply};
  kv::DeleteRequest request;
  Engine* engine = Accept(call, *body, request);
  if (engine == nullptr) return call.reactor;
  WriteBatch batch;
  batch.Delete(request.key());
  StartWrite(call, *engine, std::move(batch), /*is_delete=*/true);
  return call.reactor;
}

void KvService::StartWrite(const Call& call, Engine& engine, WriteBatch batch, bool is_delete) {
  const size_t bytes = batch.encoded().size();
  if (!writes_.TryEnter(bytes)) return call.Overloaded("too many writes wait for the disk");
  WriteOptions options;
  options.report_existed = is_delete;
  engine.WriteAsync(std::move(batch), std::move(options),
                    [this, call, bytes, is_delete](absl::StatusOr<WriteResult> result) {
                      writes_.Leave(bytes);
                      if (!result.ok()) return call.Fail(ToGrpcStatus(result.status()));
                      if (is_delete) {
                        kv::DeleteResponse response;
                        response.set_success(result->existed.at(0));
                        return call.Answer(response);
                      }
                      kv::PutResponse response;
                      response.set_success(true);
                      call.Answer(response);
                    });
}

grpc::ServerUnaryReactor* KvService::Get(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* body, grpc::ByteBuffer* reply) {
  const Call call{.context = context, .reactor = context->DefaultReactor(), .reply = reply};
  kv::GetRequest request;
  Engine* engine = Accept(call, *body, request);
  if (engine == nullptr) return call.reactor;
  auto cached = engine->GetCached(request.key());
  if (!cached.ok()) {
    AnswerRead(call, cached.status());
  } else if (cached->has_value()) {
    AnswerRead(call, **std::move(cached));
  } else {
    ReadInPool(call, *engine, std::move(*request.mutable_key()));
  }
  return call.reactor;
}

void KvService::ReadInPool(const Call& call, Engine& engine, std::string key) {
  const bool queued = reads_.TryPost([this, call, &engine, key = std::move(key)] {
    const grpc::Status status = CheckStillWanted(*call.context);
    if (!status.ok()) return call.Fail(status);
    AnswerRead(call, engine.Get(key));
  });
  if (!queued) call.Overloaded("too many reads wait for the disk");
}

void KvService::AnswerRead(const Call& call,
                           absl::StatusOr<std::optional<GetResult>> result) const {
  if (!result.ok()) return call.Fail(ToGrpcStatus(result.status()));
  kv::GetResponse response;
  if (result->has_value()) {
    response.set_found(true);
    response.set_value(std::move((*result)->value));
  }
  call.Answer(response);
}

}  // namespace lumen
