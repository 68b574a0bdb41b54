#include "server/slow_requests.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lumen {
namespace {

constexpr int64_t kBetweenWarningsMs = 1000;

double Milliseconds(CallTimes::Time from, CallTimes::Time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

int64_t SinceStart(CallTimes::Time time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

void SlowRequests::Judge(const char* method, const CallTimes& times,
                         const std::function<std::string()>& describe) {
  if (options_.longer_than == std::chrono::milliseconds::zero() || !options_.warn) return;
  if (times.done - times.arrived < options_.longer_than) return;
  int64_t next = next_warning_ms_.load(std::memory_order_relaxed);
  const int64_t now = SinceStart(times.done);
  if (now < next || !next_warning_ms_.compare_exchange_strong(next, now + kBetweenWarningsMs)) {
    unsaid_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const uint64_t unsaid = unsaid_.exchange(0);
  options_.warn(absl::StrCat(
      absl::StrFormat("slow request: %s took %.1f ms: %.1f ms until it was handed on, %.1f ms in "
                      "the engine, %.1f ms until the answer was sent; %s",
                      method, Milliseconds(times.arrived, times.done),
                      Milliseconds(times.arrived, times.handed),
                      Milliseconds(times.handed, times.answered),
                      Milliseconds(times.answered, times.done), describe()),
      unsaid == 0 ? "" : absl::StrCat("; ", unsaid, " more since the last such warning")));
}

}  // namespace lumen
