#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faultfs/fault_injector.h"

namespace lumen::faultfs {

// When a rule applies. Everything that is set has to hold.
struct FaultSelector {
  std::string path_glob = {};  // "*" within a component, "**" across; empty: any
  std::optional<FileRole> role = {};
  std::vector<CallKind> calls = {};  // empty: every kind that the fault can meet
  uint64_t nth = 0;                  // the nth call that matches, from 1; 0: each
  uint64_t times = 1;                // how often it fires at most; 0: without end
  double probability = 1;
  // After the nth call that this selects (itself without `after`).
  std::shared_ptr<const FaultSelector> after = {};
};

struct FaultRule {
  std::string name = {};  // of the fault with its error, such as "enospc-after"
  Fault fault;
  FaultSelector when;
};

// Faults to inject, as text: one rule a line, comments after '#'. Grammar: docs/crash_testing.md.
//
//   eio-before   on append   of wal        nth 3
//   sync-marked-clean        of manifest   after rename of current
//   bit-flip     in "/db/*.sst" nth 2      amount 4711
//   enospc-after on create   probability 0.01 times 5
class FaultPlan {
 public:
  // INVALID_ARGUMENT: "line 2, column 14: expected ..., found ...".
  static absl::StatusOr<FaultPlan> Parse(std::string_view text);
  // Parses to the same plan.
  std::string ToString() const;
  // Each rule as an English sentence.
  std::string Explain() const;

  const std::vector<FaultRule>& rules() const { return rules_; }
  void Add(FaultRule rule) { rules_.push_back(std::move(rule)); }

 private:
  std::vector<FaultRule> rules_;
};

// Per rule: calls that could have met it · times it was injected · times that changed what the disk
// holds or may hold · times the program was told.
struct FaultCount {
  uint64_t armed = 0;
  uint64_t fired = 0;
  uint64_t changed = 0;
  uint64_t observed = 0;
};

// Injects a plan. Probabilities come from the seed and the number of the call, so that equal runs
// meet equal faults. Thread-safe.
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
