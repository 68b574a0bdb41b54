#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "server/call_source.h"
#include "server/loop_executor.h"
#include "server/queue_event.h"

namespace lumen {

// The threads that serve all calls: each takes events from a completion queue and, when none is
// ready, does the engine's commits (LoopExecutor). Two threads share a queue, so that calls are
// taken while one of them waits for the disk.
//
// Ours and not those of gRPC's callback API, for which a write costs four hand-offs: from a thread
// of gRPC's to a commit thread and, for each answer, back.
class CallLoops {
 public:
  // Null: the engine's commits are none of the loops' business. Borrowed.
  explicit CallLoops(LoopExecutor* commits) : commits_(commits) {}
  // After Stop, or without Start.
  ~CallLoops() = default;
  CallLoops(const CallLoops&) = delete;
  CallLoops& operator=(const CallLoops&) = delete;

  // Before the server is built. More queues than the processors ask for are for tests.
  void AddQueues(grpc::ServerBuilder& builder, int at_least = 1);
  // After it has started. The sources outlive the loops.
  void Start(const std::vector<CallSource*>& sources);
  // Before gRPC shuts down. What was asked for already still comes, a few calls of each method;
  // others are gRPC's to refuse.
  void StopTaking();
  // After gRPC has shut down: waits for the end of every call, then ends the threads. Only once.
  void Stop();

  // For RPCs. Asks for the next call, unless StopTaking has been called: gRPC forgets what is asked
  // of it while it shuts down, so StopTaking waits for whoever is asking.
  template <typename Ask>
  void IfTaking(Ask ask) {
    asking_.fetch_add(1);
    if (taking_.load()) ask();
    asking_.fetch_sub(1);
  }
  void Entered() { rpcs_.fetch_add(1, std::memory_order_relaxed); }
  void Left();

 private:
  // A completion queue, and how to make one of the threads that wait for it look for commits.
  class Queue final : public QueueEvent {
   public:
    explicit Queue(std::unique_ptr<grpc::ServerCompletionQueue> events)
        : events_(std::move(events)) {}

    grpc::ServerCompletionQueue& events() { return *events_; }
    void Wake();
    void Happen(bool ok) override;

    // Threads that wait for an event, or are about to.
    std::atomic<int> idle{0};

   private:
    const std::unique_ptr<grpc::ServerCompletionQueue> events_;
    std::atomic<bool> woken_{false};
    grpc::Alarm alarm_;
  };
  enum class Came : uint8_t { kNothing, kEvent, kEnd };
  struct Event {
    Came came = Came::kEnd;
    QueueEvent* to = nullptr;
    bool ok = false;
  };

  void Run(Queue& queue);
  // Waits for an event, but not if there are commits to do, and handles it.
  Came Await(Queue& queue);
  static Event Next(Queue& queue, gpr_timespec until);
  static Came Handle(const Event& event);
  void WakeOne();
  bool HasCommits() const { return commits_ != nullptr && commits_->has_work(); }

  LoopExecutor* const commits_;
  std::atomic<bool> taking_{true};
  std::atomic<int> asking_{0};
  std::atomic<size_t> rpcs_{0};
  Mutex mutex_;
  CondVar none_left_;
  std::deque<Queue> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace lumen
