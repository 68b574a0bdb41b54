#include "server/call_loops.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/signals_blocked.h"

namespace lumen {
namespace {

constexpr int kThreadsPerQueue = 2;
constexpr int kMostQueues = 8;
// Commits are not put off for longer than this by events that are ready.
constexpr std::chrono::milliseconds kCommitDelay(2);

int QueueCount(int at_least) {
  const int wanted = static_cast<int>(std::thread::hardware_concurrency()) / 4;
  return std::max(at_least, std::min(wanted, kMostQueues));
}

}  // namespace

void CallLoops::Queue::Wake() {
  if (woken_.exchange(true)) return;
  alarm_.Set(events_.get(), gpr_time_0(GPR_CLOCK_REALTIME), tag());
}

// An exchange, so that it sees what was posted before a Wake that found one under way.
void CallLoops::Queue::Happen(bool /*ok*/) { woken_.exchange(false); }

void CallLoops::AddQueues(grpc::ServerBuilder& builder, int at_least) {
  for (int i = QueueCount(at_least); i > 0; --i) queues_.emplace_back(builder.AddCompletionQueue());
}

void CallLoops::Start(const std::vector<CallSource*>& sources) {
  const SignalsBlocked signals_blocked;
  for (Queue& queue : queues_) {
    for (CallSource* source : sources) source->AwaitCalls(*this, queue.events());
    for (int i = 0; i < kThreadsPerQueue; ++i) {
      std::thread& thread = threads_.emplace_back([this, &queue] { Run(queue); });
      pthread_setname_np(thread.native_handle(), "lumen-serve");
    }
  }
  if (commits_ != nullptr) commits_->Attach([this] { WakeOne(); });
}

// Where nobody is idle, everybody looks for commits before waiting.
void CallLoops::WakeOne() {
  for (Queue& queue : queues_) {
    if (queue.idle.load() > 0) return queue.Wake();
  }
}

void CallLoops::StopTaking() {
  taking_.store(false);
  while (asking_.load() > 0) std::this_thread::yield();
}

void CallLoops::Left() {
  if (rpcs_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  MutexLock lock(mutex_);
  none_left_.NotifyAll();
}

void CallLoops::Stop() {
  {
    MutexLock lock(mutex_);
    while (rpcs_.load(std::memory_order_acquire) > 0) none_left_.Wait(mutex_);
  }
  if (commits_ != nullptr) commits_->Detach();
  // No RPC is left that could begin something on a queue.
  for (Queue& queue : queues_) queue.events().Shutdown();
  for (std::thread& thread : threads_) thread.join();
}

void CallLoops::Run(Queue& queue) {
  using Clock = std::chrono::steady_clock;
  if (commits_ != nullptr) commits_->BecomeLoop();
  while (true) {
    Came came = Await(queue);
    // What has come by now is part of the next group.
    const auto put_off_since = Clock::now();
    while (came == Came::kEvent && HasCommits() && Clock::now() - put_off_since < kCommitDelay) {
      came = Handle(Next(queue, gpr_time_0(GPR_CLOCK_REALTIME)));
    }
    if (came == Came::kEnd) return;
    if (HasCommits()) commits_->RunOne();
  }
}

CallLoops::Came CallLoops::Await(Queue& queue) {
  queue.idle.fetch_add(1);
  // Whoever posts one later sees an idle thread.
  const gpr_timespec until =
      HasCommits() ? gpr_time_0(GPR_CLOCK_REALTIME) : gpr_inf_future(GPR_CLOCK_REALTIME);
  const Event event = Next(queue, until);
  queue.idle.fetch_sub(1);
  return Handle(event);
}

CallLoops::Event CallLoops::Next(Queue& queue, gpr_timespec until) {
  void* tag = nullptr;
  Event event;
  switch (queue.events().AsyncNext(&tag, &event.ok, until)) {
    case grpc::CompletionQueue::GOT_EVENT:
      event.came = Came::kEvent;
      event.to = &QueueEvent::Of(tag);
      break;
    case grpc::CompletionQueue::TIMEOUT:
      event.came = Came::kNothing;
      break;
    case grpc::CompletionQueue::SHUTDOWN:
      event.came = Came::kEnd;
  }
  return event;
}

CallLoops::Came CallLoops::Handle(const Event& event) {
  if (event.came == Came::kEvent) event.to->Happen(event.ok);
  return event.came;
}

}  // namespace lumen
