#include "server/verify_stream.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/mutex.h"
#include "engine/engine.h"
#include "lumen/v1/admin.pb.h"
#include "server/raw_call.h"

namespace lumen {

// The thread that reads tables leaves news; whoever finds no message on its way sends them. The
// stream ends only after that thread has said, as its last use of the stream, that it is done.
class VerifyStream final : public StreamRpc::Listener {
 public:
  VerifyStream(ServiceParts& parts, StreamRpc& rpc) : parts_(parts), rpc_(rpc) {
    ++parts_.drain.verifications;
    rpc_.Listen(*this);
  }

  void Start(ReadPool& threads) {
    v1::VerifyRequest request;
    std::optional<Refusal> refusal = DecodeFirst(rpc_, parts_.limits, request);
    if (!refusal) refusal = CheckStillWanted(rpc_.context());
    Engine* const engine = parts_.state.engine();
    if (!refusal && engine == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal && !threads.TryPost([this, engine] { Read(*engine); })) {
      refusal = {Reason::kOverloaded, "too many verifications wait already; try again later"};
    }
    if (!refusal) return;
    Uncount();
    Fail(*refusal);
  }

  void OnWriteDone(bool ok) override {
    Step step;
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!ok) left_ = true;
      step = NextLocked();
    }
    Take(step);
  }

  void OnDone() override {
    Uncount();
    delete this;
  }

 private:
  enum class Step : uint8_t { kWait, kSend, kEnd };

  bool IsWanted() const { return !rpc_.context().IsCancelled() && !parts_.state.draining(); }

  void Read(Engine& engine) {
    absl::Status status = absl::CancelledError("verification cancelled");
    if (IsWanted()) {
      status = engine.VerifyTables([this](const VerifyProgress& progress) {
        Report(progress);
        return IsWanted();
      });
    }
    Step step;
    {
      MutexLock lock(mutex_);
      if (status.ok()) {
        news_.set_done(true);
        has_news_ = true;
      } else {
        failure_ = parts_.state.draining() ? parts_.state.WhyNot() : ToRefusal(status);
      }
      read_ = true;
      // In one step with that: from here on another thread may end the stream, unless it is we.
      step = NextLocked();
    }
    if (step != Step::kWait) Take(step);
  }

  // On the reading thread, after each table.
  void Report(const VerifyProgress& progress) {
    Step step;
    {
      MutexLock lock(mutex_);
      news_.set_tables_total(progress.tables_total);
      news_.set_tables_done(progress.tables_done);
      news_.set_bytes_total(progress.bytes_total);
      news_.set_bytes_done(progress.bytes_done);
      if (!progress.table.ok()) news_.add_corruptions(std::string(progress.table.message()));
      has_news_ = true;
      step = NextLocked();
    }
    Take(step);
  }

  // What the caller has to do once it has let the lock go.
  Step NextLocked() REQUIRES(mutex_) {
    if (writing_) return Step::kWait;
    if (has_news_ && !left_) {
      writing_ = true;
      has_news_ = false;
      // Only a message beyond 2 GiB fails.
      const grpc::Status encoded = EncodeBody(news_, message_);
      CHECK(encoded.ok());
      news_.clear_corruptions();
      return Step::kSend;
    }
    return read_ ? Step::kEnd : Step::kWait;
  }

  void Take(Step step) {
    if (step == Step::kSend) rpc_.StartWrite(message_);
    if (step == Step::kEnd) End();
  }

  void End() {
    std::optional<Refusal> refusal;
    {
      MutexLock lock(mutex_);
      refusal = failure_;
      if (left_) refusal = {Reason::kCancelled, "verification cancelled"};
    }
    if (refusal) return Fail(*refusal);
    rpc_.Finish(grpc::Status::OK);
  }

  // A server that drains does not wait for it any more.
  void Uncount() {
    if (std::exchange(counted_, false)) --parts_.drain.verifications;
  }

  void Fail(const Refusal& refusal) { rpc_.Finish(Refuse(rpc_.context(), refusal)); }

  ServiceParts& parts_;
  StreamRpc& rpc_;
  bool counted_ = true;
  grpc::ByteBuffer message_;  // gRPC reads it while writing_

  Mutex mutex_;
  v1::VerifyResponse news_ GUARDED_BY(mutex_);
  bool has_news_ GUARDED_BY(mutex_) = false;
  std::optional<Refusal> failure_ GUARDED_BY(mutex_);
  bool read_ GUARDED_BY(mutex_) = false;  // the reading thread is done with this stream
  bool writing_ GUARDED_BY(mutex_) = false;
  bool left_ GUARDED_BY(mutex_) = false;
};

void StartVerify(ServiceParts& parts, ReadPool& threads, StreamRpc& rpc) {
  (new VerifyStream(parts, rpc))->Start(threads);
}

}  // namespace lumen
