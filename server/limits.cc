#include "server/limits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

constexpr size_t kMessageSlackBytes = size_t{64} << 10;
// Tags, lengths and conditions of one operation.
constexpr size_t kFramingBytes = 32;
// An operation and a precondition, their messages, keys and values: 7. The others are few.
constexpr uint64_t kFieldsOfAnOperation = 8;
constexpr uint64_t kOtherFields = 1000;
constexpr size_t kStockReplyBytes = size_t{4} << 20;
constexpr size_t kReplyFramingBytes = 1024;

std::optional<Refusal> CheckSize(const std::string& field, size_t bytes, size_t limit) {
  if (bytes <= limit) return std::nullopt;
  return Refusal{Reason::kFieldTooLarge,
                 absl::StrCat(field, " has ", bytes, " bytes; the limit is ", limit)};
}

}  // namespace

size_t RequestLimits::max_reply_bytes() const {
  return std::max(kStockReplyBytes - kReplyFramingBytes,
                  max_key_bytes + max_value_bytes + kReplyFramingBytes);
}

size_t RequestLimits::max_message_bytes() const {
  const size_t batch = max_batch_bytes + max_batch_operations * 2 * kFramingBytes;
  return std::max(batch, max_key_bytes + max_value_bytes) + kFramingBytes + kMessageSlackBytes;
}

uint64_t RequestLimits::max_message_fields() const {
  return max_batch_operations * kFieldsOfAnOperation + kOtherFields;
}

std::optional<Refusal> CheckKey(std::string_view key, const std::string& field,
                                const RequestLimits& limits) {
  if (key.empty()) {
    return Refusal{Reason::kInvalidField, absl::StrCat(field, " must not be empty")};
  }
  return CheckSize(field, key.size(), limits.max_key_bytes);
}

std::optional<Refusal> CheckValue(std::string_view value, const std::string& field,
                                  const RequestLimits& limits) {
  return CheckSize(field, value.size(), limits.max_value_bytes);
}

std::optional<Refusal> CheckCount(uint64_t count, const std::string& what,
                                  const RequestLimits& limits) {
  if (count <= limits.max_batch_operations) return std::nullopt;
  return Refusal{Reason::kLimitExceeded,
                 absl::StrCat("request has ", count, " ", what, "; the limit is ",
                              limits.max_batch_operations)};
}

std::optional<Refusal> CheckBatchBytes(size_t bytes, const RequestLimits& limits) {
  if (bytes <= limits.max_batch_bytes) return std::nullopt;
  return Refusal{Reason::kLimitExceeded,
                 absl::StrCat("request has ", bytes, " bytes of keys and values; the limit is ",
                              limits.max_batch_bytes)};
}

}  // namespace lumen
