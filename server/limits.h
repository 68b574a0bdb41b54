#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/errors.h"

namespace lumen {

// What a request may hold, and an answer.
struct RequestLimits {
  size_t max_key_bytes = size_t{64} << 10;
  // A reply that holds a value of this size fits the 4 MiB that stock clients accept.
  size_t max_value_bytes = (size_t{4} << 20) - (size_t{128} << 10);
  size_t max_batch_bytes = size_t{17} << 20;  // keys and values of a Write, or keys of a MultiGet
  uint32_t max_batch_operations = 10'000;     // operations, preconditions, or keys of a MultiGet

  // Largest answer of a unary call with several values. A single value always fits.
  size_t max_reply_bytes() const;
  // Largest message that gRPC has to take in so that whatever is a little too large for us, up to
  // 64 KiB, is refused by us, with the field's name; beyond it gRPC refuses with
  // RESOURCE_EXHAUSTED.
  size_t max_message_bytes() const;
  // Fields of a message and of all messages in it, those that we do not know included. More than
  // any request within the other limits has.
  uint64_t max_message_fields() const;
};

// Empty: within the limits. `field` is named in the message.
std::optional<Refusal> CheckKey(std::string_view key, const std::string& field,
                                const RequestLimits& limits);
std::optional<Refusal> CheckValue(std::string_view value, const std::string& field,
                                  const RequestLimits& limits);
// `what` is counted: "operations", "keys".
std::optional<Refusal> CheckCount(uint64_t count, const std::string& what,
                                  const RequestLimits& limits);
// Of all keys and values of a request together.
std::optional<Refusal> CheckBatchBytes(size_t bytes, const RequestLimits& limits);

}  // namespace lumen
