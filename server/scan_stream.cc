#include "server/scan_stream.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/engine.h"
#include "lumen/v1/kv.pb.h"
#include "server/raw_call.h"
#include "server/scan_message.h"
#include "server/scan_range.h"

namespace lumen {
namespace {

// A message is sent once it is this large. One entry makes it larger only when it is alone.
constexpr size_t kMessageBytes = size_t{128} << 10;
constexpr size_t kFirstReserveBytes = size_t{8} << 10;
// How many entries a scan passes before another call gets its thread: counting sends nothing.
constexpr uint64_t kEntriesPerTurn = 20'000;

}  // namespace

// One thing at a time: a turn in the read pool, or a message on its way. Whoever ends a turn or a
// message begins the next or calls Finish; nothing else does.
class ScanStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  ScanStream(ServiceParts& parts, OpenScans& scans, grpc::CallbackServerContext& context)
      : parts_(parts), scans_(scans), context_(context) {}

  void Start(const grpc::ByteBuffer& body) {
    std::optional<Refusal> refusal = DecodeBody(body, request_);
    if (!refusal) refusal = CheckStillWanted(context_);
    engine_ = parts_.state.engine();
    if (!refusal && engine_ == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal) {
      held_bytes_ = body.Length();
      entered_ = scans_.TryEnter(held_bytes_);
      if (!entered_) refusal = TooManyScans();
    }
    if (refusal) return Refuse(context_, *this, *refusal);
    PostTurn();
  }

  void OnWriteDone(bool ok) override {
    // Not OK: the client left, or draining took too long.
    if (!ok) return Finish(ToStatus({Reason::kCancelled, "scan cancelled"}));
    message_.Clear();
    Release(message_bytes_);
    PostTurn();
  }

  void OnDone() override {
    if (entered_) scans_.Leave(held_bytes_);
    delete this;
  }

 private:
  void PostTurn() {
    parts_.reads.Post([this] { TakeTurn(); });
  }

  void TakeTurn() {
    if (context_.IsCancelled()) {
      return Finish(ToStatus({Reason::kCancelled, "scan cancelled"}));
    }
    if (parts_.state.draining()) return Refuse(context_, *this, parts_.state.WhyNot());
    if (iterator_ == nullptr) Open();
    ScanMessage message(sent_any_ ? kMessageBytes : kFirstReserveBytes);
    const bool at_end = ReadInto(message);
    if (!iterator_->status().ok()) {
      return Refuse(context_, *this, ToRefusal(iterator_->status()));
    }
    if (at_end || message.bytes() > 0) return Send(std::move(message), at_end);
    PostTurn();
  }

  void Open() {
    const ScanRange range = RangeOf(request_);
    snapshot_ = engine_->TakeSnapshot();
    iterator_ = engine_->NewIterator(
        {.lower_bound = range.lower, .upper_bound = range.upper, .snapshot = snapshot_.get()});
    if (request_.reverse()) {
      iterator_->SeekToLast();
    } else {
      iterator_->SeekToFirst();
    }
  }

  // True: the scan is at its end.
  bool ReadInto(ScanMessage& message) {
    for (uint64_t passed = 0; passed < kEntriesPerTurn; ++passed) {
      if (!iterator_->valid() || (request_.limit() != 0 && count_ == request_.limit())) return true;
      if (!request_.count_only()) {
        const std::string_view value =
            request_.keys_only() ? std::string_view() : iterator_->value();
        const size_t bytes = message.bytes() + ScanMessage::EntryBytes(iterator_->key(), value);
        if (message.bytes() > 0 && bytes > kMessageBytes) return false;
        message.Add(iterator_->key(), value, iterator_->sequence());
      }
      ++count_;
      if (request_.reverse()) {
        iterator_->Prev();
      } else {
        iterator_->Next();
      }
    }
    return false;
  }

  void Send(ScanMessage message, bool last) {
    message_ = std::move(message).Take(count_, snapshot_->sequence());
    message_bytes_ = message_.Length();
    if (!scans_.TryGrow(message_bytes_)) return Refuse(context_, *this, TooManyScans());
    held_bytes_ += message_bytes_;
    sent_any_ = true;
    if (!last) return StartWrite(&message_);
    iterator_.reset();
    snapshot_.reset();
    StartWriteAndFinish(&message_, {}, grpc::Status::OK);
  }

  void Release(size_t bytes) {
    scans_.Shrink(bytes);
    held_bytes_ -= bytes;
  }

  Refusal TooManyScans() const {
    return {Reason::kOverloaded,
            absl::StrCat("too many scans: ", scans_.calls(), " are open and hold ", scans_.bytes(),
                         " bytes; try again later")};
  }

  ServiceParts& parts_;
  OpenScans& scans_;
  grpc::CallbackServerContext& context_;
  v1::ScanRequest request_;
  Engine* engine_ = nullptr;
  bool entered_ = false;
  size_t held_bytes_ = 0;

  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<Iterator> iterator_;  // reads from snapshot_
  uint64_t count_ = 0;
  bool sent_any_ = false;
  grpc::ByteBuffer message_;  // gRPC reads it until OnWriteDone
  size_t message_bytes_ = 0;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartScan(ServiceParts& parts, OpenScans& scans,
                                                      grpc::CallbackServerContext& context,
                                                      const grpc::ByteBuffer& body) {
  auto* stream = new ScanStream(parts, scans, context);
  stream->Start(body);
  return stream;
}

}  // namespace lumen
