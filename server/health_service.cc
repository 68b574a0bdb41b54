#include "server/health_service.h"

#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "grpc/health/v1/health.pb.h"
#include "server/raw_call.h"

namespace lumen {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using State = HealthCheckResponse::ServingStatus;

// One open Watch: sends the newest state that differs from the last one sent.
class HealthService::Watcher final : public StreamRpc::Listener,
                                     public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(HealthService& service, StreamRpc& rpc, bool known)
      : service_(service), rpc_(rpc), known_(known) {}

  bool known() const { return known_; }

  // From here on it sends, and ends.
  void Start() {
    rpc_.Listen(*this);
    {
      MutexLock lock(mutex_);
      started_ = true;
    }
    Advance();
  }
  void Want(State state) {
    MutexLock lock(mutex_);
    wanted_ = state;
  }
  void Update(State state) {
    Want(state);
    Advance();
  }
  void End() {
    {
      MutexLock lock(mutex_);
      ending_ = true;
    }
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!ok) ending_ = true;
    }
    Advance();
  }
  void OnCancel() override { End(); }
  void OnDone() override { service_.Forget(shared_from_this()); }

 private:
  enum class Move { kNone, kWrite, kFinish };

  // Sends what is wanted and was not sent yet.
  void Advance() {
    switch (NextMove()) {
      case Move::kWrite:
        return rpc_.StartWrite(message_);
      case Move::kFinish:
        return rpc_.Finish(grpc::Status::OK);
      case Move::kNone:
        return;
    }
  }

  Move NextMove() {
    MutexLock lock(mutex_);
    if (!started_ || writing_ || finished_) return Move::kNone;
    if (wanted_ != sent_) {
      sent_ = wanted_;
      HealthCheckResponse response;
      response.set_status(*wanted_);
      const grpc::Status encoded = EncodeBody(response, message_);
      CHECK(encoded.ok());
      writing_ = true;
      return Move::kWrite;
    }
    if (!ending_) return Move::kNone;
    finished_ = true;
    return Move::kFinish;
  }

  HealthService& service_;
  StreamRpc& rpc_;
  const bool known_;
  grpc::ByteBuffer message_;  // gRPC reads it while writing_
  Mutex mutex_;
  std::optional<State> wanted_ GUARDED_BY(mutex_);
  std::optional<State> sent_ GUARDED_BY(mutex_);
  bool started_ GUARDED_BY(mutex_) = false;
  bool writing_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
};

namespace {

State ToState(bool serving) {
  return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

HealthService::HealthService(std::set<std::string> services)
    : RpcService("grpc.health.v1.Health"), services_(std::move(services)) {
  Add("Check", [this](UnaryRpc& rpc) { Check(rpc); });
  Add("Watch", [this](StreamRpc& rpc) { Watch(rpc); });
}

HealthService::~HealthService() = default;

bool HealthService::IsKnown(const std::string& service) const {
  return service.empty() || services_.contains(service);
}

std::set<std::shared_ptr<HealthService::Watcher>> HealthService::Watchers() {
  MutexLock lock(mutex_);
  return watchers_;
}

void HealthService::SetServing(bool serving) {
  {
    MutexLock lock(mutex_);
    if (draining_) return;
    serving_ = serving;
  }
  for (const auto& watcher : Watchers()) {
    if (watcher->known()) watcher->Update(ToState(serving));
  }
}

void HealthService::Drain() {
  SetServing(false);
  MutexLock lock(mutex_);
  draining_ = true;
}

void HealthService::EndWatches() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  for (const auto& watcher : Watchers()) watcher->End();
}

void HealthService::Check(UnaryRpc& rpc) {
  HealthCheckRequest request;
  if (const auto refusal = DecodeBody(rpc.body(), RequestLimits(), request))
    return rpc.Finish(ToStatus(*refusal));
  if (!IsKnown(request.service())) {
    return rpc.Finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                                   "this server has no service " + request.service()));
  }
  HealthCheckResponse response;
  {
    MutexLock lock(mutex_);
    response.set_status(ToState(serving_));
  }
  rpc.Finish(EncodeBody(response, rpc.reply()));
}

void HealthService::Watch(StreamRpc& rpc) {
  HealthCheckRequest request;
  if (const auto refusal = DecodeFirst(rpc, RequestLimits(), request))
    return rpc.Finish(ToStatus(*refusal));
  const bool known = IsKnown(request.service());
  const auto watcher = std::make_shared<Watcher>(*this, rpc, known);
  bool ending = false;
  {
    // Whoever changes the state after this finds the watcher.
    MutexLock lock(mutex_);
    watcher->Want(known ? ToState(serving_) : HealthCheckResponse::SERVICE_UNKNOWN);
    watchers_.insert(watcher);
    ending = ending_;
  }
  watcher->Start();
  if (ending) watcher->End();
}

void HealthService::Forget(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(mutex_);
  watchers_.erase(watcher);
}

}  // namespace lumen
