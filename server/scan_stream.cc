#include "server/scan_stream.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
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
// How much a scan looks at before another call gets its thread, and before it sees that its client
// has left or that the server drains: counting sends nothing, and deleted keys may lie in long
// runs.
constexpr uint64_t kBytesPerTurn = size_t{2} << 20;

}  // namespace

// One thing at a time: a turn in the read pool, or a message on its way. Whoever ends a turn or a
// message begins the next or calls Finish; nothing else does. Between turns, which may be hours
// when the client does not read, it has the engine's snapshot, but no iterator: that would pin
// memtables and blocks, which the memory budget does not know of.
class ScanStream final : public StreamRpc::Listener {
 public:
  ScanStream(ServiceParts& parts, OpenScans& scans, StreamRpc& rpc)
      : parts_(parts), scans_(scans), rpc_(rpc) {
    rpc_.Listen(*this);
  }

  void Start() {
    std::optional<Refusal> refusal = DecodeFirst(rpc_, parts_.limits, request_);
    if (!refusal) refusal = CheckStillWanted(rpc_.context());
    if (!refusal) {
      held_bytes_ = request_.ByteSizeLong();
      entered_ = scans_.TryEnter(held_bytes_);
      if (!entered_) refusal = TooManyScans();
    }
    engine_ = parts_.state.engine();
    if (!refusal && engine_ == nullptr) refusal = parts_.state.WhyNot();
    if (!refusal) return PostTurn();
    // A server that drains waits for scans that were let in.
    if (entered_) scans_.Leave(std::exchange(held_bytes_, 0));
    entered_ = false;
    Fail(*refusal);
  }

  void OnWriteDone(bool ok) override {
    // Not OK: as for StreamRpc.
    if (!ok) return Fail({Reason::kCancelled, "scan cancelled"});
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
    if (rpc_.context().IsCancelled()) return Fail({Reason::kCancelled, "scan cancelled"});
    if (parts_.state.draining()) return Fail(parts_.state.WhyNot());
    if (snapshot_ == nullptr) {
      snapshot_ = engine_->TakeSnapshot();
      rest_ = RangeOf(request_);
    }
    ScanMessage message(sent_any_ ? kMessageBytes : kFirstReserveBytes);
    const absl::StatusOr<bool> at_end = ReadInto(message);
    if (!at_end.ok()) return Fail(ToRefusal(at_end.status()));
    if (*at_end || message.bytes() > 0) return Send(std::move(message), *at_end);
    PostTurn();
  }

  // True: the scan is at its end. False: rest_ is what is left of it.
  absl::StatusOr<bool> ReadInto(ScanMessage& message) {
    const std::unique_ptr<Iterator> iterator =
        engine_->NewIterator({.lower_bound = rest_.lower,
                              .upper_bound = rest_.upper,
                              .snapshot = snapshot_.get(),
                              .pause_after_bytes = kBytesPerTurn});
    const bool reverse = request_.reverse();
    reverse ? iterator->SeekToLast() : iterator->SeekToFirst();
    for (; iterator->valid(); reverse ? iterator->Prev() : iterator->Next()) {
      if (!request_.count_only() && !AddEntry(*iterator, message)) break;
      ++count_;
      if (count_ == request_.limit()) return true;
    }
    RETURN_IF_ERROR(iterator->status());
    if (!iterator->valid() && !iterator->paused()) return true;
    GoOnFrom(iterator->key());
    return false;
  }

  // False: it does not fit.
  bool AddEntry(const Iterator& at, ScanMessage& message) const {
    const std::string_view value = request_.keys_only() ? std::string_view() : at.value();
    const size_t bytes = message.bytes() + ScanMessage::EntryBytes(at.key(), value);
    if (message.bytes() > 0 && bytes > kMessageBytes) return false;
    message.Add(at.key(), value, at.sequence());
    return true;
  }

  void GoOnFrom(std::string_view key) {
    if (request_.reverse()) {
      rest_.upper = std::string(key) + '\0';  // the first key behind it
    } else {
      rest_.lower = std::string(key);
    }
  }

  void Send(ScanMessage message, bool last) {
    message_ = std::move(message).Take(count_, snapshot_->sequence());
    message_bytes_ = message_.Length();
    if (!scans_.TryGrow(message_bytes_)) return Fail(TooManyScans());
    held_bytes_ += message_bytes_;
    sent_any_ = true;
    if (!last) return rpc_.StartWrite(message_);
    snapshot_.reset();
    rpc_.StartWriteAndFinish(message_);
  }

  void Fail(const Refusal& refusal) { rpc_.Finish(Refuse(rpc_.context(), refusal)); }

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
  StreamRpc& rpc_;
  v1::ScanRequest request_;
  Engine* engine_ = nullptr;
  bool entered_ = false;
  size_t held_bytes_ = 0;

  std::unique_ptr<Snapshot> snapshot_;
  ScanRange rest_;  // of the range that was asked for, since the first turn
  uint64_t count_ = 0;
  bool sent_any_ = false;
  grpc::ByteBuffer message_;  // gRPC reads it until OnWriteDone
  size_t message_bytes_ = 0;
};

void StartScan(ServiceParts& parts, OpenScans& scans, StreamRpc& rpc) {
  (new ScanStream(parts, scans, rpc))->Start();
}

}  // namespace lumen
