#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "faultfs/fault_plan.h"
#include "faultfs/plan/fault_catalog.h"
#include "faultfs/plan/plan_scanner.h"

// One line of a plan:
//
//   rule     := FAULT clause* [ "after" calls [ "of" ROLE ] [ "in" "GLOB" ] [ "nth" N ] ]
//   clause   := "on" calls | "of" ROLE | "in" "GLOB" | "nth" N | "times" ( N | "always" )
//             | "probability" P | "amount" N[unit]          each at most once, in any order
//   calls    := CALL { "," CALL }
namespace lumen::faultfs {
namespace {

using Kind = PlanToken::Kind;

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};
constexpr Unit kUnits[] = {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}};

constexpr std::string_view kAfterIsLast =
    "of, in, nth or the end of the line (\"after\" is the last clause)";

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uint64_t> ParseDuration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto count = ParseNumber<uint64_t>(text.substr(0, text.size() - unit.name.size()));
    if (count && *count <= INT64_MAX / unit.nanoseconds) return *count * unit.nanoseconds;
  }
  return std::nullopt;
}

std::string Names(const CallSet& calls) {
  std::string names;
  for (int i = 0; i < kCallKinds; ++i) {
    const CallKind call = static_cast<CallKind>(i);
    if (!calls.Has(call)) continue;
    names.append(names.empty() ? "" : ", ").append(CallName(call));
  }
  return names;
}

class RuleParser {
 public:
  RuleParser(std::string_view line, size_t line_number) : scanner_(line, line_number) {}

  // Nothing: an empty line.
  absl::StatusOr<std::optional<FaultRule>> Parse();

 private:
  absl::Status ParseFault();
  absl::Status ParseClause();
  absl::Status ParseAfter();
  // A clause that both a rule and its `after` may have; false: it is another one.
  absl::StatusOr<bool> ParseCommon(FaultSelector& selector);

  absl::StatusOr<std::vector<CallKind>> ParseCalls(const CallSet& allowed, std::string_view whose);
  absl::Status ParseRole(FaultSelector& selector);
  absl::Status ParseGlob(FaultSelector& selector);
  absl::Status ParseTimes();
  absl::Status ParseProbability();
  absl::Status ParseAmount();
  absl::StatusOr<uint64_t> ParseCount();

  // Takes the clause's word, which must not have come before.
  absl::Status TakeOnce(bool& seen);

  struct Seen {
    bool on = false, of = false, in = false, nth = false;
    bool times = false, probability = false, amount = false;
  };
  PlanScanner scanner_;
  FaultRule rule_;
  const FaultEntry* entry_ = nullptr;
  Seen seen_;
};

absl::StatusOr<std::optional<FaultRule>> RuleParser::Parse() {
  if (scanner_.at_end()) return std::optional<FaultRule>();
  RETURN_IF_ERROR(ParseFault());
  while (!scanner_.at_end()) RETURN_IF_ERROR(ParseClause());
  return std::optional<FaultRule>(std::move(rule_));
}

absl::Status RuleParser::ParseFault() {
  constexpr std::string_view kWhat = "the name of a fault";
  if (scanner_.next().kind != Kind::kWord) return scanner_.Expected(kWhat);
  const std::string& name = scanner_.next().text;
  if (name == "eintr" || name == "short-read") {
    return scanner_.Expected(
        "the name of a fault that a program can see (only the file system meets this one)");
  }
  entry_ = FindFault(name);
  if (entry_ == nullptr) return scanner_.Expected(kWhat);
  rule_ = *RuleNamed(name);
  scanner_.Take();
  return absl::OkStatus();
}

absl::Status RuleParser::ParseClause() {
  ASSIGN_OR_RETURN(const bool done, ParseCommon(rule_.when));
  if (done) return absl::OkStatus();
  if (scanner_.NextIs("on")) {
    RETURN_IF_ERROR(TakeOnce(seen_.on));
    ASSIGN_OR_RETURN(rule_.when.calls, ParseCalls(entry_->calls, entry_->name));
    return absl::OkStatus();
  }
  if (scanner_.NextIs("times")) return ParseTimes();
  if (scanner_.NextIs("probability")) return ParseProbability();
  if (scanner_.NextIs("amount")) return ParseAmount();
  if (scanner_.NextIs("after")) return ParseAfter();
  return scanner_.Expected("on, of, in, nth, times, probability, amount or after");
}

absl::StatusOr<bool> RuleParser::ParseCommon(FaultSelector& selector) {
  if (scanner_.NextIs("of")) {
    RETURN_IF_ERROR(ParseRole(selector));
  } else if (scanner_.NextIs("in")) {
    RETURN_IF_ERROR(ParseGlob(selector));
  } else if (scanner_.NextIs("nth")) {
    RETURN_IF_ERROR(TakeOnce(seen_.nth));
    ASSIGN_OR_RETURN(selector.nth, ParseCount());
  } else {
    return false;
  }
  return true;
}

absl::Status RuleParser::ParseAfter() {
  scanner_.Take();
  seen_ = {};
  FaultSelector after;
  ASSIGN_OR_RETURN(after.calls, ParseCalls(CallSet::All(), ""));
  while (!scanner_.at_end()) {
    ASSIGN_OR_RETURN(const bool done, ParseCommon(after));
    if (!done) return scanner_.Expected(kAfterIsLast);
  }
  rule_.when.after = std::make_shared<const FaultSelector>(std::move(after));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CallKind>> RuleParser::ParseCalls(const CallSet& allowed,
                                                             std::string_view whose) {
  const std::string what = absl::StrCat("a call", whose.empty() ? "" : " that ", std::string(whose),
                                        whose.empty() ? "" : " can meet", ": ", Names(allowed));
  std::vector<CallKind> calls;
  while (true) {
    const std::optional<CallKind> call =
        scanner_.next().kind == Kind::kWord ? ParseCall(scanner_.next().text) : std::nullopt;
    if (!call || !allowed.Has(*call)) return scanner_.Expected(what);
    calls.push_back(*call);
    scanner_.Take();
    if (scanner_.next().kind != Kind::kComma) return calls;
    scanner_.Take();
  }
}

absl::Status RuleParser::ParseRole(FaultSelector& selector) {
  RETURN_IF_ERROR(TakeOnce(seen_.of));
  if (scanner_.next().kind == Kind::kWord) selector.role = faultfs::ParseRole(scanner_.next().text);
  if (!selector.role) {
    return scanner_.Expected("a role: wal, manifest, current, sst, temp, lock, other");
  }
  scanner_.Take();
  return absl::OkStatus();
}

absl::Status RuleParser::ParseGlob(FaultSelector& selector) {
  RETURN_IF_ERROR(TakeOnce(seen_.in));
  if (scanner_.next().kind != Kind::kQuoted || scanner_.next().text.empty()) {
    return scanner_.Expected("a path pattern in quotes, such as \"/db/*.sst\"");
  }
  selector.path_glob = scanner_.Take().text;
  return absl::OkStatus();
}

absl::Status RuleParser::ParseTimes() {
  RETURN_IF_ERROR(TakeOnce(seen_.times));
  if (scanner_.NextIs("always")) {
    scanner_.Take();
    rule_.when.times = 0;
    return absl::OkStatus();
  }
  const auto times = ParseNumber<uint64_t>(scanner_.next().text);
  if (!times || *times == 0) return scanner_.Expected("a number from 1, or always");
  scanner_.Take();
  rule_.when.times = *times;
  return absl::OkStatus();
}

absl::Status RuleParser::ParseProbability() {
  RETURN_IF_ERROR(TakeOnce(seen_.probability));
  const auto probability = ParseNumber<double>(scanner_.next().text);
  // Never 0: a fault that cannot happen makes a run look as if it had been survived.
  if (!probability || !(*probability > 0 && *probability <= 1)) {
    return scanner_.Expected("a probability above 0 and at most 1");
  }
  scanner_.Take();
  rule_.when.probability = *probability;
  return absl::OkStatus();
}

absl::Status RuleParser::ParseAmount() {
  if (entry_->amount == AmountUnit::kNone) {
    return scanner_.Expected(absl::StrCat("no amount (", std::string(entry_->name), " has none)"));
  }
  RETURN_IF_ERROR(TakeOnce(seen_.amount));
  const bool is_time = entry_->amount == AmountUnit::kNanoseconds;
  const std::string& text = scanner_.next().text;
  const auto amount = is_time ? ParseDuration(text) : ParseNumber<uint64_t>(text);
  if (!amount) {
    return scanner_.Expected(is_time ? "a duration, such as 20ms (s, ms, us, ns)" : "a number");
  }
  scanner_.Take();
  rule_.fault.amount = *amount;
  rule_.random_amount = false;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> RuleParser::ParseCount() {
  const auto count = ParseNumber<uint64_t>(scanner_.next().text);
  if (!count || *count == 0) return scanner_.Expected("a number from 1");
  scanner_.Take();
  return *count;
}

absl::Status RuleParser::TakeOnce(bool& seen) {
  if (std::exchange(seen, true)) return scanner_.Expected("each clause once");
  scanner_.Take();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FaultPlan> FaultPlan::Parse(std::string_view text) {
  FaultPlan plan;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = std::min(text.find('\n'), text.size());
    RuleParser parser(text.substr(0, end), line_number);
    ASSIGN_OR_RETURN(std::optional<FaultRule> rule, parser.Parse());
    if (rule) {
      if (plan.rules().size() == kMostRules) {
        return absl::InvalidArgumentError(absl::StrCat("line ", line_number,
                                                       ", column 1: expected at most ", kMostRules,
                                                       " rules, found another one"));
      }
      plan.Add(*std::move(rule));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return plan;
}

}  // namespace lumen::faultfs
