#include "engine/env/simulated_executor.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace lumen {
namespace {

constexpr uint64_t kMostNanosPerPiece = 10'000;
constexpr uint64_t kStream = 1;  // of the seed; the environment's random numbers are stream 0

constexpr std::array<size_t, kPriorities> kMostStarted = {2, 2, 1, 1, 1};

}  // namespace

SimulatedExecutor::SimulatedExecutor(uint64_t seed, VirtualClock& clock)
    : clock_(clock), random_(seed, kStream) {}

// A step's destructor may still post; that is dropped at once.
SimulatedExecutor::~SimulatedExecutor() { stopping_ = true; }

void SimulatedExecutor::Post(Priority priority, std::unique_ptr<Step> step) {
  if (!stopping_) LaneOf(priority).waiting.push_back(std::move(step));
}

void SimulatedExecutor::PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) {
  if (stopping_) return;
  delayed_.emplace(clock_.NowNanos() + delay_ns, Delayed{priority, std::move(step)});
}

void SimulatedExecutor::Await(Completion& completion) {
  for (int64_t pieces = 0; !completion.fired(); pieces++) {
    if (pieces == kMostPiecesPerCall) Fail("Await: the completion never fired");
    if (!RunOne()) Fail("Await: nothing is left that could fire the completion");
  }
}

void SimulatedExecutor::RunUntilIdle() {
  for (int64_t pieces = 0; RunOne(); pieces++) {
    if (pieces == kMostPiecesPerCall) Fail("RunUntilIdle: never idle");
  }
}

bool SimulatedExecutor::RunOne() {
  CHECK(!running_);
  PostWhatIsDue();
  Lane* lane;
  size_t place;
  if (!Choose(&lane, &place)) {
    if (delayed_.empty()) return false;
    clock_.AdvanceTo(delayed_.begin()->first);
    PostWhatIsDue();
    CHECK(Choose(&lane, &place));
  }
  RunPiece(*lane, place);
  clock_.SleepNanos(static_cast<int64_t>(1 + random_.Below(kMostNanosPerPiece)));
  return true;
}

void SimulatedExecutor::PostWhatIsDue() {
  while (!delayed_.empty() && delayed_.begin()->first <= clock_.NowNanos()) {
    Delayed due = std::move(delayed_.extract(delayed_.begin()).mapped());
    Post(due.priority, std::move(due.step));
  }
}

bool SimulatedExecutor::Choose(Lane** lane, size_t* place) {
  const auto can_start = [](const Lane& at, size_t priority) {
    return !at.waiting.empty() && at.started.size() < kMostStarted[priority];
  };
  size_t choices = 0;
  for (size_t i = 0; i < lanes_.size(); i++) {
    choices += lanes_[i].started.size() + (can_start(lanes_[i], i) ? 1 : 0);
  }
  if (choices == 0) return false;
  size_t choice = static_cast<size_t>(random_.Below(choices));
  for (size_t i = 0;; i++) {
    *lane = &lanes_[i];
    *place = choice;
    if (choice < lanes_[i].started.size()) return true;
    choice -= lanes_[i].started.size();
    if (!can_start(lanes_[i], i)) continue;
    if (choice == 0) break;
    choice--;
  }
  *place = (*lane)->started.size();
  (*lane)->started.push_back(std::move((*lane)->waiting.front()));
  (*lane)->waiting.erase((*lane)->waiting.begin());
  return true;
}

// Posting, which Run may do, changes `waiting` and `delayed_` only.
void SimulatedExecutor::RunPiece(Lane& lane, size_t place) {
  Step& step = *lane.started[place];
  last_names_[pieces_run_++ % last_names_.size()] = step.name();
  running_ = true;
  const StepResult result = step.Run(1);
  if (result != StepResult::kMore) {
    const std::unique_ptr<Step> finished = std::move(lane.started[place]);
    lane.started.erase(lane.started.begin() + static_cast<ptrdiff_t>(place));
  }
  running_ = false;
}

void SimulatedExecutor::Fail(const std::string& what) const {
  std::string message = what + ". Ran last:";
  for (size_t i = pieces_run_ - std::min(pieces_run_, last_names_.size()); i < pieces_run_; ++i) {
    message += " " + last_names_[i % last_names_.size()];
  }
  message += ". Pending:";
  for (const Lane& lane : lanes_) {
    for (const auto& step : lane.started) message.append(" ").append(step->name());
    for (const auto& step : lane.waiting) message.append(" ").append(step->name());
  }
  for (const auto& [time_ns, delayed] : delayed_) {
    message.append(" ").append(delayed.step->name()).append(" (delayed)");
  }
  CheckFailed(__FILE__, __LINE__, message.c_str());
}

}  // namespace lumen
