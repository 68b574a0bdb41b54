#include "engine/batch.h"

#include <algorithm>

#include "engine/format/coding.h"

namespace lumen {

void WriteBatch::Put(std::string_view key, std::string_view value) {
  Add(EntryKind::kPut, key, value);
}

void WriteBatch::Delete(std::string_view key) {
  Add(EntryKind::kDelete, key, {});
  ++deletes_;
}

void WriteBatch::Clear() { *this = WriteBatch(); }

void WriteBatch::Add(EntryKind kind, std::string_view key, std::string_view value) {
  char header[1 + 10 + 10];
  header[0] = static_cast<char>(kind);
  const char* const end = StoreVarint(StoreVarint(header + 1, key.size()), value.size());
  const auto header_bytes = static_cast<size_t>(end - header);
  encoded_.reserve(encoded_.size() + header_bytes + key.size() + value.size());
  encoded_.append(header, header_bytes).append(key).append(value);
  ++count_;
  user_bytes_ += key.size() + value.size();
  has_empty_key_ |= key.empty();
  longest_key_ = std::max(longest_key_, key.size());
  longest_value_ = std::max(longest_value_, value.size());
}

std::optional<BatchOperation> BatchReader::Next() {
  if (rest_.empty()) return std::nullopt;
  BatchOperation operation;
  const auto op = static_cast<unsigned char>(rest_[0]);
  rest_.remove_prefix(1);
  uint64_t key_length = 0;
  uint64_t value_length = 0;
  ok_ = (op == static_cast<unsigned char>(EntryKind::kPut) ||
         op == static_cast<unsigned char>(EntryKind::kDelete)) &&
        TakeVarint(rest_, key_length) && TakeVarint(rest_, value_length) &&
        key_length <= rest_.size() && value_length <= rest_.size() - key_length &&
        (op == static_cast<unsigned char>(EntryKind::kPut) || value_length == 0);
  if (!ok_) {
    rest_ = {};
    return std::nullopt;
  }
  operation.kind = static_cast<EntryKind>(op);
  operation.key = rest_.substr(0, key_length);
  operation.value = rest_.substr(key_length, value_length);
  rest_.remove_prefix(key_length + value_length);
  return operation;
}

}  // namespace lumen
