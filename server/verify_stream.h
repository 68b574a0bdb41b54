#pragma once

#include "server/read_pool.h"
#include "server/rpc.h"
#include "server/unary_call.h"

namespace lumen {

// Starts one lumen.v1.Admin/Verify. The tables are read at the disk's pace whatever the client's; a
// client that reads slowly sees fewer messages, never fewer corruptions. Ends soon after the server
// begins to drain, if no thread of `threads` does anything else.
void StartVerify(ServiceParts& parts, ReadPool& threads, StreamRpc& rpc);

}  // namespace lumen
