#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/byte_buffer.h>

#include <optional>

#include "server/errors.h"
#include "server/limits.h"

namespace lumen {

// Empty, or why `body`, a `type` with scalar and string fields, messages of these, and lists, is
// not to be decoded: decoding makes up to a hundred bytes of a field of two, such as an empty
// operation or a field that this server does not know. Reads tags and lengths only. What is
// malformed is for whoever decodes it; the fields before that count.
std::optional<Refusal> CheckFieldCounts(const grpc::ByteBuffer& body,
                                        const google::protobuf::Descriptor& type,
                                        const RequestLimits& limits);

}  // namespace lumen
