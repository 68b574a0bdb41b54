#include "faultfs/plan/plan_scanner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen::faultfs {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::string_view kEndsWord = " \t\r,\"#";

}  // namespace

PlanScanner::PlanScanner(std::string_view line, size_t line_number)
    : line_(line), line_number_(line_number) {
  next_ = Scan();
}

PlanToken PlanScanner::Take() { return std::exchange(next_, Scan()); }

PlanToken PlanScanner::Scan() {
  position_ = std::min(line_.find_first_not_of(kBlank, position_), line_.size());
  PlanToken token{.column = position_ + 1};
  if (position_ == line_.size() || line_[position_] == '#') return token;
  if (line_[position_] == '"') return ScanQuoted();
  if (line_[position_] == ',') {
    token.kind = PlanToken::Kind::kComma;
    token.text = line_[position_++];
    return token;
  }
  const size_t end = std::min(line_.find_first_of(kEndsWord, position_), line_.size());
  token.kind = PlanToken::Kind::kWord;
  token.text = line_.substr(position_, end - position_);
  position_ = end;
  return token;
}

PlanToken PlanScanner::ScanQuoted() {
  PlanToken token{.kind = PlanToken::Kind::kQuoted, .column = position_ + 1};
  for (++position_; position_ < line_.size() && line_[position_] != '"'; ++position_) {
    const bool escaped = line_[position_] == '\\' && position_ + 1 < line_.size();
    if (escaped) ++position_;
    token.text += escaped && line_[position_] == 'n' ? '\n' : line_[position_];
  }
  if (position_ < line_.size()) {
    ++position_;
  } else {
    token.kind = PlanToken::Kind::kBad;
  }
  return token;
}

absl::Status PlanScanner::Expected(std::string_view what, const PlanToken& token) const {
  std::string found;
  if (token.kind == PlanToken::Kind::kEnd) found = "the end of the line";
  if (token.kind == PlanToken::Kind::kBad) found = "a quote that does not end";
  if (found.empty()) found = absl::StrCat("\"", token.text, "\"");
  return absl::InvalidArgumentError(absl::StrCat("line ", line_number_, ", column ", token.column,
                                                 ": expected ", std::string(what), ", found ",
                                                 found));
}

}  // namespace lumen::faultfs
