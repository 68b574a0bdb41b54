#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "faultfs/fault_plan.h"
#include "faultfs/plan/fault_catalog.h"

namespace lumen::faultfs {
namespace {

std::string Ordinal(uint64_t number) {
  if (number <= 1) return "first";
  const bool teen = number % 100 >= 11 && number % 100 <= 13;
  const uint64_t last = teen ? 0 : number % 10;
  return absl::StrCat(number, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

std::string Decimal(double number) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
}

// All that the fault can meet, where these are few enough to be named.
std::vector<CallKind> Possible(const FaultEntry& entry) {
  constexpr size_t kMostNamed = 2;
  std::vector<CallKind> calls;
  for (int i = 0; i < kCallKinds; ++i) {
    if (entry.calls.Has(static_cast<CallKind>(i))) calls.push_back(static_cast<CallKind>(i));
  }
  if (calls.size() > kMostNamed) calls.clear();
  return calls;
}

std::string Calls(const std::vector<CallKind>& calls) {
  if (calls.empty()) return "call";
  std::string words;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) words += i + 1 == calls.size() ? " or " : ", ";
    words += CallName(calls[i]);
  }
  return words;
}

// "append of role wal in "/db/*""
std::string Matching(const FaultSelector& when, const std::vector<CallKind>& calls) {
  std::string text = Calls(calls);
  if (when.role) absl::StrAppend(&text, " of role ", std::string(RoleName(*when.role)));
  if (!when.path_glob.empty()) absl::StrAppend(&text, " in \"", when.path_glob, "\"");
  return text;
}

std::string TimesWord(uint64_t times) {
  return times == 1 ? "once" : times == 2 ? "twice" : absl::StrCat(times, " times");
}

std::string Which(const FaultSelector& when, const FaultEntry& entry) {
  const bool certain = when.probability >= 1;
  const std::string matching = Matching(when, when.calls.empty() ? Possible(entry) : when.calls);
  if (certain && when.times == 1) return absl::StrCat("On the ", Ordinal(when.nth), " ", matching);
  std::string text = absl::StrCat("On each ", matching);
  if (when.nth > 1) absl::StrAppend(&text, " from the ", Ordinal(when.nth), " on");
  if (!certain) absl::StrAppend(&text, " with probability ", Decimal(when.probability));
  if (when.times != 0) absl::StrAppend(&text, ", at most ", TimesWord(when.times));
  return text;
}

std::string After(const FaultSelector* after) {
  if (after == nullptr) return "";
  return absl::StrCat(", counted after the ", Ordinal(after->nth), " ",
                      Matching(*after, after->calls));
}

std::string Duration(uint64_t nanoseconds) {
  if (nanoseconds % 1'000'000'000 == 0) return absl::StrCat(nanoseconds / 1'000'000'000, " s");
  if (nanoseconds % 1'000'000 == 0) return absl::StrCat(nanoseconds / 1'000'000, " ms");
  if (nanoseconds % 1'000 == 0) return absl::StrCat(nanoseconds / 1'000, " us");
  return absl::StrCat(nanoseconds, " ns");
}

std::string Amount(const FaultRule& rule, AmountUnit unit) {
  const uint64_t amount = rule.fault.amount;
  if (unit == AmountUnit::kNone) return "";
  if (unit == AmountUnit::kNanoseconds) return absl::StrCat(" (by ", Duration(amount), ")");
  if (rule.random_amount) return " (the seed says where)";
  switch (rule.fault.kind) {
    case FaultKind::kBitFlip:
      return absl::StrCat(" (bit ", amount, ", modulo its size)");
    case FaultKind::kSectorGarbage:
      return absl::StrCat(" (sector ", amount, ", modulo its size)");
    case FaultKind::kTruncated:
      return absl::StrCat(" (", amount, " bytes are left, modulo its size)");
    case FaultKind::kMisdirectedWrite:
      return absl::StrCat(" (", amount, " further, modulo its size)");
    default:
      return absl::StrCat(" (the first ", amount, " bytes, modulo its length)");
  }
}

// "the call fails with EIO, and nothing happens"
std::string Effect(const FaultEntry& entry) {
  constexpr std::string_view kFails = "fails";
  std::string effect(entry.summary);
  if (entry.symbol.empty()) return effect;
  effect.insert(effect.find(kFails) + kFails.size(), " with " + std::string(entry.symbol));
  return effect;
}

std::string Sentence(const FaultRule& rule) {
  const FaultEntry* entry = FindFault(rule.name);
  if (entry == nullptr) return absl::StrCat("There is no fault \"", rule.name, "\".");
  return absl::StrCat(Which(rule.when, *entry), After(rule.when.after.get()), ": ", Effect(*entry),
                      Amount(rule, entry->amount), ".");
}

}  // namespace

std::string FaultPlan::Explain() const {
  std::string text;
  for (size_t i = 0; i < rules_.size(); ++i) {
    absl::StrAppend(&text, i + 1, ". ", Sentence(rules_[i]), "\n");
  }
  return text;
}

}  // namespace lumen::faultfs
