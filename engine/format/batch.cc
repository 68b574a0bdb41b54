#include "engine/batch.h"

#include "engine/format/coding.h"

namespace lumen {
namespace {

void AppendOperation(std::string& to, EntryKind kind, std::string_view key,
                     std::string_view value) {
  char header[1 + 10 + 10];
  header[0] = static_cast<char>(kind);
  char* end = StoreVarint(StoreVarint(header + 1, key.size()), value.size());
  to.append(header, static_cast<size_t>(end - header));
  to.append(key);
  to.append(value);
}

}  // namespace

void WriteBatch::Put(std::string_view key, std::string_view value) {
  AppendOperation(encoded_, EntryKind::kPut, key, value);
  ++count_;
  user_bytes_ += key.size() + value.size();
}

void WriteBatch::Delete(std::string_view key) {
  AppendOperation(encoded_, EntryKind::kDelete, key, {});
  ++count_;
  user_bytes_ += key.size();
}

void WriteBatch::Clear() {
  encoded_.clear();
  count_ = 0;
  user_bytes_ = 0;
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
