#include "proptests/lumen_crash/campaign.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen::crash {
namespace {

using Clock = std::chrono::steady_clock;
using ExploreFunction = std::function<Totals(const ExploreSettings&, const ExploreEvents&)>;

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr int64_t kLeastSliceNs = 20'000'000;

struct Task {
  size_t profile = 0;  // into CampaignSettings::profiles
  Suite::Pass pass;
  Shard shard;
  uint64_t states = 0;
};

// What a thread does now.
struct Slot {
  std::optional<size_t> profile;  // nothing: none, or done
  Totals latest;
  bool told = false;  // `latest` is newer than what the events were told
  Clock::time_point heard;
};

// Shared with the threads, and outlives this function where one of them hangs.
struct Shared {
  CampaignSettings settings;
  ExploreFunction explore;
  Clock::time_point began = Clock::now();
  std::atomic<bool> stop = false;

  std::mutex mutex;
  std::condition_variable changed;
  // All below: guarded by `mutex`.
  std::deque<Task> waiting;
  std::vector<Slot> slots;
  std::vector<ProfileReport> profiles;
  std::vector<size_t> tasks_left;  // by profile
  std::deque<ProfileReport> done;  // for profile_done, without hashes
  std::deque<Failure> failures;    // for the event
  uint64_t failures_seen = 0;
  uint64_t hashes_kept = 0;
  bool hashes_dropped = false;
  size_t running = 0;
};

uint64_t PartsOf(const CampaignSettings& settings) {
  const uint64_t tasks = settings.profiles.size() * settings.passes.size();
  return std::max<uint64_t>(1, (settings.jobs + tasks - 1) / tasks);
}

uint64_t StatesOf(const CampaignSettings& settings, const Suite::Pass& pass, uint64_t parts) {
  if (settings.states == 0) return 0;
  uint64_t weights = 0;
  for (const Suite::Pass& each : settings.passes) weights += each.weight;
  const uint64_t shares = weights * settings.profiles.size() * parts;
  return std::max<uint64_t>(1, (settings.states * pass.weight + shares - 1) / shares);
}

std::deque<Task> MakeTasks(const CampaignSettings& settings) {
  const uint64_t parts = PartsOf(settings);
  std::deque<Task> tasks;
  for (size_t profile = 0; profile < settings.profiles.size(); ++profile) {
    for (const Suite::Pass& pass : settings.passes) {
      for (uint64_t part = 0; part < parts; ++part) {
        tasks.push_back({.profile = profile,
                         .pass = pass,
                         .shard = PartOf(settings.shard, part, parts),
                         .states = StatesOf(settings, pass, parts)});
      }
    }
  }
  return tasks;
}

// What is left, shared by weight among those that wait: a task that ends early leaves its rest to
// the others. With the lock.
int64_t SliceOf(const Shared& shared, const Task& task) {
  if (shared.settings.time_ns == 0) return 0;
  const int64_t left =
      shared.settings.time_ns -
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - shared.began).count();
  uint64_t weights = task.pass.weight;
  for (const Task& other : shared.waiting) weights += other.pass.weight;
  const double share =
      static_cast<double>(task.pass.weight * shared.settings.jobs) / static_cast<double>(weights);
  const auto slice = static_cast<int64_t>(static_cast<double>(left) * std::min(1.0, share));
  return std::max(slice, kLeastSliceNs);
}

ExploreSettings SettingsOf(const Shared& shared, const Task& task) {
  const CampaignSettings& settings = shared.settings;
  ExploreSettings explore;
  explore.profile = settings.profiles[task.profile];
  explore.seed = settings.seed;
  explore.states = task.states;
  explore.time_ns = SliceOf(shared, task);
  explore.max_failures = settings.max_failures;
  explore.least_steps = task.pass.least_steps;
  explore.most_steps = task.pass.most_steps;
  explore.faults = settings.faults;
  explore.fault_plan = settings.fault_plan;
  explore.shard = task.shard.index;
  explore.shards = task.shard.count;
  explore.stop = &shared.stop;
  return explore;
}

void TakeFailure(Shared& shared, const Failure& failure) {
  const std::lock_guard lock(shared.mutex);
  ++shared.failures_seen;
  if (shared.settings.max_failures > 0) {
    // Other threads may still be on their way to one more.
    if (shared.failures_seen > shared.settings.max_failures) return;
    if (shared.failures_seen == shared.settings.max_failures) shared.stop = true;
  }
  shared.failures.push_back(failure);
  shared.changed.notify_all();
}

void KeepHashes(Shared& shared, std::vector<uint64_t> hashes, ProfileReport& report) {
  if (!shared.hashes_dropped && shared.hashes_kept + hashes.size() <= kMaxKeptHashes) {
    shared.hashes_kept += hashes.size();
    AddHashes(std::move(hashes), report);
    return;
  }
  shared.hashes_dropped = true;
  for (ProfileReport& profile : shared.profiles) profile.hashes = {};
}

void Finish(Shared& shared, size_t slot, const Task& task, const Totals& totals,
            std::vector<uint64_t> hashes) {
  const std::lock_guard lock(shared.mutex);
  ProfileReport& report = shared.profiles[task.profile];
  const uint64_t distinct_before = report.totals.distinct;
  AddTotals(totals, report.totals);
  if (hashes.size() == totals.distinct && report.hashes.size() == distinct_before) {
    KeepHashes(shared, std::move(hashes), report);
  }
  shared.slots[slot].profile.reset();
  if (--shared.tasks_left[task.profile] == 0) {
    shared.done.push_back({.profile = report.profile, .totals = report.totals, .hashes = {}});
  }
}

void Work(const std::shared_ptr<Shared>& shared, size_t slot) {
  for (;;) {
    Task task;
    ExploreSettings settings;
    {
      const std::lock_guard lock(shared->mutex);
      if (shared->waiting.empty() || shared->stop) break;
      task = shared->waiting.front();
      shared->waiting.pop_front();
      settings = SettingsOf(*shared, task);
      shared->slots[slot] = {.profile = task.profile, .latest = {}, .heard = Clock::now()};
    }
    std::vector<uint64_t> hashes;
    ExploreEvents events;
    events.distinct = [&hashes](uint64_t hash) {
      if (hashes.size() <= kMaxKeptHashes) hashes.push_back(hash);
    };
    events.failure = [&shared](const Failure& failure) { TakeFailure(*shared, failure); };
    events.progress = [&shared, slot](const Totals& totals) {
      const std::lock_guard lock(shared->mutex);
      Slot& mine = shared->slots[slot];
      mine.latest = totals;
      mine.told = true;
      mine.heard = Clock::now();
    };
    const Totals totals = shared->explore(settings, events);
    Finish(*shared, slot, task, totals, std::move(hashes));
    shared->changed.notify_all();
  }
  const std::lock_guard lock(shared->mutex);
  --shared->running;
  shared->changed.notify_all();
}

// The caller's side.
class Supervisor {
 public:
  Supervisor(const CampaignSettings& settings, const ExploreFunction& explore,
             const CampaignEvents& events)
      : shared_(std::make_shared<Shared>()), events_(events) {
    shared_->settings = settings;
    shared_->explore = explore;
    shared_->waiting = MakeTasks(settings);
    shared_->tasks_left.assign(settings.profiles.size(),
                               settings.passes.size() * PartsOf(settings));
    for (const faultfs::Profile profile : settings.profiles) {
      shared_->profiles.push_back(
          {.profile = std::string(ProfileName(profile)), .totals = {}, .hashes = {}});
    }
    const size_t threads = std::min<size_t>(settings.jobs, shared_->waiting.size());
    shared_->slots.resize(threads);
    shared_->running = threads;
    for (size_t slot = 0; slot < threads; ++slot) {
      threads_.emplace_back([shared = shared_, slot] { Work(shared, slot); });
    }
  }

  CampaignResult Run() {
    std::unique_lock lock(shared_->mutex);
    while (shared_->running > 0 && !result_.abandoned) {
      shared_->changed.wait_for(lock, kLook);
      LookAtClock();
      LookForHang();
      Tell(lock);
    }
    Tell(lock);
    lock.unlock();
    for (std::thread& thread : threads_) {
      result_.abandoned ? thread.detach() : thread.join();
    }
    Conclude();
    return std::move(result_);
  }

 private:
  void Stop() {
    if (!stopped_.has_value()) stopped_ = Clock::now();
    shared_->stop = true;
  }
  void LookAtClock() {
    const CampaignSettings& settings = shared_->settings;
    const int signal = settings.signal == nullptr ? 0 : settings.signal->load();
    if (signal != 0 && !interrupted_) {
      interrupted_ = true;
      result_.problems.push_back(absl::StrCat("stopped by signal ", signal,
                                              " before it was done: the counts are partial"));
      Stop();
    }
    // The explorers watch their slices themselves; this is for one that does not.
    const auto limit = std::chrono::nanoseconds(settings.time_ns) + std::chrono::seconds(1);
    if (settings.time_ns > 0 && Clock::now() - shared_->began > limit) Stop();
    if (shared_->stop) Stop();
  }
  void LookForHang() {
    const auto hang = std::chrono::nanoseconds(shared_->settings.hang_ns);
    const Clock::time_point now = Clock::now();
    for (const Slot& slot : shared_->slots) {
      if (!slot.profile.has_value()) continue;
      const bool silent = now - slot.heard > hang;
      if (!silent && !(stopped_.has_value() && now - *stopped_ > hang)) continue;
      Stop();
      result_.abandoned = true;
      // What the thread has tested does count; that it goes on hanging is not waited for.
      AddTotals(slot.latest, shared_->profiles[*slot.profile].totals);
      result_.problems.push_back(absl::StrCat(
          shared_->profiles[*slot.profile].profile, ": no sign of life for ",
          shared_->settings.hang_ns / 1'000'000, " ms, in or after case ", slot.latest.cases,
          " of its shard: a recovery hangs, or a limit is too low (--hang-after)"));
    }
  }
  // Events are told without the lock.
  void Tell(std::unique_lock<std::mutex>& lock) {
    std::vector<std::pair<std::string, Totals>> progress;
    for (Slot& slot : shared_->slots) {
      if (!slot.told || !slot.profile.has_value()) continue;
      slot.told = false;
      progress.emplace_back(shared_->profiles[*slot.profile].profile, slot.latest);
    }
    const std::deque<Failure> failures = std::exchange(shared_->failures, {});
    const std::deque<ProfileReport> done = std::exchange(shared_->done, {});
    lock.unlock();
    for (const auto& [profile, totals] : progress) {
      if (events_.progress) events_.progress(profile, totals);
    }
    for (const Failure& failure : failures) {
      if (events_.failure) events_.failure(failure);
    }
    for (const ProfileReport& report : done) {
      if (events_.profile_done) events_.profile_done(report);
    }
    lock.lock();
  }
  void Conclude() {
    const std::lock_guard lock(shared_->mutex);
    result_.profiles = shared_->profiles;
    for (const ProfileReport& report : result_.profiles) {
      if (report.totals.distinct > 0 || report.totals.violations > 0) continue;
      result_.problems.push_back(report.profile + ": no state was tested");
    }
    if (!shared_->hashes_dropped) return;
    result_.problems.push_back(absl::StrCat(
        "more than ", kMaxKeptHashes,
        " states: their hashes were not kept, and states met twice may be counted twice; run it in "
        "more shards"));
  }

  std::shared_ptr<Shared> shared_;
  CampaignEvents events_;
  CampaignResult result_;
  std::vector<std::thread> threads_;
  std::optional<Clock::time_point> stopped_;
  bool interrupted_ = false;
};

}  // namespace

CampaignResult RunCampaign(const CampaignSettings& settings, const ExploreFunction& explore,
                           const CampaignEvents& events) {
  return Supervisor(settings, explore, events).Run();
}

}  // namespace lumen::crash
