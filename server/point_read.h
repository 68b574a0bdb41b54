#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "server/unary_call.h"

namespace lumen {

// Reads one key for `call` without blocking: from memory at once, else in the read pool. `respond`
// (optional<GetResult>&& -> a response message) makes the answer. The engine outlives the call.
template <typename Respond>
void ReadOne(UnaryCall& call, ReadPool& pool, Engine& engine, std::string key, Respond respond) {
  call.HandOn(key);
  const auto answer = [&call, respond](absl::StatusOr<std::optional<GetResult>> result) {
    if (!result.ok()) return call.Fail(result.status());
    call.Answer(respond(*std::move(result)));
  };
  auto cached = engine.GetCached(key);
  if (!cached.ok()) return answer(cached.status());
  if (cached->has_value()) return answer(**std::move(cached));
  call.ReadInPool(pool, [&engine, key = std::move(key), answer] { answer(engine.Get(key)); });
}

}  // namespace lumen
