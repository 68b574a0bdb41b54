#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/settings.h"

namespace lumen {

// One thing to set. Flag, variable and key in the file are the same words: --max-value,
// LUMEN_MAX_VALUE, and max_value in the table of its group.
struct Setting {
  // What may stand for it in the file: kWord, kSize and kDuration a string, kCount an integer,
  // kCountOrNone either, kBool a boolean.
  enum class Kind : uint8_t { kWord, kSize, kDuration, kCount, kCountOrNone, kBool };

  std::string group;
  std::string name;
  Kind kind = Kind::kWord;
  std::string value_name;  // "SIZE", as --help calls it; empty for kBool
  std::string expected;    // goes on after "expected "
  std::string help;
  std::string original_variable;  // of the original LumenKV; empty: it had none
  // Sets it; INVALID_ARGUMENT says what is wrong with the text.
  std::function<absl::Status(const std::string& text)> set;
  // What it is set to; `set` reads it back.
  std::function<std::string()> show;

  std::string key() const { return group + "." + name; }
  std::string flag() const;
  // The first that is set counts.
  std::vector<std::string> variables() const;
};

// All of them, by group. They write to and read from `settings`, which must outlive them.
std::vector<Setting> AllSettings(Settings& settings);

}  // namespace lumen
