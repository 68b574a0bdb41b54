#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lumen {

// Writes one lumen.v1.ScanResponse as its bytes, one entry at a time, into the buffer that is sent:
// three allocations an entry fewer than a message object, and known to the byte.
class ScanMessage {
 public:
  // `expected_bytes` are reserved.
  explicit ScanMessage(size_t expected_bytes) { bytes_.reserve(expected_bytes); }

  // What Add will add at most.
  static size_t EntryBytes(std::string_view key, std::string_view value) {
    return key.size() + value.size() + kEntryFramingBytes;
  }
  void Add(std::string_view key, std::string_view value, uint64_t sequence);
  size_t bytes() const { return bytes_.size(); }

  // Ends the message and hands over its bytes without a copy.
  grpc::ByteBuffer Take(uint64_t count, uint64_t snapshot_sequence) &&;

 private:
  // Four tags, three lengths and a sequence.
  static constexpr size_t kEntryFramingBytes = 32;

  std::string bytes_;
};

}  // namespace lumen
