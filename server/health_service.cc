#include "server/health_service.h"

#include <optional>
#include <utility>

namespace lumen {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using State = HealthCheckResponse::ServingStatus;

// One open Watch: sends the newest state that differs from the last one sent. No lock is held while
// gRPC is called, which may call back on the same thread.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                                     public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(HealthService& service, bool known) : service_(service), known_(known) {}

  bool known() const { return known_; }

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

  // Sends what is wanted and was not sent yet.
  void Advance() {
    switch (NextMove()) {
      case Move::kWrite:
        return StartWrite(&message_);
      case Move::kFinish:
        return Finish(grpc::Status::OK);
      case Move::kNone:
        return;
    }
  }

 private:
  enum class Move { kNone, kWrite, kFinish };

  Move NextMove() {
    MutexLock lock(mutex_);
    if (writing_ || finished_) return Move::kNone;
    if (wanted_ != sent_) {
      sent_ = wanted_;
      message_.set_status(*wanted_);
      writing_ = true;
      return Move::kWrite;
    }
    if (!ending_) return Move::kNone;
    finished_ = true;
    return Move::kFinish;
  }

  HealthService& service_;
  const bool known_;
  HealthCheckResponse message_;  // gRPC reads it while writing_
  Mutex mutex_;
  std::optional<State> wanted_ GUARDED_BY(mutex_);
  std::optional<State> sent_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
};

namespace {

State ToState(bool serving) {
  return serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

HealthService::HealthService(std::set<std::string> services) : services_(std::move(services)) {}

HealthService::~HealthService() = default;

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
  {
    MutexLock lock(mutex_);
    draining_ = true;
  }
  for (const auto& watcher : Watchers()) watcher->End();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!request->service().empty() && !services_.contains(request->service())) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                                 "this server has no service " + request->service()));
    return reactor;
  }
  {
    MutexLock lock(mutex_);
    response->set_status(ToState(serving_));
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* /*context*/, const HealthCheckRequest* request) {
  const bool known = request->service().empty() || services_.contains(request->service());
  auto watcher = std::make_shared<Watcher>(*this, known);
  bool draining = false;
  {
    // A change after this finds the watcher, and is wanted later than what stands here.
    MutexLock lock(mutex_);
    watcher->Want(known ? ToState(serving_) : HealthCheckResponse::SERVICE_UNKNOWN);
    watchers_.insert(watcher);
    draining = draining_;
  }
  watcher->Advance();
  if (draining) watcher->End();
  return watcher.get();
}

void HealthService::Forget(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(mutex_);
  watchers_.erase(watcher);
}

}  // namespace lumen
