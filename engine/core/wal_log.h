#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/mutex.h"
#include "engine/core/engine_context.h"
#include "engine/wal/wal_segment.h"

namespace lumen {

// The WAL of an open engine: the segment being written, and its successor, made ahead of need.
// All methods but the preparing of segments belong to the commit leader.
//
// After any failed append or sync nothing is ever appended again: Health turns sticky, and only
// Open clears it.
class WalLog {
 public:
  // `on_prepared` runs after each attempt to make a segment, good or failed, without locks.
  WalLog(EngineContext& context, std::unique_ptr<FramedFileWriter> writer, uint64_t segment_bytes,
         std::function<void()> on_prepared);

  // Whether a frame with this payload fits, with room for a SEAL behind it.
  bool Fits(uint64_t payload_bytes) const;
  uint64_t bytes_left() const { return segment_bytes_ - writer_->offset(); }
  uint64_t segment_number() const { return writer_->identity().number; }
  bool fresh() const { return writer_->offset() == kHeaderBlockBytes; }

  absl::Status AppendGroup(std::span<const std::string_view> payloads, bool sync,
                           uint32_t operations, SequenceNumber first_sequence);
  // Carries the promise of the last sync forward, unsynced; nothing where it would not fit or
  // nothing was synced.
  absl::Status AppendNote(SequenceNumber next_sequence);
  // Clean close: the next Open may continue the sequence without a jump.
  absl::Status AppendCloseNote(SequenceNumber next_sequence);
  absl::Status Sync();

  // Rotation: a SEAL that names the prepared successor, Sync(), then Advance(), after which appends
  // go there.
  absl::Status AppendSeal(SequenceNumber next_sequence);
  void Advance();

  // Whether a successor is ready. If not, makes sure that one is being made.
  bool Prepared() EXCLUDES(mutex_);
  // Asks for a successor of at least this size, once none is ready or under way.
  void PrepareFor(uint64_t payload_bytes) EXCLUDES(mutex_);
  // An edit that moved the floor is durable: segments below it go.
  void ReleaseBelow(uint64_t floor) EXCLUDES(mutex_);
  // After a full disk: try at once.
  void RetryNow() EXCLUDES(mutex_);

 private:
  class PrepareStep;
  struct Segment {
    std::unique_ptr<FramedFileWriter> writer;
    uint64_t bytes = 0;
  };

  absl::Status Append(const FramedFileWriter::Frame& frame,
                      std::span<const std::string_view> pieces);
  void StartPreparing(uint64_t bytes) REQUIRES(mutex_);
  void PrepareEnded(absl::StatusOr<Segment> made) EXCLUDES(mutex_);

  EngineContext& context_;
  const std::function<void()> on_prepared_;
  std::unique_ptr<FramedFileWriter> writer_;  // the commit leader's
  uint64_t segment_bytes_;                    // the commit leader's

  mutable Mutex mutex_;
  Segment next_ GUARDED_BY(mutex_);
  bool preparing_ GUARDED_BY(mutex_) = false;
  bool waiting_to_retry_ GUARDED_BY(mutex_) = false;
  uint64_t wanted_bytes_ GUARDED_BY(mutex_) = 0;
  std::vector<uint64_t> live_ GUARDED_BY(mutex_);  // ascending, the one being written last
};

}  // namespace lumen
