#include "server/field_counts.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// A tag and a length, or a tag and a number.
constexpr size_t kSmallestFieldBytes = 2;

struct FieldCounts {
  explicit FieldCounts(const Descriptor& type)
      : elements(static_cast<size_t>(type.field_count())) {}

  std::vector<uint64_t> elements;  // of the message's own lists, by index of the field
  uint64_t fields = 0;             // of the message and of all that it holds
};

// Its tag has nothing behind it. What is in a group, which only unknown fields are, counts too.
bool IsGroup(WireFormatLite::WireType type) {
  return type == WireFormatLite::WIRETYPE_START_GROUP || type == WireFormatLite::WIRETYPE_END_GROUP;
}

// False: the bytes are no message from here on.
bool CountFields(CodedInputStream& input, const Descriptor& type, bool is_inner,
                 FieldCounts& counts) {
  while (const uint32_t tag = input.ReadTag()) {
    ++counts.fields;
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (field != nullptr && field->is_repeated() && !is_inner) {
      ++counts.elements[static_cast<size_t>(field->index())];
    }
    const WireFormatLite::WireType wire_type = WireFormatLite::GetTagWireType(tag);
    if (IsGroup(wire_type)) continue;
    if (field == nullptr || field->message_type() == nullptr ||
        wire_type != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return false;
      continue;
    }
    const CodedInputStream::Limit outer = input.ReadLengthAndPushLimit();
    if (!CountFields(input, *field->message_type(), /*is_inner=*/true, counts)) return false;
    if (!input.CheckEntireMessageConsumedAndPopLimit(outer)) return false;
  }
  return true;
}

}  // namespace

std::optional<Refusal> CheckFieldCounts(const grpc::ByteBuffer& body, const Descriptor& type,
                                        const RequestLimits& limits) {
  if (body.Length() / kSmallestFieldBytes <= limits.max_batch_operations) return std::nullopt;
  grpc::ByteBuffer slices = body;  // another reference to the same bytes
  grpc::ProtoBufferReader reader(&slices);
  if (!reader.status().ok()) return std::nullopt;
  CodedInputStream input(&reader);
  FieldCounts counts(type);
  CountFields(input, type, /*is_inner=*/false, counts);
  for (int i = 0; i < type.field_count(); ++i) {
    const std::optional<Refusal> refusal =
        CheckCount(counts.elements[static_cast<size_t>(i)], type.field(i)->name(), limits);
    if (refusal.has_value()) return refusal;
  }
  if (counts.fields <= limits.max_message_fields()) return std::nullopt;
  return Refusal{Reason::kLimitExceeded,
                 absl::StrCat("request has ", counts.fields, " protobuf fields; a ",
                              type.full_name(), " may have ", limits.max_message_fields())};
}

}  // namespace lumen
