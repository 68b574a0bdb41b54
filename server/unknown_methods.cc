#include "server/unknown_methods.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "server/call_loops.h"
#include "server/errors.h"
#include "server/queue_event.h"

namespace lumen {
namespace {

// How many calls gRPC can hand over before the first of them is looked at.
constexpr int kAwaited = 2;

Refusal NoSuchMethod(const std::string& path) {
  return {Reason::kUnknownMethod,
          absl::StrCat("this server has no method ", path,
                       "; reflection lists those it has, and a newer client may know more")};
}

}  // namespace

// Waits for a call, puts another in its place once one has come, and destroys itself after the
// call's end. What the client sends is not read.
class UnknownMethods::Rpc {
 public:
  Rpc(UnknownMethods& owner, CallLoops& loops, grpc::ServerCompletionQueue& queue)
      : owner_(owner), loops_(loops), queue_(queue) {
    loops_.Entered();
    context_.AsyncNotifyWhenDone(done_.tag());
    owner_.service_.RequestCall(&context_, &stream_, &queue_, &queue_, arrived_.tag());
  }
  Rpc(const Rpc&) = delete;
  Rpc& operator=(const Rpc&) = delete;

 private:
  ~Rpc() { loops_.Left(); }

  void Arrived(bool ok) {
    // Not OK: the server shuts down, and there is no call whose end would be told.
    if (!ok) {
      delete this;
      return;
    }
    loops_.IfTaking([this] { new Rpc(owner_, loops_, queue_); });
    stream_.Finish(ToStatus(NoSuchMethod(context_.method())), finished_.tag());
  }
  void Ended(bool /*ok*/) {
    if (events_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  UnknownMethods& owner_;
  CallLoops& loops_;
  grpc::ServerCompletionQueue& queue_;
  MemberEvent<Rpc, &Rpc::Arrived> arrived_{*this};
  MemberEvent<Rpc, &Rpc::Ended> finished_{*this};
  MemberEvent<Rpc, &Rpc::Ended> done_{*this};
  std::atomic<int> events_left_{2};  // finished_ and done_
  grpc::GenericServerContext context_;
  // After what it refers to.
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
};

void UnknownMethods::AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) {
  for (int n = 0; n < kAwaited; ++n) new Rpc(*this, loops, queue);
}

}  // namespace lumen
