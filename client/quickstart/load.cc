#include "client/quickstart/load.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status_text.h"

namespace lumen::quickstart {
namespace {

constexpr size_t kMaxViolations = 20;
// Of 10 operations. What is left are puts, most of them overwrites: a lane has few keys.
constexpr uint64_t kDeletes = 2;
constexpr uint64_t kGets = 1;

}  // namespace

void Phase::Report(const std::string& violation) {
  MutexLock lock(mutex_);
  if (violations_.size() < kMaxViolations) violations_.push_back(violation);
}

void Phase::FinishLane() {
  MutexLock lock(mutex_);
  --lanes_left_;
  changed_.NotifyAll();
}

bool Phase::WaitForLanes(std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mutex_);
  while (lanes_left_ > 0) {
    if (std::chrono::steady_clock::now() >= end) return false;
    changed_.WaitUntil(mutex_, end);
  }
  return true;
}

std::vector<std::string> Phase::Violations() {
  MutexLock lock(mutex_);
  return violations_;
}

Lane::Lane(int client, int lane, int keys, uint64_t seed) : client_(client), random_(seed) {
  for (int i = 0; i < keys; ++i) {
    histories_.emplace_back(absl::StrFormat("c%02d.l%02d.k%03d", client, lane, i));
  }
}

void Lane::StartLoad(Client& client, std::shared_ptr<Phase> phase) {
  Issue({.client = &client, .phase = std::move(phase)});
}

void Lane::StartCheck(Client& client, std::shared_ptr<Phase> phase) {
  Check({.client = &client, .phase = std::move(phase)}, 0);
}

void Lane::Issue(const Run& run) {
  if (run.phase->stopping) return run.phase->FinishLane();
  History& history = histories_[random_.Below(histories_.size())];
  const uint64_t choice = random_.Below(10);
  ++run.phase->in_flight;
  if (choice < kDeletes) return IssueDelete(run, history);
  if (choice < kDeletes + kGets) return IssueGet(run, history);
  IssuePut(run, history);
}

void Lane::IssuePut(const Run& run, History& history) {
  const Version version{.client = client_, .counter = ++counter_, .is_put = true};
  history.Issue(version);
  run.client->PutAsync(history.key(), ValueOf(history.key(), version),
                       [this, run, &history](const absl::Status& status) {
                         --run.phase->in_flight;
                         if (!status.ok()) return Fail(run, history, status, true);
                         history.Acknowledge();
                         ++run.phase->acknowledged;
                         Issue(run);
                       });
}

void Lane::IssueDelete(const Run& run, History& history) {
  const bool present = history.present();
  history.Issue({.client = client_, .counter = ++counter_, .is_put = false});
  run.client->DeleteAsync(
      history.key(), [this, run, &history, present](const absl::StatusOr<bool>& existed) {
        --run.phase->in_flight;
        if (!existed.ok()) return Fail(run, history, existed.status(), true);
        if (*existed != present) {
          run.phase->Report(absl::StrCat("key ", history.key(), ": delete says it ",
                                         *existed ? "existed" : "did not exist",
                                         ", and that is wrong"));
        }
        history.Acknowledge();
        ++run.phase->acknowledged;
        Issue(run);
      });
}

void Lane::IssueGet(const Run& run, History& history) {
  run.client->GetAsync(history.key(), [this, run, &history](
                                          const absl::StatusOr<std::optional<std::string>>& found) {
    --run.phase->in_flight;
    if (!found.ok()) return Fail(run, history, found.status(), false);
    if (const auto wrong = history.Settle(*found)) run.phase->Report(*wrong);
    ++run.phase->acknowledged;
    Issue(run);
  });
}

void Lane::Fail(const Run& run, History& history, const absl::Status& status, bool is_write) {
  if (!run.phase->killed) {
    run.phase->Report(absl::StrCat("a living server answered: ", StatusText(status)));
  }
  if (is_write) {
    history.LeaveInDoubt();
    ++run.phase->in_doubt;
  }
  run.phase->FinishLane();
}

void Lane::Check(const Run& run, size_t index) {
  if (index == histories_.size()) return run.phase->FinishLane();
  History& history = histories_[index];
  run.client->GetAsync(history.key(), [this, run, &history, index](
                                          const absl::StatusOr<std::optional<std::string>>& found) {
    if (!found.ok()) {
      run.phase->Report(
          absl::StrCat("key ", history.key(), ": cannot be read: ", StatusText(found.status())));
      return run.phase->FinishLane();
    }
    if (const auto wrong = history.Settle(*found)) run.phase->Report(*wrong);
    ++run.phase->keys_checked;
    if (found->has_value()) ++run.phase->keys_present;
    Check(run, index + 1);
  });
}

}  // namespace lumen::quickstart
