#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <optional>
#include <utility>

#include "engine/base/mutex.h"
#include "server/queue_event.h"

// One RPC as gRPC sees it, on a completion queue of CallLoops. Each waits for a call of its method,
// puts another in its place once one has come, and destroys itself after the call's end.
namespace lumen {

class CallLoops;
class RpcService;

// What all of them are to their loops, which end after the last one.
class Rpc {
 public:
  Rpc(const Rpc&) = delete;
  Rpc& operator=(const Rpc&) = delete;

 protected:
  explicit Rpc(CallLoops& loops);
  ~Rpc();

  // Two events end a call, in either order: its status is sent, and gRPC is done with it. True for
  // the second.
  bool HasEnded() { return events_left_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  CallLoops& loops_;
  std::atomic<int> events_left_{2};
};

// Where an RPC belongs. What it points to outlives it.
struct RpcPlace {
  RpcService* service = nullptr;
  int method = 0;
  CallLoops* loops = nullptr;
  grpc::ServerCompletionQueue* queue = nullptr;
};

class UnaryRpc final : public Rpc {
 public:
  class Listener {
   public:
    // gRPC is done with the call: the last use of the RPC and of the listener.
    virtual void OnDone() = 0;

   protected:
    ~Listener() = default;
  };

  static void Await(const RpcPlace& place) { new UnaryRpc(place); }

  grpc::ServerContext& context() { return context_; }
  const grpc::ByteBuffer& body() const { return body_; }
  // Sent by Finish, where that is told OK.
  grpc::ByteBuffer& reply() { return reply_; }
  // Once, from any thread. The RPC may be gone when it returns. Null: nobody has to know.
  void Finish(const grpc::Status& status, Listener* listener = nullptr);

 private:
  friend class RpcService;

  explicit UnaryRpc(const RpcPlace& place);
  ~UnaryRpc() = default;

  void Arrived(bool ok);
  void Ended(bool ok);

  const RpcPlace place_;
  MemberEvent<UnaryRpc, &UnaryRpc::Arrived> arrived_{*this};
  MemberEvent<UnaryRpc, &UnaryRpc::Ended> finished_{*this};
  MemberEvent<UnaryRpc, &UnaryRpc::Ended> done_{*this};
  std::atomic<Listener*> listener_{nullptr};
  grpc::ByteBuffer body_;
  grpc::ByteBuffer reply_;
  grpc::ServerContext context_;
  // After what it refers to.
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
};

// Many answers, to one request or to many. One write and one read at a time; from any thread.
class StreamRpc final : public Rpc {
 public:
  class Listener {
   public:
    // Not OK: the client left, or sends no more.
    virtual void OnReadDone(bool /*ok*/) {}
    // Not OK: the client left, or the server ends what draining left open.
    virtual void OnWriteDone(bool ok) = 0;
    // The client left, or the server ends what draining left open; Finish is due all the same.
    virtual void OnCancel() {}
    // After Finish: the last use of the RPC and of the listener.
    virtual void OnDone() = 0;

   protected:
    ~Listener() = default;
  };

  static void Await(const RpcPlace& place) { new StreamRpc(place); }

  grpc::ServerContext& context() { return context_; }
  // The client's first message; nothing, if it sent none. Once: it may be large.
  std::optional<grpc::ByteBuffer> TakeFirst() { return std::exchange(first_, std::nullopt); }

  // First of all and once, but where Finish follows at once. OnCancel may come before it returns.
  void Listen(Listener& listener) EXCLUDES(mutex_);
  // `message` stays the caller's, untouched until OnReadDone.
  void StartRead(grpc::ByteBuffer& message) { stream_.Read(&message, read_.tag()); }
  // `message` stays the caller's, untouched until OnWriteDone.
  void StartWrite(const grpc::ByteBuffer& message) { stream_.Write(message, wrote_.tag()); }
  // Once, with no read or write under way. The RPC may be gone when it returns.
  void StartWriteAndFinish(const grpc::ByteBuffer& message) {
    stream_.WriteAndFinish(message, {}, grpc::Status::OK, finished_.tag());
  }
  void Finish(const grpc::Status& status) { stream_.Finish(status, finished_.tag()); }

 private:
  friend class RpcService;

  explicit StreamRpc(const RpcPlace& place);
  ~StreamRpc() = default;

  void Arrived(bool ok);
  void ReadFirst(bool ok);
  void Read(bool ok) { listener()->OnReadDone(ok); }
  void Wrote(bool ok) { listener()->OnWriteDone(ok); }
  void Finished(bool ok);
  void Done(bool ok) EXCLUDES(mutex_);
  void End();
  Listener* listener() EXCLUDES(mutex_);

  const RpcPlace place_;
  MemberEvent<StreamRpc, &StreamRpc::Arrived> arrived_{*this};
  MemberEvent<StreamRpc, &StreamRpc::ReadFirst> read_first_{*this};
  MemberEvent<StreamRpc, &StreamRpc::Read> read_{*this};
  MemberEvent<StreamRpc, &StreamRpc::Wrote> wrote_{*this};
  MemberEvent<StreamRpc, &StreamRpc::Finished> finished_{*this};
  MemberEvent<StreamRpc, &StreamRpc::Done> done_{*this};
  Mutex mutex_;
  Listener* listener_ GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::optional<grpc::ByteBuffer> first_;
  grpc::ServerContext context_;
  // After what it refers to.
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};
};

}  // namespace lumen
