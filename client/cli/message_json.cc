#include "client/cli/message_json.h"

#include <google/protobuf/descriptor.h>

#include "client/cli/json.h"
#include "engine/base/check.h"

namespace lumen::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Json ToObject(const Message& message);

Json OfElement(const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& read = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      return read.GetRepeatedUInt64(message, &field, i);
    case FieldDescriptor::CPPTYPE_UINT32:
      return read.GetRepeatedUInt32(message, &field, i);
    case FieldDescriptor::CPPTYPE_BOOL:
      return read.GetRepeatedBool(message, &field, i);
    case FieldDescriptor::CPPTYPE_STRING:
      return JsonOfBytes(read.GetRepeatedString(message, &field, i));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToObject(read.GetRepeatedMessage(message, &field, i));
    default:
      // Our own interface, fixed when this was compiled: a test writes every message of it.
      CHECK(false);
      return nullptr;
  }
}

Json OfSingle(const Message& message, const FieldDescriptor& field) {
  const Reflection& read = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      return read.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return read.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return read.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return JsonOfBytes(read.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToObject(read.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return read.GetEnum(message, &field)->name();
    default:
      CHECK(false);
      return nullptr;
  }
}

Json OfField(const Message& message, const FieldDescriptor& field) {
  if (!field.is_repeated()) return OfSingle(message, field);
  Json array = Json::array();
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    array.push_back(OfElement(message, field, i));
  }
  return array;
}

Json ToObject(const Message& message) {
  Json object = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) continue;
    object[field.name()] = OfField(message, field);
  }
  return object;
}

}  // namespace

std::string MessageToJson(const Message& message, bool pretty) {
  return ToObject(message).dump(pretty ? 2 : -1);
}

}  // namespace lumen::cli
