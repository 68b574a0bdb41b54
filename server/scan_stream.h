#pragma once

#include "server/admission.h"
#include "server/rpc.h"
#include "server/unary_call.h"

namespace lumen {

// Scans under way and the bytes that they have ready for their clients.
using OpenScans = Admission;

// Starts one lumen.v1.KeyValue/Scan. It reads a message's worth in the read pool, waits until gRPC
// has sent it, reads on, and so holds one message at most while its client does not read. It keeps
// one snapshot of the engine until it ends: at its end, when its client leaves, or when the server
// drains. A snapshot keeps old versions from being compacted away; no memory.
void StartScan(ServiceParts& parts, OpenScans& scans, StreamRpc& rpc);

}  // namespace lumen
