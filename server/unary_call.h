#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
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
#include "server/rpc.h"
#include "server/serving_state.h"
#include "server/slow_requests.h"

namespace lumen {

// What a server that drains waits for beside calls and scans that were let in.
struct DrainCounts {
  // With the engine, which finishes them however long that takes.
  std::atomic<size_t> writes{0};
  std::atomic<size_t> verifications{0};
};

// What the services of one server share. Borrowed by them; outlives the last call.
struct ServiceParts {
  RequestLimits limits;
  ServingState& state;
  Admission& admission;
  DrainCounts& drain;
  ReadPool& reads;
  SlowRequests& slow;
};

// What there is before any work: whether the caller still waits, as far as is known: that a call
// was cancelled is an event that may still be queued. What is queued is finished.
std::optional<Refusal> CheckStillWanted(const grpc::ServerContext& context);

// The status of a call that is refused, told to come back where the reason says so.
grpc::Status Refuse(grpc::ServerContext& context, const Refusal& refusal);

// Whether a call may be turned away because too many are under way. An operator's look at the
// server may not: that is when it is needed.
enum class Entry : uint8_t { kIfRoom, kAlways };

// One unary call, from its bytes until gRPC is done with it; then it destroys itself. Exactly one
// of Fail and Answer is called, from any thread.
class UnaryCall final : public UnaryRpc::Listener {
 public:
  // `method` outlives the call.
  UnaryCall(const char* method, ServiceParts& parts, UnaryRpc& rpc, Entry entry = Entry::kIfRoom);

  // Decodes the request and checks what all methods share, `check` (Request -> optional<Refusal>)
  // last. Null: the call has been refused.
  template <typename Request, typename Check>
  Engine* Accept(Request& request, Check check) {
    std::optional<Refusal> refusal =
        admitted_ ? DecodeBody(rpc_.body(), parts_.limits, request) : WhyNotAdmitted();
    if (!refusal.has_value()) refusal = check(request);
    if (!refusal.has_value()) refusal = CheckStillWanted(rpc_.context());
    Engine* const engine = parts_.state.engine();
    if (!refusal.has_value() && engine == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal.has_value()) return engine;
    Fail(*refusal);
    return nullptr;
  }

  // Tells a slow call's warning what it was about, and where its first stage ends. `about` is
  // bounded.
  void HandOn(std::string_view about);
  // The same for what Engine::WriteAsync gets next.
  void HandOnWrite(std::string_view about);
  // Runs `read` on a thread that may wait for the disk, if the caller still waits by then.
  void ReadInPool(ReadPool& pool, std::function<void()> read);

  void Fail(const Refusal& refusal);
  void Fail(const absl::Status& engine_error) { Fail(ToRefusal(engine_error)); }
  template <typename Response>
  void Answer(const Response& response) {
    const grpc::Status encoded = EncodeBody(response, rpc_.reply());
    const size_t bytes = rpc_.reply().Length();
    held_bytes_ += bytes;
    parts_.admission.Grow(bytes);
    End();
    rpc_.Finish(encoded, this);
  }

 private:
  Refusal WhyNotAdmitted() const;
  void End();
  void OnDone() override;

  const char* const method_;
  ServiceParts& parts_;
  UnaryRpc& rpc_;
  size_t held_bytes_;
  const bool admitted_;
  bool writes_ = false;
  CallTimes times_;
  std::string about_;
};

}  // namespace lumen
