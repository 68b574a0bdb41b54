#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/fault_injector.h"

namespace lumen::faultfs {

// When a rule applies. Everything that is set has to hold.
struct FaultSelector {
  // "*" stands for any bytes but '/', "**" for any bytes; empty: any path. Role and glob are about
  // either name of a rename or a link.
  std::string path_glob = {};
  std::optional<FileRole> role = {};
  std::vector<CallKind> calls = {};  // empty: every kind that the fault can meet
  uint64_t nth = 0;                  // from the nth call that matches on, from 1; 0 is as 1
  uint64_t times = 1;                // how often it fires at most; 0: without end
  double probability = 1;            // above 0
  // Calls count only after the nth that this selects; it has no times, probability and `after`.
  std::shared_ptr<const FaultSelector> after = {};
};

struct FaultRule {
  std::string name = {};  // of the fault with its error, such as "enospc-after"
  Fault fault;
  bool random_amount = false;  // `fault.amount` is chosen by the seed, anew each time
  FaultSelector when;
};

// Every name that a plan may use, in the order of docs/fault_model.md, section 4.
std::span<const std::string_view> FaultNames();
// What it does, in one line for people.
std::string_view FaultSummary(std::string_view name);
// The fault of that name on the first call that it can meet, with a random amount (a latency: 1
// ms); nothing where there is no such name.
std::optional<FaultRule> RuleNamed(std::string_view name);
// Whether a fault of that name can meet such a call.
bool CanMeet(std::string_view name, CallKind call);

// Faults to inject, as text: one rule a line, comments after '#'. Grammar: docs/crash_testing.md.
//
//   eio-before   on append   of wal        nth 3
//   sync-marked-clean        of manifest   after rename of current
//   bit-flip     in "/db/*.sst" nth 2      amount 4711
//   enospc-after on create,append   probability 0.01 times 5
//   latency      on sync     times always  amount 20ms
class FaultPlan {
 public:
  static constexpr size_t kMostRules = 1000;

  // INVALID_ARGUMENT: "line 2, column 14: expected ..., found ...". Columns count bytes, from 1.
  static absl::StatusOr<FaultPlan> Parse(std::string_view text);
  // Parses to the same plan.
  std::string ToString() const;
  // Each rule as an English sentence, one a line.
  std::string Explain() const;

  const std::vector<FaultRule>& rules() const { return rules_; }
  void Add(FaultRule rule) { rules_.push_back(std::move(rule)); }

 private:
  std::vector<FaultRule> rules_;
};

struct FaultCount {
  uint64_t armed = 0;     // calls that could have met it: all that its selector matches
  uint64_t fired = 0;     // times it was injected
  uint64_t changed = 0;   // of these: those that changed what the disk holds, or may after a crash
  uint64_t observed = 0;  // of these: those that the program was told of, once or more
};

// Injects a plan: of the rules that want to fire on a call, the first one does. What is random
// comes from the seed, the rule and which of the calls that it matches this is, so that equal runs
// meet equal faults, and calls that no rule is about make no difference. Thread-safe.
class PlannedFaults final : public FaultInjector {
 public:
  PlannedFaults(FaultPlan plan, uint64_t seed);
  ~PlannedFaults() override;

  Fault Decide(const Call& call) override;
  void Changed(const Fault& fault) override;
  void Observed(const Fault& fault) override;

  // By rule, in the plan's order.
  std::vector<FaultCount> counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lumen::faultfs
