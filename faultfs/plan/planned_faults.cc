#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/mutex.h"
#include "faultfs/crash/random.h"
#include "faultfs/fault_plan.h"
#include "faultfs/plan/fault_catalog.h"
#include "faultfs/plan/path_glob.h"

namespace lumen::faultfs {
namespace {

// From 0 up to, not including, 1.
double Fraction(uint64_t random) { return static_cast<double>(random >> 11) * 0x1.0p-53; }

bool RoleMatches(const FaultSelector& when, const Call& call) {
  if (!when.role || *when.role == call.role) return true;
  return !call.to_path.empty() && *when.role == RoleOf(call.to_path);
}

bool PathMatches(const FaultSelector& when, const Call& call) {
  if (when.path_glob.empty() || GlobMatches(when.path_glob, call.path)) return true;
  return !call.to_path.empty() && GlobMatches(when.path_glob, call.to_path);
}

bool Matches(const FaultSelector& when, const CallSet& possible, const Call& call) {
  const bool right_kind = when.calls.empty() ? possible.Has(call.kind)
                                             : std::find(when.calls.begin(), when.calls.end(),
                                                         call.kind) != when.calls.end();
  return right_kind && RoleMatches(when, call) && PathMatches(when, call);
}

// A rule, and how far it is.
struct ArmedRule {
  const FaultRule* rule = nullptr;
  CallSet possible = {};
  uint64_t seed = 0;
  uint64_t events = 0;  // calls that `after` selected
  FaultCount count = {};

  bool Counts(const Call& call);
  bool WantsToFire() const;
  uint64_t Random(uint64_t purpose) const { return SplitMix(seed + 4 * count.armed + purpose); }
  Fault MakeFault(const Call& call, int index) const;
};

// Whether the rule is about this call.
bool ArmedRule::Counts(const Call& call) {
  const FaultSelector* after = rule->when.after.get();
  const bool begun = after == nullptr || events >= std::max<uint64_t>(after->nth, 1);
  // The event itself does not count, even where both selectors match it.
  if (!begun && Matches(*after, CallSet::All(), call)) ++events;
  return begun && Matches(rule->when, possible, call);
}

bool ArmedRule::WantsToFire() const {
  const FaultSelector& when = rule->when;
  if (count.armed < when.nth) return false;
  if (when.times != 0 && count.fired >= when.times) return false;
  return when.probability >= 1 || Fraction(Random(1)) < when.probability;
}

Fault ArmedRule::MakeFault(const Call& call, int index) const {
  Fault fault = rule->fault;
  fault.rule = index;
  fault.seed = Random(2);
  if (rule->random_amount) fault.amount = Random(3);
  if (!fault.error.ok()) {
    fault.error = absl::Status(fault.error.code(),
                               absl::StrCat(std::string(CallName(call.kind)), ": ",
                                            std::string(fault.error.message()), " (injected)"));
  }
  return fault;
}

CallSet PossibleCalls(const FaultRule& rule) {
  const FaultEntry* entry = FindFault(rule.name);
  return entry == nullptr ? CallSet::All() : entry->calls;
}

}  // namespace

struct PlannedFaults::State {
  explicit State(FaultPlan faults) : plan(std::move(faults)) {}

  // What has been said of a firing, each of which counts once.
  struct Said {
    bool changed = false;
    bool observed = false;
  };

  // Of `fault`, if it was not said before.
  void Count(const Fault& fault, bool Said::*what, uint64_t FaultCount::*count) {
    MutexLock lock(mutex);
    if (!std::exchange(said.at(static_cast<size_t>(fault.firing)).*what, true)) {
      ++(rules.at(static_cast<size_t>(fault.rule)).count.*count);
    }
  }

  const FaultPlan plan;
  mutable Mutex mutex;
  std::vector<ArmedRule> rules GUARDED_BY(mutex);
  std::vector<Said> said GUARDED_BY(mutex);  // by firing
};

PlannedFaults::PlannedFaults(FaultPlan plan, uint64_t seed)
    : state_(std::make_unique<State>(std::move(plan))) {
  MutexLock lock(state_->mutex);
  for (const FaultRule& rule : state_->plan.rules()) {
    const uint64_t rule_seed = SplitMix(SplitMix(seed) + state_->rules.size());
    state_->rules.push_back({&rule, PossibleCalls(rule), rule_seed});
  }
}
PlannedFaults::~PlannedFaults() = default;

Fault PlannedFaults::Decide(const Call& call) {
  if (state_->plan.rules().empty()) return {};
  MutexLock lock(state_->mutex);
  Fault decided;
  for (size_t i = 0; i < state_->rules.size(); ++i) {
    ArmedRule& armed = state_->rules[i];
    if (!armed.Counts(call)) continue;
    ++armed.count.armed;
    if (decided.kind != FaultKind::kNone || !armed.WantsToFire()) continue;
    decided = armed.MakeFault(call, static_cast<int>(i));
    decided.firing = state_->said.size();
    state_->said.emplace_back();
    ++armed.count.fired;
  }
  return decided;
}

void PlannedFaults::Changed(const Fault& fault) {
  state_->Count(fault, &State::Said::changed, &FaultCount::changed);
}

void PlannedFaults::Observed(const Fault& fault) {
  state_->Count(fault, &State::Said::observed, &FaultCount::observed);
}

std::vector<FaultCount> PlannedFaults::counts() const {
  MutexLock lock(state_->mutex);
  std::vector<FaultCount> counts;
  for (const ArmedRule& rule : state_->rules) counts.push_back(rule.count);
  return counts;
}

}  // namespace lumen::faultfs
