#include "faultfs/fault_plan.h"

#include <charconv>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "faultfs/plan/fault_catalog.h"

namespace lumen::faultfs {
namespace {

std::string Calls(const std::vector<CallKind>& calls) {
  return absl::StrJoin(calls, ",",
                       [](std::string* out, CallKind call) { out->append(CallName(call)); });
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return quoted + "\"";
}

// The shortest text that is the same number when it is read again.
std::string Shortest(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  return std::string(buffer, end);
}

void AppendCommon(const FaultSelector& selector, std::string& line) {
  if (selector.role) absl::StrAppend(&line, " of ", std::string(RoleName(*selector.role)));
  if (!selector.path_glob.empty()) absl::StrAppend(&line, " in ", Quoted(selector.path_glob));
  if (selector.nth != 0) absl::StrAppend(&line, " nth ", selector.nth);
}

void AppendAmount(const FaultRule& rule, std::string& line) {
  const FaultEntry* entry = FindFault(rule.name);
  if (entry == nullptr || entry->amount == AmountUnit::kNone || rule.random_amount) return;
  const bool is_time = entry->amount == AmountUnit::kNanoseconds;
  absl::StrAppend(&line, " amount ", rule.fault.amount, is_time ? "ns" : "");
}

std::string Line(const FaultRule& rule) {
  std::string line = rule.name;
  const FaultSelector& when = rule.when;
  if (!when.calls.empty()) absl::StrAppend(&line, " on ", Calls(when.calls));
  AppendCommon(when, line);
  if (when.times == 0) absl::StrAppend(&line, " times always");
  if (when.times > 1) absl::StrAppend(&line, " times ", when.times);
  if (when.probability < 1) absl::StrAppend(&line, " probability ", Shortest(when.probability));
  AppendAmount(rule, line);
  if (when.after != nullptr) {
    absl::StrAppend(&line, " after ", Calls(when.after->calls));
    AppendCommon(*when.after, line);
  }
  return line;
}

}  // namespace

std::string FaultPlan::ToString() const {
  std::string text;
  for (const FaultRule& rule : rules_) absl::StrAppend(&text, Line(rule), "\n");
  return text;
}

}  // namespace lumen::faultfs
