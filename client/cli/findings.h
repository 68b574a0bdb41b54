#pragma once

#include <string>
#include <string_view>

#include "client/cli/json.h"
#include "client/cli/output.h"

namespace lumen::cli {

// What a command finds, as it finds it: lines for people, or JSON objects, which are an array with
// the format "json" and a line each with "jsonl". Nothing of it is kept in memory. Not thread-safe.
class Findings {
 public:
  // `format`: "text", "json" or "jsonl".
  Findings(std::string_view format, Output& out);

  bool text() const { return text_; }
  void Line(std::string_view line);  // of text only; otherwise nothing
  void Record(const Json& record);   // of JSON only; otherwise nothing
  // Ends the array. One that a failure ended is left open: nobody takes it for the whole.
  void End();

 private:
  const bool text_;
  const bool array_;
  Output& out_;
  bool first_ = true;
};

}  // namespace lumen::cli
