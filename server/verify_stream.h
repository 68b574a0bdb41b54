#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "server/long_calls.h"
#include "server/unary_call.h"

namespace lumen {

// Starts one lumen.v1.Admin/Verify. The tables are read at the disk's pace whatever the client's; a
// client that reads slowly sees fewer messages, never fewer corruptions.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartVerify(ServiceParts& parts, LongCalls& threads,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& body);

}  // namespace lumen
