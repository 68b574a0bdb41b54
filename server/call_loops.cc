#include "server/call_loops.h"

#include <pthread.h>

#include <algorithm>

namespace lumen {
namespace {

constexpr int kThreadsPerQueue = 2;
constexpr int kMostQueues = 8;
// Commits are not put off for more than this many events.
constexpr int kEventsBeforeCommit = 256;

int QueueCount() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 4, 1, kMostQueues);
}

}  // namespace

void CallLoops::Wake::Send(grpc::CompletionQueue& queue) {
  if (sent_.exchange(true)) return;
  alarm_.Set(&queue, gpr_time_0(GPR_CLOCK_REALTIME), static_cast<QueueEvent*>(this));
}

// An exchange, so that it sees what was posted before a Send that found one under way.
void CallLoops::Wake::Happen(bool /*ok*/) { sent_.exchange(false); }

CallLoops::CallLoops(LoopExecutor* commits) : commits_(commits) {}

CallLoops::~CallLoops() = default;

void CallLoops::AddQueues(grpc::ServerBuilder& builder) {
  for (int i = 0; i < QueueCount(); ++i) queues_.push_back(builder.AddCompletionQueue());
}

void CallLoops::Start(const std::vector<RpcService*>& services) {
  for (const auto& queue : queues_) {
    for (RpcService* service : services) service->AwaitCalls(*this, *queue);
    for (int i = 0; i < kThreadsPerQueue; ++i) {
      std::thread& thread = threads_.emplace_back([this, &queue] { Run(*queue); });
      pthread_setname_np(thread.native_handle(), "lumen-serve");
    }
  }
  if (commits_ != nullptr) commits_->Attach([this] { wake_.Send(*queues_.front()); });
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
  for (const auto& queue : queues_) queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
}

void CallLoops::Run(grpc::CompletionQueue& queue) {
  LoopExecutor::BecomeLoop();
  const gpr_timespec at_once = gpr_time_0(GPR_CLOCK_REALTIME);
  const gpr_timespec whenever = gpr_inf_future(GPR_CLOCK_REALTIME);
  for (int events = 0;;) {
    void* tag = nullptr;
    bool ok = false;
    const bool commits_wait = HasCommits();
    switch (queue.AsyncNext(&tag, &ok, commits_wait ? at_once : whenever)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return;
      case grpc::CompletionQueue::GOT_EVENT:
        static_cast<QueueEvent*>(tag)->Happen(ok);
        if (!commits_wait || ++events < kEventsBeforeCommit) continue;
        break;
      case grpc::CompletionQueue::TIMEOUT:
        break;
    }
    events = 0;
    if (commits_ != nullptr) commits_->RunOne();
  }
}

}  // namespace lumen
