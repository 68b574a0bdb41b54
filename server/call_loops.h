#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/mutex.h"
#include "server/loop_executor.h"
#include "server/rpc_service.h"

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
  explicit CallLoops(LoopExecutor* commits);
  // After Stop, or without Start.
  ~CallLoops();
  CallLoops(const CallLoops&) = delete;
  CallLoops& operator=(const CallLoops&) = delete;

  // Before the server is built.
  void AddQueues(grpc::ServerBuilder& builder);
  // After it has started. The services outlive the loops.
  void Start(const std::vector<RpcService*>& services);
  // Before gRPC shuts down: calls that come from now on are gRPC's to refuse.
  void StopTaking() { taking_.store(false, std::memory_order_release); }
  // After gRPC has shut down: waits for the end of every call, then ends the threads. Only once.
  void Stop();

  // For RPCs.
  bool taking() const { return taking_.load(std::memory_order_acquire); }
  void Entered() { rpcs_.fetch_add(1, std::memory_order_relaxed); }
  void Left();

 private:
  // Makes a waiting thread look for commits.
  class Wake final : public QueueEvent {
   public:
    void Send(grpc::CompletionQueue& queue);
    void Happen(bool ok) override;

   private:
    std::atomic<bool> sent_{false};
    grpc::Alarm alarm_;
  };

  void Run(grpc::CompletionQueue& queue);
  bool HasCommits() const { return commits_ != nullptr && commits_->has_work(); }

  LoopExecutor* const commits_;
  std::atomic<bool> taking_{true};
  std::atomic<size_t> rpcs_{0};
  Mutex mutex_;
  CondVar none_left_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  Wake wake_;
  std::vector<std::thread> threads_;
};

}  // namespace lumen
