#include "server/raw_call.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include <optional>
#include <string>

#include "engine/base/utf8.h"

namespace lumen {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;

// The fields of a body as bytes, whatever their declared types; empty when it is no message at all.
std::optional<google::protobuf::Empty> ReadFields(const grpc::ByteBuffer& body) {
  grpc::ByteBuffer slices = body;
  grpc::ProtoBufferReader reader(&slices);
  google::protobuf::Empty fields;
  if (!reader.status().ok() || !fields.ParseFromZeroCopyStream(&reader)) return std::nullopt;
  return fields;
}

const FieldDescriptor* FirstNonUtf8(const google::protobuf::UnknownFieldSet& fields,
                                    const Descriptor& type) {
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    const FieldDescriptor* declared = type.FindFieldByNumber(field.number());
    if (declared != nullptr && declared->type() == FieldDescriptor::TYPE_STRING &&
        field.type() == UnknownField::TYPE_LENGTH_DELIMITED && !IsUtf8(field.length_delimited())) {
      return declared;
    }
  }
  return nullptr;
}

}  // namespace

Refusal ExplainBadBody(const grpc::ByteBuffer& body, const Descriptor& type) {
  const std::optional<google::protobuf::Empty> fields = ReadFields(body);
  const FieldDescriptor* not_utf8 =
      fields.has_value() ? FirstNonUtf8(fields->GetReflection()->GetUnknownFields(*fields), type)
                         : nullptr;
  if (not_utf8 != nullptr) {
    return {Reason::kMalformedRequest, not_utf8->name() + " is not valid UTF-8, which " +
                                           not_utf8->full_name() +
                                           " has to be: it is a protobuf string"};
  }
  return {Reason::kMalformedRequest,
          "request body is not a " + type.full_name() + ": malformed protobuf"};
}

}  // namespace lumen
