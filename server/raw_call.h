#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/status.h>

#include <optional>

#include "server/errors.h"
#include "server/field_counts.h"
#include "server/limits.h"
#include "server/rpc.h"

// Bodies of raw methods. All are raw, because a typed one answers malformed bytes and non-UTF-8
// strings with words of gRPC's own, or none. What gRPC still answers by itself is a unary call
// without any message: INTERNAL.
namespace lumen {

// Which field is not UTF-8, or that the bytes are no such message.
Refusal ExplainBadBody(const grpc::ByteBuffer& body, const google::protobuf::Descriptor& type);

// Empty, or why `body` is not a Request, or one that decoding would make too much of.
template <typename Request>
std::optional<Refusal> DecodeBody(const grpc::ByteBuffer& body, const RequestLimits& limits,
                                  Request& request) {
  if (auto refusal = CheckFieldCounts(body, *Request::descriptor(), limits)) return refusal;
  grpc::ByteBuffer slices = body;  // another reference to the same bytes
  grpc::ProtoBufferReader reader(&slices);
  if (reader.status().ok() && request.ParseFromZeroCopyStream(&reader)) return std::nullopt;
  return ExplainBadBody(body, *Request::descriptor());
}

// The same for the one message that a stream's client sends.
template <typename Request>
std::optional<Refusal> DecodeFirst(StreamRpc& rpc, const RequestLimits& limits, Request& request) {
  if (const auto body = rpc.TakeFirst()) return DecodeBody(*body, limits, request);
  return Refusal{Reason::kMalformedRequest,
                 "the client sent no " + Request::descriptor()->full_name()};
}

// Replaces what `body` holds. INTERNAL only where the message passes 2 GiB.
template <typename Response>
grpc::Status EncodeBody(const Response& response, grpc::ByteBuffer& body) {
  // gRPC aborts the process where a longer message meets a buffer that is not empty.
  body.Clear();
  bool own_buffer = false;
  return grpc::SerializationTraits<Response>::Serialize(response, &body, &own_buffer);
}

}  // namespace lumen
