#include "proptests/harness/exploration.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "proptests/harness/checkpoint_trial.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/fault_choice.h"
#include "proptests/harness/hashing.h"

namespace lumen::crash {
namespace {

using faultfs::CrashImage;
using faultfs::CrashSpace;
using faultfs::DiskState;

// How often; out of so many states.
constexpr uint64_t kExerciseEvery = 16;
constexpr uint64_t kCrashRecoveryEvery = 160;
// Where only what is synced survives, most crashes of a recovery leave what it began with.
constexpr uint64_t kCrashRecoveryOfSyncedEvery = 20;
constexpr uint64_t kFaultyRecoveryEvery = 64;
constexpr uint64_t kCheckpointsEvery = 8;

constexpr size_t kMostRecoveryCrashes = 2;
// Where no more images than this are possible, all of them are tested.
constexpr size_t kFewPending = 3;
constexpr uint64_t kFewImages = 8;
constexpr uint64_t kSystematicEvery = 8;  // moments
constexpr uint64_t kMostSystematic = 32;
constexpr uint64_t kSamples = 3;
constexpr uint64_t kRecoverySamples = 1;
constexpr uint64_t kExhaustSamples = 64;
// Beyond so many (24 bytes each), what other workloads share is visited again, and found tested.
constexpr size_t kMostRemembered = size_t{1} << 20;

constexpr uint64_t kTestsBetweenClocks = 16;
constexpr auto kBetweenReports = std::chrono::milliseconds(250);

uint64_t HashOf(const std::vector<DiskState::Zombie>& zombies) {
  uint64_t hash = 0;
  for (const DiskState::Zombie& zombie : zombies) {
    hash = crash::HashOf(*zombie.bytes, Combined(hash, Combined(zombie.inode, zombie.sector)));
  }
  return hash;
}

}  // namespace

Exploration::Exploration(const ExploreSettings& settings, const ExploreEvents& events,
                         OpenerFor open_for)
    : settings_(settings),
      events_(events),
      open_for_(std::move(open_for)),
      began_(std::chrono::steady_clock::now()),
      told_(began_) {}

double Exploration::Seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

const Totals& Exploration::totals() {
  totals_.seconds = Seconds();
  return totals_;
}

void Exploration::Tell() {
  if (tests_until_clock_-- > 0) return;
  tests_until_clock_ = kTestsBetweenClocks;
  const auto now = std::chrono::steady_clock::now();
  out_of_time_ =
      settings_.time_ns > 0 && now - began_ >= std::chrono::nanoseconds(settings_.time_ns);
  if (!events_.progress || now - told_ < kBetweenReports) return;
  told_ = now;
  events_.progress(totals());
}

bool Exploration::over() {
  Tell();
  return out_of_time_ || distinct_.full() ||
         (settings_.stop != nullptr && settings_.stop->load(std::memory_order_relaxed)) ||
         (settings_.states > 0 && totals_.distinct >= settings_.states) ||
         (settings_.max_failures > 0 && totals_.violations >= settings_.max_failures);
}

void Exploration::Explore(const Case& base, const ExhaustBounds* bounds, bool repeat) {
  failed_ = false;
  crashes_.clear();
  ++totals_.cases;
  const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(base.faults);
  const Opener open = open_for_(base.workload);
  Recording recording;
  Subject subject{base, recording, open, bounds, repeat};
  if (!plan.ok()) {
    return Report(subject, {.rule = kBrokenHarness, .what = std::string(plan.status().message())});
  }
  const RecordSettings settings{.seed = base.seed, .plan = &*plan};
  recording = Record(base.workload, settings);
  if (repeat) {
    ++totals_.repeated;
    if (Record(base.workload, settings).trace_hash != recording.trace_hash) {
      return Report(subject, {.rule = kBrokenHarness, .what = "two runs of one workload differ"});
    }
  }
  CountFaults(*plan, recording.fault_counts);
  for (const auto& [event, times] : recording.coverage) totals_.coverage[event] += times;
  if (recording.violation.has_value()) return Report(subject, *recording.violation);
  Crash(subject);
}

void Exploration::CountFaults(const faultfs::FaultPlan& plan,
                              const std::vector<faultfs::FaultCount>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) {
    FaultTotals& totals = totals_.faults[plan.rules()[i].name];
    totals.armed += counts[i].armed;
    totals.fired += counts[i].fired;
    totals.changed += counts[i].changed;
    totals.observed += counts[i].observed;
  }
}

void Exploration::Crash(Subject& subject) {
  const Recording& recording = subject.recording;
  DiskState state(subject.base.profile, recording.start);
  uint64_t trace_hash = 0;
  for (uint64_t point = 0;; ++point) {
    if (point < recording.history.size()) state.Begin(recording.history[point]);
    const Obligations obligations = recording.ObligationsAt(point, subject.base.profile);
    const CrashSpace space(state, subject.base.seed, state.unlinked());
    CountPoint(VisitPoint(subject,
                          {space, point, obligations, nullptr, Combined(subject.base.seed, point)},
                          trace_hash, state.under_way()));
    if (failed_ || over() || point == recording.history.size()) return;
    if (subject.bounds != nullptr) {
      trace_hash = OperationHash(recording.history[point], trace_hash);
    }
    state.Apply(recording.history[point]);
  }
}

void Exploration::CountPoint(Visited visited) {
  ++totals_.crash_points;
  totals_.exhaustive_points += visited == Visited::kAll ? 1 : 0;
  totals_.many_pending_points += visited == Visited::kOfManyPending ? 1 : 0;
  totals_.many_images_points += visited == Visited::kOfManyImages ? 1 : 0;
}

// After the same operations, and in the same one, the same images are legal: where the same is
// demanded of them, too, an earlier workload's crash has tested them all.
Exploration::Visited Exploration::VisitPoint(Subject& subject, const Moment& moment,
                                             uint64_t trace_hash,
                                             const faultfs::PendingOperation* under_way) {
  if (subject.bounds == nullptr) return VisitImages(subject, moment);
  uint64_t moment_hash = Combined(trace_hash, moment.obligations.hash());
  if (under_way != nullptr) moment_hash = OperationHash(under_way->operation, moment_hash);
  if (const auto before = visited_.find(moment_hash); before != visited_.end()) {
    return before->second;
  }
  const Visited visited = VisitImages(subject, moment);
  if (!failed_ && !over() && visited_.size() < kMostRemembered) {
    visited_.emplace(moment_hash, visited);
  }
  return visited;
}

Exploration::Visited Exploration::VisitImages(Subject& subject, const Moment& moment) {
  const CrashSpace& space = moment.space;
  const size_t choices = space.choices();
  if (choices == 0) {
    Visit(subject, moment, space.Sample(0));
    return Visited::kAll;
  }
  const auto take = [&](const CrashImage& image) {
    Visit(subject, moment, image);
    return !failed_ && !over();
  };
  const bool exhaustive = subject.bounds != nullptr && moment.before == nullptr;
  const size_t most_pending = exhaustive ? subject.bounds->most_pending : kFewPending;
  const uint64_t most_images = exhaustive ? subject.bounds->most_images : kFewImages;
  if (choices <= most_pending && space.Enumerate(most_images, take)) {
    return failed_ || over() ? Visited::kSome : Visited::kAll;
  }
  if (exhaustive || moment.seed % kSystematicEvery == 0) {
    uint64_t taken = 0;
    space.Systematic([&](const CrashImage& image) {
      return take(image) && (exhaustive || ++taken < kMostSystematic);
    });
  }
  const uint64_t samples = exhaustive                 ? kExhaustSamples
                           : moment.before != nullptr ? kRecoverySamples
                                                      : kSamples;
  for (uint64_t i = 0; i < samples && !failed_ && !over(); ++i) {
    Visit(subject, moment, space.Sample(Combined(moment.seed, i)));
  }
  if (!exhaustive || failed_ || over()) return Visited::kSome;
  return choices > most_pending ? Visited::kOfManyPending : Visited::kOfManyImages;
}

void Exploration::Visit(Subject& subject, const Moment& moment, const CrashImage& image) {
  ++totals_.generated;
  const Recording& recording = subject.recording;
  if (crashes_.empty() && recording.DamagedBefore(moment.point, faultfs::FileRole::kWal)) {
    Obligations excused = moment.obligations;
    ExcuseTornDamage(recording.HarmsBefore(moment.point), image.image, recording.log, excused);
    return VisitAs(subject, {moment.space, moment.point, excused, moment.before, moment.seed},
                   image);
  }
  VisitAs(subject, moment, image);
}

void Exploration::VisitAs(Subject& subject, const Moment& moment, const CrashImage& image) {
  const uint64_t state_hash =
      Combined(Combined(image.image.hash(), moment.obligations.hash()), HashOf(image.zombies));
  if (!distinct_.Insert(state_hash)) return;
  ++totals_.distinct;
  if (events_.distinct) events_.distinct(state_hash);
  crashes_.push_back({moment.point, image.survivors});
  Test(subject, moment, image, state_hash);
  crashes_.pop_back();
}

void Exploration::Test(Subject& subject, const Moment& moment, const CrashImage& image,
                       uint64_t state_hash) {
  const WriteLog& log = subject.recording.log;
  const bool exercise = state_hash % kExerciseEvery == 0;
  const bool synced_only = subject.base.profile == faultfs::Profile::kDropUnsynced;
  const uint64_t every = synced_only ? kCrashRecoveryOfSyncedEvery : kCrashRecoveryEvery;
  const bool crash_again =
      crashes_.size() <= kMostRecoveryCrashes && Mixed(state_hash) % every == 0;
  const TrialSettings settings{
      .seed = Combined(subject.base.seed, image.image.hash()),
      .exercise = exercise,
      .keep_recovered = exercise || crash_again || moment.before != nullptr,
      .keep_history = crash_again,
      .trace = subject.repeat};
  const TrialResult result = RunTrial(subject.open, image.image, log, moment.obligations, settings);
  ++(result.refused ? totals_.refused : totals_.recovered);
  totals_.exercised += exercise ? 1 : 0;
  totals_.in_recovery += crashes_.size() > 1 ? 1 : 0;
  totals_.in_second_recovery += crashes_.size() > 2 ? 1 : 0;
  if (result.violation.has_value()) return Report(subject, *result.violation);
  // A zombie may land until the recovery has been served, but not in what it serves.
  if (moment.before != nullptr && subject.base.profile != faultfs::Profile::kZombie) {
    if (const auto differ = Same(*moment.before, result.recovered, 8)) {
      return Report(subject, *differ);
    }
  }
  if (exercise) {
    const TrialResult second = RunTrial(subject.open, image.image, log, moment.obligations,
                                        {.seed = settings.seed + 1, .keep_recovered = true});
    if (second.violation.has_value()) return Report(subject, *second.violation);
    if (const auto differ = Same(result.recovered, second.recovered, 7)) {
      return Report(subject, *differ);
    }
  }
  if (subject.repeat &&
      RunTrial(subject.open, image.image, log, moment.obligations, settings).trace_hash !=
          result.trace_hash) {
    return Report(subject, {.rule = kBrokenHarness, .what = "two recoveries of one seed differ"});
  }
  if (crashes_.size() == 1 && !moment.obligations.may_refuse &&
      Mixed(state_hash + 2) % kCheckpointsEvery == 0) {
    if (const auto violation = CheckCheckpoints(subject.base.workload, subject.recording,
                                                moment.point, image.image, settings.seed)) {
      return Report(subject, *violation);
    }
  }
  if (settings_.faults && Mixed(state_hash + 1) % kFaultyRecoveryEvery == 0) {
    TestWithFaults(subject, moment, image, settings.seed);
  }
  if (crash_again && !failed_) CrashRecovery(subject, moment, image, result);
}

void Exploration::CrashRecovery(Subject& subject, const Moment& moment, const CrashImage& image,
                                const TrialResult& first) {
  DiskState state(subject.base.profile, image.image, image.zombies);
  for (uint64_t point = 0; point < first.history.size(); ++point) {
    state.Apply(first.history[point]);
    if (point + 1 < first.history.size()) state.Begin(first.history[point + 1]);
    const CrashSpace space(state, subject.base.seed, state.unlinked());
    VisitImages(subject, {space, point + 1, moment.obligations, &first.recovered,
                          Combined(moment.seed, point)});
    if (failed_ || over()) return;
  }
}

void Exploration::TestWithFaults(Subject& subject, const Moment& moment, const CrashImage& image,
                                 uint64_t seed) {
  const std::string text = settings_.fault_plan.empty()
                               ? ChooseRecoveryFault(subject.base.profile, image.image, seed)
                               : settings_.fault_plan;
  const absl::StatusOr<faultfs::FaultPlan> plan = faultfs::FaultPlan::Parse(text);
  if (!plan.ok()) {
    return Report(subject, {.rule = kBrokenHarness, .what = std::string(plan.status().message())});
  }
  const FaultyTrialResult result = RunFaultyTrial(subject.open, image.image, subject.recording.log,
                                                  moment.obligations, seed, *plan);
  CountFaults(*plan, result.counts);
  if (result.violation.has_value()) Report(subject, *result.violation, text);
}

void Exploration::Report(const Subject& subject, Violation violation,
                         const std::string& recovery_faults) {
  failed_ = true;
  ++totals_.violations;
  if (!events_.failure) return;
  Failure failure;
  failure.failing = subject.base;
  failure.failing.crashes = crashes_;
  failure.failing.recovery_faults = recovery_faults;
  failure.expected = violation.expected;
  failure.got = violation.got;
  failure.violation = std::move(violation);
  events_.failure(failure);
}

}  // namespace lumen::crash
