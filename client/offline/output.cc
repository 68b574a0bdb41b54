#include "client/offline/output.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/offline/report.h"
#include "engine/base/utf8.h"

namespace lumen {
namespace {

std::string Quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte >= 0x20) {
      quoted += c;
    } else {
      quoted += {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 0xf]};
    }
  }
  return quoted + "\"";
}

}  // namespace

void JsonObject::Begin(std::string_view name) {
  if (!fields_.empty()) fields_ += ",";
  fields_ += Quoted(name) + ":";
}

// JSON is UTF-8: where a message quotes other bytes, they are escaped.
JsonObject& JsonObject::Add(std::string_view name, std::string_view text) {
  Begin(name);
  fields_ += Quoted(IsUtf8(text) ? std::string(text)
                                 : absl::CHexEscape(absl::string_view(text.data(), text.size())));
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, uint64_t number) {
  Begin(name);
  fields_ += std::to_string(number);
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, int number) {
  Begin(name);
  fields_ += std::to_string(number);
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, bool value) {
  Begin(name);
  fields_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, const std::vector<std::string>& texts) {
  Begin(name);
  fields_ += "[";
  for (size_t i = 0; i < texts.size(); ++i) fields_ += (i > 0 ? "," : "") + Quoted(texts[i]);
  fields_ += "]";
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, const std::vector<JsonObject>& objects) {
  Begin(name);
  fields_ += "[";
  for (size_t i = 0; i < objects.size(); ++i) fields_ += (i > 0 ? "," : "") + objects[i].ToString();
  fields_ += "]";
  return *this;
}

JsonObject& JsonObject::AddBytes(std::string_view name, std::string_view bytes) {
  if (IsUtf8(bytes)) return Add(name, bytes);
  return Add(std::string(name) + "_base64",
             absl::Base64Escape(absl::string_view(bytes.data(), bytes.size())));
}

Output::Output(OutputFormat format, std::FILE* to) : format_(format), to_(to) {
  if (format_ == OutputFormat::kJson) std::fputc('[', to_);
}

Output::~Output() {
  if (format_ == OutputFormat::kJson) PrintLine(to_, "]");
}

void Output::Line(std::string_view line) {
  if (text()) PrintLine(to_, line);
}

void Output::Record(const JsonObject& object) {
  if (text()) return;
  if (format_ == OutputFormat::kJson && !std::exchange(first_, false)) std::fputs(",\n", to_);
  const std::string json = object.ToString();
  std::fwrite(json.data(), 1, json.size(), to_);
  if (format_ == OutputFormat::kJsonLines) std::fputc('\n', to_);
}

Progress::Progress(std::FILE* talk, std::string what)
    : talk_(talk), what_(std::move(what)), shown_(isatty(fileno(talk)) != 0) {}

Progress::~Progress() {
  if (shown_ && percent_ <= 100) std::fputs("\r\033[K", talk_);
}

void Progress::Show(uint64_t done, uint64_t total) {
  const uint64_t percent = total == 0 ? 100 : std::min<uint64_t>(100, done * 100 / total);
  if (!shown_ || percent == percent_) return;
  percent_ = percent;
  std::fprintf(talk_, "\r%s: %d %%\033[K", what_.c_str(), static_cast<int>(percent));
  std::fflush(talk_);
}

}  // namespace lumen
