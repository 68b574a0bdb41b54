#include "proptests/harness/alike.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/fault_plan.h"
#include "proptests/harness/alike_faults.h"
#include "proptests/harness/case_walk.h"
#include "proptests/harness/checkpoint_trial.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/distinct_set.h"
#include "proptests/harness/hashing.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/trial.h"

namespace lumen::crash {
namespace {

using faultfs::CrashImage;
using faultfs::CrashSpace;
using faultfs::DiskState;
using faultfs::Operation;

constexpr uint64_t kMostRounds = 16;
// Where fewer images than this are possible, all of them are tested.
constexpr uint64_t kFewImages = 8;
constexpr uint64_t kMostSystematic = 24;
constexpr uint64_t kSamples = 3;
// Of each image, spread over all that there are.
constexpr size_t kMostFaults = 6;

// What is being done to which kind of file; equal for operations that differ in place and content
// alone. 0: nothing is.
uint64_t KindOf(const std::vector<Operation>& history, size_t index) {
  if (index >= history.size()) return 0;
  const Operation& operation = history[index];
  // "wal 3" without its number.
  const std::string_view tag = operation.tag;
  const std::string_view role = tag.substr(0, tag.find(' '));
  return HashOf(role, 1 + static_cast<uint64_t>(operation.kind));
}

// Between which operations a crash is.
struct Place {
  uint64_t before = 0;
  uint64_t after = 0;

  static Place Of(const std::vector<Operation>& history, uint64_t point) {
    const auto index = static_cast<size_t>(point);
    return {index == 0 ? 0 : KindOf(history, index - 1), KindOf(history, index)};
  }
  // 0: quite another one; 2: the same.
  int Likeness(const Place& other) const {
    return int{before == other.before} + int{after == other.after};
  }
};

// Which of the checks of a state found the known violation.
enum class CheckKind : uint8_t { kRecovery, kFaultyRecovery, kExercise, kCheckpoint };

CheckKind CheckOf(const Case& base, const Failure& known) {
  if (!base.recovery_faults.empty()) return CheckKind::kFaultyRecovery;
  if (absl::StartsWith(known.violation.what, "checkpoint ")) return CheckKind::kCheckpoint;
  const int rule = known.violation.rule;
  return rule == 5 || rule == 7 || rule == 9 ? CheckKind::kExercise : CheckKind::kRecovery;
}

std::vector<Place> PlacesOf(const OpenerFor& open_for, const Case& failing) {
  std::vector<Place> places;
  CaseWalk walk(failing, open_for);
  if (!walk.Run().ok()) return places;
  for (size_t i = 0; i < walk.moments().size(); ++i) {
    places.push_back(Place::Of(walk.moments()[i].history, failing.crashes[i].point));
  }
  return places;
}

class Search {
 public:
  Search(const OpenerFor& open_for, const Case& base, const Failure& known, uint64_t states)
      : base_(base),
        known_(known),
        states_(states),
        check_(CheckOf(base, known)),
        places_(PlacesOf(open_for, known.failing)),
        open_(open_for(base.workload)) {}

  ShrinkTools::Found Run() {
    const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(base_.faults);
    if (!plan.ok()) return {};
    recording_ = Record(base_.workload, {.seed = base_.seed, .plan = &*plan});
    ++found_.tested;
    Judge(recording_.violation);
    if (recording_.violation.has_value() || places_.empty()) return std::move(found_);
    size_t before = 0;
    for (; round_ < kMostRounds && !over(); ++round_) {
      for (const int likeness : {2, 1, 0}) CrashWorkload(likeness);
      if (std::exchange(before, distinct_.count()) == distinct_.count()) break;
    }
    return std::move(found_);
  }

 private:
  bool over() const { return found_.failure.has_value() || found_.tested >= states_; }

  void CrashWorkload(int likeness) {
    DiskState state(base_.profile, recording_.start);
    for (uint64_t point = 0; !over(); ++point) {
      if (Place::Of(recording_.history, point).Likeness(places_[0]) == likeness) {
        if (point < recording_.history.size()) state.Begin(recording_.history[point]);
        obligations_ = recording_.ObligationsAt(point, base_.profile);
        VisitImages(state, point, likeness, nullptr);
      }
      if (point == recording_.history.size()) return;
      state.Apply(recording_.history[point]);
    }
  }

  void CrashRecovery(const CrashImage& image, const TrialResult& first) {
    const Place& known = places_[crashes_.size()];
    DiskState state(base_.profile, image.image, image.zombies);
    for (uint64_t point = 0; point < first.history.size() && !over(); ++point) {
      state.Apply(first.history[point]);
      if (point + 1 < first.history.size()) state.Begin(first.history[point + 1]);
      const int likeness = Place::Of(first.history, point + 1).Likeness(known);
      if (likeness > 0) VisitImages(state, point + 1, likeness, &first.recovered);
    }
  }

  void VisitImages(const DiskState& state, uint64_t point, int likeness, const Recovered* before) {
    const CrashSpace space(state, base_.seed, state.unlinked());
    const auto take = [&](const CrashImage& image) {
      Visit(point, image, before);
      return !over();
    };
    if (space.choices() == 0) {
      take(space.Sample(0));
      return;
    }
    if (space.choices() <= 3 && space.Enumerate(kFewImages, take)) return;
    if (round_ == 0 && likeness == 2) {
      uint64_t taken = 0;
      space.Systematic(
          [&](const CrashImage& image) { return take(image) && ++taken < kMostSystematic; });
    }
    for (uint64_t i = 0; i < kSamples && !over(); ++i) {
      take(space.Sample(Combined(Combined(base_.seed, point), round_ * kSamples + i)));
    }
  }

  void Visit(uint64_t point, const CrashImage& image, const Recovered* before) {
    const Obligations of_moment = obligations_;
    if (crashes_.empty() && recording_.DamagedBefore(point, faultfs::FileRole::kWal)) {
      ExcuseTornDamage(recording_.HarmsBefore(point), image.image, recording_.log, obligations_);
    }
    const uint64_t zombies = Combined(image.zombies.size(), crashes_.size());
    const uint64_t state = Combined(image.image.hash(), obligations_.hash());
    if (distinct_.Insert(Combined(state, zombies))) {
      crashes_.push_back({point, image.survivors});
      Test(image, before);
      crashes_.pop_back();
    }
    obligations_ = of_moment;
  }

  void Test(const CrashImage& image, const Recovered* before) {
    const bool last = crashes_.size() == places_.size();
    if (last && check_ == CheckKind::kFaultyRecovery) return TestWithFaults(image);
    if (last && check_ == CheckKind::kCheckpoint) return TestCheckpoints(image);
    const uint64_t seed = Combined(base_.seed, image.image.hash());
    const TrialResult result = Try(image, {.seed = seed,
                                           .exercise = last && check_ == CheckKind::kExercise,
                                           .keep_recovered = true,
                                           .keep_history = !last});
    if (Judge(result.violation)) return;
    // A zombie may land until the recovery has been served, but not in what it serves.
    if (before != nullptr && base_.profile != faultfs::Profile::kZombie) {
      if (Judge(Same(*before, result.recovered, 8))) return;
    }
    if (last && known_.violation.rule == 7) {
      const TrialResult second = Try(image, {.seed = seed + 1, .keep_recovered = true});
      Judge(Same(result.recovered, second.recovered, 7));
    }
    if (!last) CrashRecovery(image, result);
  }

  TrialResult Try(const CrashImage& image, const TrialSettings& settings) {
    ++found_.tested;
    return RunTrial(open_, image.image, recording_.log, obligations_, settings);
  }

  void TestCheckpoints(const CrashImage& image) {
    if (obligations_.may_refuse) return;
    ++found_.tested;
    Judge(CheckCheckpoints(base_.workload, recording_, crashes_.back().point, image.image,
                           Combined(base_.seed, image.image.hash())));
  }

  void TestWithFaults(const CrashImage& image) {
    const std::vector<std::string> all = FaultsLike(base_.recovery_faults, image.image);
    const size_t some = std::min(all.size(), kMostFaults);
    const size_t first = image.image.hash() % std::max<size_t>(all.size(), 1);
    for (size_t i = 0; i < some && !over(); ++i) {
      const std::string& text = all[(first + i * all.size() / some) % all.size()];
      const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(text);
      if (!plan.ok()) return;
      ++found_.tested;
      Judge(RunFaultyTrial(open_, image.image, recording_.log, obligations_,
                           Combined(base_.seed, image.image.hash()), *plan)
                .violation,
            text);
    }
  }

  // True: there was a violation. Only one of the known rule is what is searched for.
  bool Judge(const std::optional<Violation>& violation, const std::string& recovery_faults = {}) {
    if (!violation.has_value()) return false;
    if (violation->rule != known_.violation.rule) return true;
    Failure failure;
    failure.failing = base_;
    failure.failing.crashes = crashes_;
    failure.failing.recovery_faults = recovery_faults;
    failure.violation = *violation;
    failure.expected = violation->expected;
    failure.got = violation->got;
    found_.failure = std::move(failure);
    return true;
  }

  const Case& base_;
  const Failure& known_;
  const uint64_t states_;
  const CheckKind check_;
  const std::vector<Place> places_;  // of the known crashes
  const Opener open_;
  Recording recording_;
  DistinctSet distinct_;
  uint64_t round_ = 0;
  Obligations obligations_;           // of the moment at hand
  std::vector<Case::Crash> crashes_;  // on the way to the state at hand
  ShrinkTools::Found found_;
};

}  // namespace

ShrinkTools::Found FindAlike(const OpenerFor& open_for, const Case& base, const Failure& known,
                             uint64_t states) {
  return Search(open_for, base, known, states).Run();
}

}  // namespace lumen::crash
