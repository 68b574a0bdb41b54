#include "server/scan_message.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/slice.h>

#include <array>
#include <memory>
#include <utility>

#include "lumen/v1/kv.pb.h"

namespace lumen {
namespace {

using google::protobuf::io::CodedOutputStream;
using v1::ScanResponse;

enum class WireType : uint8_t { kVarint = 0, kLengthDelimited = 2 };

// Field numbers below 16, which all of these are: one byte.
constexpr char Tag(int field, WireType type) {
  return static_cast<char>(field << 3 | static_cast<int>(type));
}

void AppendVarint(std::string& to, uint64_t value) {
  std::array<uint8_t, 10> digits;
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(value, digits.data());
  to.append(reinterpret_cast<const char*>(digits.data()), static_cast<size_t>(end - digits.data()));
}

void AppendBytes(std::string& to, int field, std::string_view bytes) {
  to.push_back(Tag(field, WireType::kLengthDelimited));
  AppendVarint(to, bytes.size());
  to.append(bytes);
}

void AppendNumber(std::string& to, int field, uint64_t value) {
  to.push_back(Tag(field, WireType::kVarint));
  AppendVarint(to, value);
}

size_t FieldBytes(size_t length) { return 1 + CodedOutputStream::VarintSize64(length) + length; }

}  // namespace

void ScanMessage::Add(std::string_view key, std::string_view value, uint64_t sequence) {
  using Entry = ScanResponse::Entry;
  const size_t value_field = value.empty() ? 0 : FieldBytes(value.size());
  const size_t entry =
      FieldBytes(key.size()) + value_field + 1 + CodedOutputStream::VarintSize64(sequence);
  bytes_.push_back(Tag(ScanResponse::kEntriesFieldNumber, WireType::kLengthDelimited));
  AppendVarint(bytes_, entry);
  AppendBytes(bytes_, Entry::kKeyFieldNumber, key);
  if (!value.empty()) AppendBytes(bytes_, Entry::kValueFieldNumber, value);
  AppendNumber(bytes_, Entry::kSequenceFieldNumber, sequence);
}

grpc::ByteBuffer ScanMessage::Take(uint64_t count, uint64_t snapshot_sequence) && {
  AppendNumber(bytes_, ScanResponse::kCountFieldNumber, count);
  AppendNumber(bytes_, ScanResponse::kSnapshotSequenceFieldNumber, snapshot_sequence);
  auto* owned = new std::string(std::move(bytes_));
  const grpc::Slice slice(
      owned->data(), owned->size(), [](void* bytes) { delete static_cast<std::string*>(bytes); },
      owned);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace lumen
