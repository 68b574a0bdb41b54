#pragma once

#include <optional>

#include "engine/engine.h"
#include "lumen/v1/kv.pb.h"
#include "server/errors.h"
#include "server/limits.h"

// Between lumen.v1's messages about writes and the engine's types.
namespace lumen {

std::optional<Refusal> CheckDurability(v1::Durability durability);
// CheckDurability has passed.
Durability ToDurability(v1::Durability durability);

// Everything that can be wrong with a Write before the engine sees it.
std::optional<Refusal> CheckWriteRequest(const v1::WriteRequest& request,
                                         const RequestLimits& limits);
// CheckWriteRequest has passed for both. The options take the conditions' bytes from the request.
WriteBatch ToBatch(const v1::WriteRequest& request);
WriteOptions ToWriteOptions(v1::WriteRequest& request);

v1::WriteResponse ToWriteResponse(WriteResult&& result);

}  // namespace lumen
