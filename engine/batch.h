#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen {

enum class EntryKind : uint8_t { kPut = 1, kDelete = 2 };

struct BatchOperation {
  EntryKind kind = EntryKind::kPut;
  std::string_view key;
  std::string_view value;  // empty for kDelete
};

// Puts and deletes that take effect together or not at all. Keys and values are any bytes; the
// engine refuses an empty key and whatever exceeds its limits. Later operations on a key win over
// earlier ones. Not thread-safe.
class WriteBatch {
 public:
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);
  void Clear();

  uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // Sum of key and value sizes.
  size_t user_bytes() const { return user_bytes_; }
  // The operations as a WAL payload holds them: [op 1][key length varint][value length
  // varint][key][value] each. Format: docs/file_formats.md#wal.
  const std::string& encoded() const { return encoded_; }

  // What limits are checked against.
  uint32_t deletes() const { return deletes_; }
  bool has_empty_key() const { return has_empty_key_; }
  size_t longest_key() const { return longest_key_; }
  size_t longest_value() const { return longest_value_; }

 private:
  void Add(EntryKind kind, std::string_view key, std::string_view value);

  std::string encoded_;
  uint32_t count_ = 0;
  uint32_t deletes_ = 0;
  bool has_empty_key_ = false;
  size_t user_bytes_ = 0;
  size_t longest_key_ = 0;
  size_t longest_value_ = 0;
};

// Walks encoded operations; the result's views point into `encoded`.
class BatchReader {
 public:
  explicit BatchReader(std::string_view encoded) : rest_(encoded) {}
  // The next operation; empty at the end, or at bytes that are no operation (then ok() is false).
  std::optional<BatchOperation> Next();
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace lumen
