#include "server/verify_stream.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/engine.h"
#include "lumen/v1/admin.pb.h"
#include "server/raw_call.h"

namespace lumen {

// The thread that reads tables leaves news; whoever finds no message on its way sends them.
class VerifyStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  VerifyStream(ServiceParts& parts, grpc::CallbackServerContext& context)
      : parts_(parts), context_(context) {}

  void Start(LongCalls& threads, const grpc::ByteBuffer& body) {
    v1::VerifyRequest request;
    std::optional<Refusal> refusal = DecodeBody(body, request);
    if (!refusal) refusal = CheckStillWanted(context_);
    Engine* const engine = parts_.state.engine();
    if (!refusal && engine == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal && !threads.TryPost([this, engine] { Read(*engine); })) {
      refusal = {Reason::kOverloaded, "too many admin calls wait already; try again later"};
    }
    if (refusal) Refuse(context_, *this, *refusal);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!ok) left_ = true;
    }
    Move();
  }

  void OnDone() override { delete this; }

 private:
  void Read(Engine& engine) {
    const absl::Status status =
        engine.VerifyTables([this](const VerifyProgress& progress) { return Report(progress); });
    {
      MutexLock lock(mutex_);
      if (status.ok()) news_.set_done(true);
      has_news_ = true;
      if (!status.ok()) failure_ = ToRefusal(status);
      if (parts_.state.draining()) failure_ = parts_.state.WhyNot();
      read_ = true;
    }
    Move();
  }

  // On the reading thread, after each table.
  bool Report(const VerifyProgress& progress) {
    {
      MutexLock lock(mutex_);
      news_.set_tables_total(progress.tables_total);
      news_.set_tables_done(progress.tables_done);
      news_.set_bytes_total(progress.bytes_total);
      news_.set_bytes_done(progress.bytes_done);
      if (!progress.table.ok()) news_.add_corruptions(std::string(progress.table.message()));
      has_news_ = true;
    }
    Move();
    return !context_.IsCancelled() && !parts_.state.draining();
  }

  // Sends what there is to send, or ends the stream.
  void Move() {
    std::optional<grpc::Status> end;
    std::optional<Refusal> refusal;
    {
      MutexLock lock(mutex_);
      if (writing_ || ended_) return;
      if (left_) {
        // The reading thread still uses this stream; it notices and comes back here.
        if (!read_) return;
        end = ToStatus({Reason::kCancelled, "verification cancelled"});
      } else if (failure_) {
        refusal = failure_;
      } else if (has_news_) {
        writing_ = true;
        const grpc::Status encoded = EncodeBody(news_, message_);
        if (!encoded.ok()) end = encoded;
        news_.clear_corruptions();
        has_news_ = false;
      } else if (read_) {
        end = grpc::Status::OK;
      } else {
        return;
      }
      ended_ = end.has_value() || refusal.has_value();
    }
    if (refusal) return Refuse(context_, *this, *refusal);
    if (end) return Finish(*end);
    StartWrite(&message_);
  }

  ServiceParts& parts_;
  grpc::CallbackServerContext& context_;
  grpc::ByteBuffer message_;  // gRPC reads it while writing_

  Mutex mutex_;
  v1::VerifyResponse news_ GUARDED_BY(mutex_);
  bool has_news_ GUARDED_BY(mutex_) = false;
  std::optional<Refusal> failure_ GUARDED_BY(mutex_);
  bool read_ GUARDED_BY(mutex_) = false;  // the reading thread is done with this stream
  bool writing_ GUARDED_BY(mutex_) = false;
  bool left_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartVerify(ServiceParts& parts, LongCalls& threads,
                                                        grpc::CallbackServerContext& context,
                                                        const grpc::ByteBuffer& body) {
  auto* stream = new VerifyStream(parts, context);
  stream->Start(threads, body);
  return stream;
}

}  // namespace lumen
