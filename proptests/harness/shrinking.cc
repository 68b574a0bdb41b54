#include "proptests/harness/shrinking.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/env/seeded_random.h"
#include "faultfs/fault_plan.h"

namespace lumen::crash {
namespace {

// How hard a smaller workload is searched for its crash: first in passing, then in earnest.
constexpr uint64_t kStatesOfTry[] = {100, 400, 2500};
constexpr size_t kFewSteps = 3;
// Where more steps than this are left, quite other workloads are tried: so many of each length.
constexpr size_t kManySteps = 6;
constexpr uint64_t kOthersOfLength[] = {12, 24, 24, 32, 32, 32};
constexpr uint64_t kStatesOfOther = 100;
constexpr uint64_t kMostNth = 8;
constexpr uint64_t kSmallMemtableBytes = 1024;
constexpr size_t kMostKinder = 64;
constexpr uint32_t kSmallValueBytes = 8;

using Survivors = faultfs::Survivors;

// The lines of a plan.
std::vector<std::string> Rules(const std::string& plan) {
  return absl::StrSplit(plan, '\n', absl::SkipEmpty());
}

class Shrinker {
 public:
  Shrinker(const ShrinkTools& tools, Failure failure, uint64_t replays)
      : tools_(tools), best_(std::move(failure)), left_(replays) {}

  Failure Run() {
    const uint64_t before = best_.failing.workload.steps.size();
    for (const uint64_t states : kStatesOfTry) {
      states_of_try_ = states;
      const bool other = now().workload.steps.size() > kManySteps && TryOthers();
      while (Round()) {
      }
      if (now().workload.steps.size() <= (other ? kManySteps : kFewSteps)) break;
    }
    LoseLess();
    if (best_.steps_before == 0) best_.steps_before = before;
    best_.steps_after = best_.failing.workload.steps.size();
    return std::move(best_);
  }

 private:
  const Case& now() const { return best_.failing; }

  // One pass over everything; whether it made anything smaller.
  bool Round() {
    bool smaller = DropCrashes();
    smaller |= DropFaults(&Case::faults);
    smaller |= DropFaults(&Case::recovery_faults);
    smaller |= LowerNths();
    smaller |= DropSteps();
    smaller |= SimplifySteps();
    smaller |= SimplifyOptions();
    return smaller && left_ > 0;
  }

  // The same crash, which is still right where only later steps have changed.
  bool Replays(const Case& candidate) {
    if (left_ == 0) return false;
    --left_;
    const absl::StatusOr<Replayed> replayed = tools_.replay(candidate);
    if (!replayed.ok() || !replayed->violation.has_value() ||
        replayed->violation->rule != best_.violation.rule) {
      return false;
    }
    best_.failing = candidate;
    best_.violation = *replayed->violation;
    best_.expected = replayed->expected;
    best_.got = replayed->got;
    return true;
  }

  // Another crash of what is a smaller case.
  bool Finds(const Case& candidate, uint64_t states) {
    if (left_ == 0) return false;
    ShrinkTools::Found found = tools_.find(candidate, best_, std::min(left_, states));
    left_ -= std::min(left_, found.tested + 1);
    if (!found.failure.has_value()) return false;
    best_.failing = std::move(found.failure->failing);
    best_.violation = std::move(found.failure->violation);
    best_.expected = std::move(found.failure->expected);
    best_.got = std::move(found.failure->got);
    return true;
  }

  bool Try(const Case& candidate) { return Replays(candidate) || Finds(candidate, states_of_try_); }

  // Short workloads of the case's own steps and others. Taking steps out of a long one comes to an
  // end where one that is not in it would do the work of many: a compaction, that of what fills a
  // level. The shortest come first, and with the first that fails alike it goes on.
  bool TryOthers() {
    SeededRandom random(now().seed);
    size_t steps = 0;
    for (const uint64_t tries : kOthersOfLength) {
      ++steps;
      for (uint64_t i = 0; i < tries && left_ > 0; ++i) {
        if (Finds(OtherCase(steps, random), kStatesOfOther)) return true;
      }
    }
    return false;
  }

  Case OtherCase(size_t steps, SeededRandom& random) const {
    Case other = now();
    other.workload.steps.clear();
    while (other.workload.steps.size() < steps) {
      const std::vector<ClientStep>& from = random.Below(2) == 0 ? now().workload.steps : alphabet_;
      other.workload.steps.push_back(from[random.Below(from.size())]);
    }
    // So that few writes fill a table.
    if (random.Below(2) == 0) other.workload.memtable_bytes = kSmallMemtableBytes;
    ForEachNth(other, [&](uint64_t& nth) { nth = 1 + random.Below(std::min(nth, kMostNth)); });
    return other;
  }

  // Of the faults that come later than with the first call.
  template <typename Change>
  static void ForEachNth(Case& of, Change change) {
    const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(of.faults);
    if (!plan.ok()) return;
    faultfs::FaultPlan changed;
    for (faultfs::FaultRule rule : plan->rules()) {
      if (rule.when.nth > 1) change(rule.when.nth);
      changed.Add(std::move(rule));
    }
    of.faults = changed.ToString();
  }

  // Earlier calls: what leads to the known one can go then.
  bool LowerNths() {
    bool smaller = false;
    for (bool again = true; again && left_ > 0;) {
      again = false;
      for (const uint64_t divisor : {uint64_t{4}, uint64_t{2}, uint64_t{1}}) {
        Case candidate = now();
        ForEachNth(candidate, [&](uint64_t& nth) { nth = divisor == 1 ? nth - 1 : nth / divisor; });
        if (candidate.faults == now().faults || !Try(candidate)) continue;
        again = smaller = true;
        break;
      }
    }
    return smaller;
  }

  bool DropCrashes() {
    bool smaller = false;
    while (now().crashes.size() > 1) {
      Case candidate = now();
      candidate.crashes.pop_back();
      if (!Replays(candidate)) break;
      smaller = true;
    }
    return smaller;
  }

  bool DropFaults(std::string Case::*faults) {
    bool smaller = false;
    for (size_t line = 0; line < Rules(now().*faults).size() && left_ > 0;) {
      std::vector<std::string> rules = Rules(now().*faults);
      const size_t before = rules.size();
      rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(line));
      Case candidate = now();
      candidate.*faults = absl::StrJoin(rules, "\n");
      if (Try(candidate) && Rules(now().*faults).size() < before) {
        smaller = true;
      } else {
        ++line;
      }
    }
    return smaller;
  }

  // Zeller's ddmin, from the end: what comes after the crash goes first, and costs one replay.
  bool DropSteps() {
    bool smaller = false;
    size_t chunk = std::max<size_t>(1, now().workload.steps.size() / 2);
    for (;; chunk /= 2) {
      for (size_t end = now().workload.steps.size(); end > 0 && left_ > 0;) {
        const size_t begin = end - std::min(chunk, end);
        Case candidate = now();
        auto& steps = candidate.workload.steps;
        steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(begin),
                    steps.begin() + static_cast<std::ptrdiff_t>(end));
        smaller |= Try(candidate);
        end = std::min(begin, now().workload.steps.size());
      }
      if (chunk == 1) return smaller;
    }
  }

  template <typename Change>
  bool ChangeStep(size_t step, Change change) {
    if (step >= now().workload.steps.size()) return false;
    Case candidate = now();
    return change(candidate.workload.steps[step]) && Try(candidate);
  }

  bool SimplifySteps() {
    bool smaller = false;
    for (size_t step = 0; step < now().workload.steps.size() && left_ > 0; ++step) {
      smaller |= DropChanges(step);
      smaller |= ChangeStep(step, [](ClientStep& it) { return ShrinkValues(it); });
      smaller |= ChangeStep(
          step, [](ClientStep& it) { return std::exchange(it.precondition, uint8_t{0}) != 0; });
      smaller |= ChangeStep(
          step, [](ClientStep& it) { return it.count > 1 && std::exchange(it.count, 1u) != 1; });
    }
    return smaller | NumberKeys();
  }

  bool DropChanges(size_t step) {
    bool smaller = false;
    for (size_t i = now().workload.steps[step].changes.size(); i-- > 0;) {
      smaller |= ChangeStep(step, [i](ClientStep& it) {
        if (it.changes.size() < 2 || i >= it.changes.size()) return false;
        it.changes.erase(it.changes.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      });
      if (step >= now().workload.steps.size()) break;
    }
    return smaller;
  }

  static bool ShrinkValues(ClientStep& step) {
    bool changed = false;
    for (ClientStep::Change& change : step.changes) {
      if (change.value_bytes <= kSmallValueBytes) continue;
      change.value_bytes = kSmallValueBytes;
      changed = true;
    }
    return changed;
  }

  // Keys 0, 1, 2 ... in their order.
  bool NumberKeys() {
    std::set<uint32_t> used;
    for (const ClientStep& step : now().workload.steps) {
      if (step.kind == ClientStep::Kind::kGet) used.insert(step.key);
      for (const ClientStep::Change& change : step.changes) used.insert(change.key);
    }
    std::map<uint32_t, uint32_t> numbers;
    for (const uint32_t key : used) numbers.emplace(key, static_cast<uint32_t>(numbers.size()));
    Case candidate = now();
    bool changed = false;
    const auto renumber = [&](uint32_t& key) {
      changed |= numbers.at(key) != key;
      key = numbers.at(key);
    };
    for (ClientStep& step : candidate.workload.steps) {
      if (step.kind == ClientStep::Kind::kGet) renumber(step.key);
      for (ClientStep::Change& change : step.changes) renumber(change.key);
    }
    return changed && Try(candidate);
  }

  // Those of a workload that nobody has changed.
  bool SimplifyOptions() {
    const Workload plain;
    bool smaller = false;
    const auto reset = [&](auto Workload::*option) {
      if (now().workload.*option == plain.*option) return;
      Case candidate = now();
      candidate.workload.*option = plain.*option;
      smaller |= Try(candidate);
    };
    reset(&Workload::wal_lz4);
    reset(&Workload::wal_segment_bytes);
    reset(&Workload::memtable_bytes);
    reset(&Workload::block_bytes);
    reset(&Workload::table_bytes);
    return smaller;
  }

  // A crash that takes little shows best what it is that must not be lost.
  void LoseLess() {
    for (size_t crash = 0; crash < now().crashes.size(); ++crash) {
      size_t tried = 0;
      for (const Survivors& kinder : tools_.kinder(now(), crash)) {
        if (tried++ == kMostKinder) break;
        Case candidate = now();
        candidate.crashes[crash].survivors = kinder;
        if (Replays(candidate)) break;
      }
    }
  }

  const ShrinkTools& tools_;
  const std::vector<ClientStep> alphabet_ = SmallAlphabet();
  Failure best_;
  uint64_t left_;
  uint64_t states_of_try_ = 0;
};

}  // namespace

Failure ShrinkWith(const ShrinkTools& tools, Failure failure, uint64_t replays) {
  return Shrinker(tools, std::move(failure), replays).Run();
}

}  // namespace lumen::crash
