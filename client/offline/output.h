#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// How offline commands show what they found: text for people, or JSON.
namespace lumen {

enum class OutputFormat : uint8_t { kText, kJson, kJsonLines };

// One JSON object, built field by field.
class JsonObject {
 public:
  JsonObject& Add(std::string_view name, std::string_view text);
  JsonObject& Add(std::string_view name, const char* text) {
    return Add(name, std::string_view(text));
  }
  JsonObject& Add(std::string_view name, uint64_t number);
  JsonObject& Add(std::string_view name, int number);
  JsonObject& Add(std::string_view name, bool value);
  JsonObject& Add(std::string_view name, const std::vector<std::string>& texts);
  JsonObject& Add(std::string_view name, const std::vector<JsonObject>& objects);
  // Any bytes: a field of that name where they are UTF-8, else `name`_base64.
  JsonObject& AddBytes(std::string_view name, std::string_view bytes);

  std::string ToString() const { return "{" + fields_ + "}"; }

 private:
  void Begin(std::string_view name);
  std::string fields_;
};

// Where a command's findings go. kJson is one array of what kJsonLines gives a line each.
class Output {
 public:
  Output(OutputFormat format, std::FILE* to);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  bool text() const { return format_ == OutputFormat::kText; }
  void Line(std::string_view line);       // kText only; otherwise nothing
  void Record(const JsonObject& object);  // the others only
 private:
  const OutputFormat format_;
  std::FILE* const to_;
  bool first_ = true;
};

// "verifying: 41 %" on a terminal, over and over on one line; nothing anywhere else.
class Progress {
 public:
  Progress(std::FILE* talk, std::string what);
  ~Progress();  // leaves the line empty
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(uint64_t done, uint64_t total);

 private:
  std::FILE* const talk_;
  const std::string what_;
  const bool shown_;
  uint64_t percent_ = 101;
};

}  // namespace lumen
