#include "proptests/lumen_crash/json_writer.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lumen::crash {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool Continues(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// Bytes of the UTF-8 character at the start of `text`; 0: none is there. RFC 3629, table 3-7 of the
// Unicode standard: no overlong forms, no surrogates.
size_t CharacterBytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !Continues(text, 1)) return 0;
  if (first < 0xE0) return 2;
  const auto second = static_cast<unsigned char>(text[1]);
  if (!Continues(text, 2)) return 0;
  if (first < 0xF0) {
    const bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0);
    return bad ? 0 : 3;
  }
  const bool bad = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
  return bad || !Continues(text, 3) ? 0 : 4;
}

bool IsForbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f;
}

void AppendQuoted(char c, std::string& out) {
  switch (c) {
    case '"':
    case '\\':
      out += {'\\', c};
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '<':
    case '>':
    case '&':
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
      return;
    default:
      out += c;
  }
}

}  // namespace

std::string ValidText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes == 0 || (bytes == 1 && IsForbidden(text[0]))) {
      out += kReplacement;
      text.remove_prefix(1);
    } else {
      out += text.substr(0, bytes);
      text.remove_prefix(bytes);
    }
  }
  return out;
}

std::string QuoteJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : ValidText(text)) AppendQuoted(c, out);
  return out + '"';
}

void JsonWriter::Separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Name(std::string_view name) {
  Separate();
  text_ += QuoteJson(name) + ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  text_ += QuoteJson(value);
  return *this;
}

JsonWriter& JsonWriter::Number(uint64_t value) {
  Separate();
  absl::StrAppend(&text_, value);
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_ += json;
  return *this;
}

JsonWriter& JsonWriter::Real(double value) {
  Separate();
  text_ += std::isfinite(value) ? absl::StrFormat("%.3f", value) : "null";
  return *this;
}

}  // namespace lumen::crash
