#include "client/cli/json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/utf8.h"

namespace lumen::cli {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

void AppendJsonEscape(char c, std::string& to) {
  switch (c) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    default:
      absl::StrAppendFormat(&to, "\\u%04x", static_cast<unsigned>(static_cast<uint8_t>(c)));
  }
}

// As JsonOfBytes(bytes).dump(), which leaves the byte 7F as it is.
void AppendBytes(std::string_view bytes, std::string& to) {
  if (!IsUtf8(bytes)) {
    absl::StrAppend(&to, "{\"base64\":\"", absl::Base64Escape(ToAbsl(bytes)), "\"}");
    return;
  }
  to += '"';
  for (const char c : bytes) {
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' || c == '\x7f') {
      AppendJsonEscape(c, to);
    } else {
      to += c;
    }
  }
  to += '"';
}

}  // namespace

Json JsonOfBytes(std::string_view bytes) {
  if (IsUtf8(bytes)) return bytes;
  return Json{{"base64", absl::Base64Escape(ToAbsl(bytes))}};
}

Json JsonOfText(std::string_view text) {
  if (IsUtf8(text)) return text;
  return absl::CHexEscape(ToAbsl(text));
}

Json JsonOfMessage(const absl::Status& status) {
  return JsonOfText(std::string_view(status.message().data(), status.message().size()));
}

std::string EntryJson(std::string_view key, std::optional<std::string_view> value,
                      std::optional<uint64_t> sequence) {
  std::string json;
  json.reserve(key.size() + value.value_or("").size() + 64);
  json += "{\"key\":";
  AppendBytes(key, json);
  if (value.has_value()) {
    json += ",\"value\":";
    AppendBytes(*value, json);
  }
  if (sequence.has_value()) absl::StrAppend(&json, ",\"sequence\":", *sequence);
  json += '}';
  return json;
}

}  // namespace lumen::cli
