#include "client/cli/records.h"

#include <initializer_list>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/json.h"
#include "engine/base/status.h"

namespace lumen::cli {
namespace {

constexpr char kBase64[] = "base64";

absl::Status Refuse(const std::string& what) { return absl::InvalidArgumentError(what); }

// nlohmann's words without its own name and number in front.
std::string WhatIsWrong(const Json::parse_error& error) {
  const std::string words = error.what();
  const size_t end = words.find("] ");
  return end == std::string::npos ? words : words.substr(end + 2);
}

absl::StatusOr<Json> ParseObject(const std::string& line) {
  Json object;
  try {
    object = Json::parse(line);
  } catch (const Json::parse_error& error) {
    return Refuse("no JSON: " + WhatIsWrong(error));
  }
  if (!object.is_object()) return Refuse("not a JSON object");
  return object;
}

absl::StatusOr<std::string> BytesOf(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) return Refuse(absl::StrCat("\"", field, "\" is missing"));
  if (found->is_string()) return found->get<std::string>();
  std::string bytes;
  if (found->is_object() && found->size() == 1 && found->contains(kBase64) &&
      (*found)[kBase64].is_string() &&
      absl::Base64Unescape((*found)[kBase64].get<std::string>(), &bytes)) {
    return bytes;
  }
  return Refuse(absl::StrCat("\"", field, R"(" is neither a string nor {"base64":"..."})"));
}

// A misspelt field would otherwise be dropped without a word.
absl::Status AllowFields(const Json& object, std::initializer_list<std::string_view> allowed) {
  for (const auto& [name, value] : object.items()) {
    bool known = false;
    for (const std::string_view field : allowed) known = known || field == name;
    if (!known) return Refuse(absl::StrCat("unknown field \"", name, "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Precondition> ParsePrecondition(const Json& object) {
  v1::Precondition condition;
  ASSIGN_OR_RETURN(*condition.mutable_key(), BytesOf(object, "if"));
  RETURN_IF_ERROR(AllowFields(object, {"if", "exists", "sequence", "value"}));
  if (object.size() != 2) {
    return Refuse(R"(a condition has one of "exists", "sequence" and "value" beside its "if")");
  }
  if (const auto exists = object.find("exists"); exists != object.end()) {
    if (!exists->is_boolean()) return Refuse("\"exists\" is neither true nor false");
    condition.set_exists(exists->get<bool>());
  } else if (const auto sequence = object.find("sequence"); sequence != object.end()) {
    if (!sequence->is_number_unsigned()) return Refuse("\"sequence\" is no whole number");
    condition.set_last_written_at(sequence->get<uint64_t>());
  } else {
    ASSIGN_OR_RETURN(*condition.mutable_value_equals(), BytesOf(object, "value"));
  }
  return condition;
}

}  // namespace

absl::StatusOr<v1::Operation::Put> ParseEntry(const std::string& line) {
  ASSIGN_OR_RETURN(const Json object, ParseObject(line));
  v1::Operation::Put put;
  ASSIGN_OR_RETURN(*put.mutable_key(), BytesOf(object, "key"));
  ASSIGN_OR_RETURN(*put.mutable_value(), BytesOf(object, "value"));
  RETURN_IF_ERROR(AllowFields(object, {"key", "value", "sequence"}));
  return put;
}

absl::Status ParseBatchLine(const std::string& line, v1::WriteRequest& to) {
  ASSIGN_OR_RETURN(const Json object, ParseObject(line));
  if (object.contains("if")) {
    ASSIGN_OR_RETURN(v1::Precondition condition, ParsePrecondition(object));
    *to.add_preconditions() = std::move(condition);
    return absl::OkStatus();
  }
  v1::Operation operation;
  if (object.contains("put")) {
    ASSIGN_OR_RETURN(*operation.mutable_put()->mutable_key(), BytesOf(object, "put"));
    ASSIGN_OR_RETURN(*operation.mutable_put()->mutable_value(), BytesOf(object, "value"));
    RETURN_IF_ERROR(AllowFields(object, {"put", "value"}));
  } else if (object.contains("delete")) {
    ASSIGN_OR_RETURN(*operation.mutable_delete_()->mutable_key(), BytesOf(object, "delete"));
    RETURN_IF_ERROR(AllowFields(object, {"delete"}));
  } else {
    return Refuse(R"(none of "put", "delete" and "if")");
  }
  *to.add_operations() = std::move(operation);
  return absl::OkStatus();
}

}  // namespace lumen::cli
