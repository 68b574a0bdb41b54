#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace lumen::cli {

// Every field, unset ones with their default (of a oneof and of messages only what is set), under
// the names of the .proto; numbers as numbers, enumerations by name, bytes as
// client/cli/json.h writes them. `pretty`: over several lines. No line end behind it.
std::string MessageToJson(const google::protobuf::Message& message, bool pretty);

}  // namespace lumen::cli
