#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lumen::faultfs {

// A piece of one line of a fault plan.
struct PlanToken {
  enum class Kind { kWord, kQuoted, kComma, kEnd, kBad };
  Kind kind = Kind::kEnd;
  std::string text = {};  // of a quoted one: without quotes and escapes
  size_t column = 1;      // in bytes
};

// Cuts one line into tokens, and knows how to say where something was not as expected.
class PlanScanner {
 public:
  PlanScanner(std::string_view line, size_t line_number);

  const PlanToken& next() const { return next_; }
  bool at_end() const { return next_.kind == PlanToken::Kind::kEnd; }
  bool NextIs(std::string_view word) const {
    return next_.kind == PlanToken::Kind::kWord && next_.text == word;
  }
  PlanToken Take();

  // "line 2, column 14: expected ..., found ...", about the next token, or about `token`.
  absl::Status Expected(std::string_view what) const { return Expected(what, next_); }
  absl::Status Expected(std::string_view what, const PlanToken& token) const;

 private:
  PlanToken Scan();
  PlanToken ScanQuoted();

  const std::string_view line_;
  const size_t line_number_;
  size_t position_ = 0;
  PlanToken next_;
};

}  // namespace lumen::faultfs
