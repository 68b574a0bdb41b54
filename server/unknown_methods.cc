#include "server/unknown_methods.h"

#include "absl/strings/str_cat.h"
#include "server/call_loops.h"
#include "server/errors.h"
#include "server/rpc.h"
#include "server/unary_call.h"

namespace lumen {
namespace {

// How many calls gRPC can hand over before the first of them is looked at.
constexpr int kAwaited = 2;

// A client may choose as long a path as its headers have room for.
constexpr size_t kMostPathBytes = 200;

Refusal NoSuchMethod(const std::string& path) {
  const bool whole = path.size() <= kMostPathBytes;
  return {
      Reason::kUnknownMethod,
      absl::StrCat("this server has no method ", path.substr(0, kMostPathBytes), whole ? "" : "...",
                   "; reflection lists those it has, and a newer client may know more")};
}

}  // namespace

// What the client sends is not read.
class UnknownMethods::Call final : public Rpc {
 public:
  Call(UnknownMethods& owner, CallLoops& loops, grpc::ServerCompletionQueue& queue)
      : Rpc(loops), owner_(owner), loops_(loops), queue_(queue) {
    context_.AsyncNotifyWhenDone(done_.tag());
    owner_.service_.RequestCall(&context_, &stream_, &queue_, &queue_, arrived_.tag());
  }

 private:
  ~Call() = default;

  void Arrived(bool ok) {
    // Not OK: the server shuts down, and there is no call whose end would be told.
    if (!ok) {
      delete this;
      return;
    }
    loops_.IfTaking([this] { new Call(owner_, loops_, queue_); });
    stream_.Finish(Refuse(context_, NoSuchMethod(context_.method())), finished_.tag());
  }
  void Ended(bool /*ok*/) {
    if (HasEnded()) delete this;
  }

  UnknownMethods& owner_;
  CallLoops& loops_;
  grpc::ServerCompletionQueue& queue_;
  MemberEvent<Call, &Call::Arrived> arrived_{*this};
  MemberEvent<Call, &Call::Ended> finished_{*this};
  MemberEvent<Call, &Call::Ended> done_{*this};
  grpc::GenericServerContext context_;
  // After what it refers to.
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
};

void UnknownMethods::AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) {
  for (int n = 0; n < kAwaited; ++n) new Call(*this, loops, queue);
}

}  // namespace lumen
