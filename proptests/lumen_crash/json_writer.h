#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lumen::crash {

// Writes one JSON text, on one line. Puts the commas; the caller opens, closes and names in order.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  // The name of the next value.
  JsonWriter& Name(std::string_view name);
  JsonWriter& String(std::string_view value);
  JsonWriter& Number(uint64_t value);
  // A value that is JSON already.
  JsonWriter& Raw(std::string_view json);
  // Three digits behind the point; null where it is not finite, which JSON cannot say.
  JsonWriter& Real(double value);

  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string text_;
  bool first_ = true;  // of what was opened last, or behind a name
};

// With its quotes. What is no UTF-8 becomes U+FFFD, so that the text stays valid; '<', '>' and '&'
// are escaped, so that it may stand in a script element.
std::string QuoteJson(std::string_view text);

// The text with each byte that does not belong to valid UTF-8 replaced by U+FFFD, and control
// characters other than tab and newline too: neither JSON readers nor XML allow them.
std::string ValidText(std::string_view text);

}  // namespace lumen::crash
