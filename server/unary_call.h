#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/admission.h"
#include "server/errors.h"
#include "server/limits.h"
#include "server/raw_call.h"
#include "server/read_pool.h"
#include "server/serving_state.h"
#include "server/slow_requests.h"

namespace lumen {

// What the services of one server share. Borrowed by them; outlives the last call.
struct ServiceParts {
  RequestLimits limits;
  ServingState& state;
  Admission& admission;
  ReadPool& reads;
  SlowRequests& slow;
};

// What there is before any work: whether the caller still waits. What is queued is finished.
std::optional<Refusal> CheckStillWanted(const grpc::CallbackServerContext& context);

// Ends a call of any shape with a refusal, told to come back where the reason says so.
template <typename Reactor>
void Refuse(grpc::CallbackServerContext& context, Reactor& reactor, const Refusal& refusal) {
  if (const auto after = RetryAfter(refusal.reason); after.count() != 0) {
    context.AddTrailingMetadata(kRetryPushbackKey, std::to_string(after.count()));
  }
  reactor.Finish(ToStatus(refusal));
}

// Whether a call may be turned away because too many are under way. An operator's look at the
// server may not: that is when it is needed.
enum class Entry : uint8_t { kIfRoom, kAlways };

// One unary call, from its bytes until gRPC is done with it; then it destroys itself. Exactly one
// of Fail and Answer is called, from any thread.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // `method` outlives the call.
  UnaryCall(const char* method, ServiceParts& parts, grpc::CallbackServerContext& context,
            const grpc::ByteBuffer& body, grpc::ByteBuffer& reply, Entry entry = Entry::kIfRoom);

  // Decodes the request and checks what all methods share, `check` (Request -> optional<Refusal>)
  // last. Null: the call has been refused.
  template <typename Request, typename Check>
  Engine* Accept(const grpc::ByteBuffer& body, Request& request, Check check) {
    std::optional<Refusal> refusal =
        admitted_ ? DecodeBody(body, parts_.limits, request) : TooManyCalls();
    if (!refusal.has_value()) refusal = check(request);
    if (!refusal.has_value()) refusal = CheckStillWanted(context_);
    Engine* const engine = parts_.state.engine();
    if (!refusal.has_value() && engine == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal.has_value()) return engine;
    Fail(*refusal);
    return nullptr;
  }

  // Tells a slow call's warning what it was about, and where its first stage ends. `about` is
  // bounded.
  void HandOn(std::string_view about);
  // Runs `read` on a thread that may wait for the disk, if the caller still waits by then.
  void ReadInPool(ReadPool& pool, std::function<void()> read);

  void Fail(const Refusal& refusal);
  void Fail(const absl::Status& engine_error) { Fail(ToRefusal(engine_error)); }
  template <typename Response>
  void Answer(const Response& response) {
    const grpc::Status encoded = EncodeBody(response, reply_);
    const size_t bytes = reply_.Length();
    held_bytes_ += bytes;
    parts_.admission.Grow(bytes);
    End();
    Finish(encoded);
  }

 private:
  Refusal TooManyCalls() const;
  void End() { times_.answered = std::chrono::steady_clock::now(); }
  void OnDone() override;
  // Nothing here blocks or calls back into gRPC, so gRPC need not hand OnDone to another thread.
  // That saves a wake-up a call. Not part of gRPC's API; its own default reactor does the same.
  bool InternalInlineable() override { return true; }

  const char* const method_;
  ServiceParts& parts_;
  grpc::CallbackServerContext& context_;
  grpc::ByteBuffer& reply_;
  size_t held_bytes_;
  const bool admitted_;
  CallTimes times_;
  std::string about_;
};

}  // namespace lumen
