#include "engine/core/wal_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace lumen {

class WalLog::PrepareStep : public Step {
 public:
  PrepareStep(WalLog& wal, uint64_t bytes)
      : wal_(wal),
        failed_syncs_before_(wal.context_.files.failed_syncs(wal.context_.directory)),
        maker_(wal.context_.files, wal.context_.directory,
               {FramedFileKind::kWal, wal.context_.epoch, wal.context_.NewFileNumber()}, bytes) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      absl::StatusOr<bool> finished = maker_.Advance();
      if (finished.ok() && *finished &&
          wal_.context_.files.failed_syncs(wal_.context_.directory) != failed_syncs_before_) {
        finished = absl::InternalError(absl::StrCat(
            wal_.context_.directory, ": a directory sync failed while the segment was made"));
      }
      if (!finished.ok()) {
        // Nothing names the file yet, and its number is never used again. One that was there
        // already is somebody else's.
        if (!absl::IsAlreadyExists(finished.status())) {
          wal_.context_.obsolete_files.Add(
              wal_.context_.Path(WalFileName(maker_.identity().number)));
        }
        wal_.PrepareEnded(finished.status());
        return StepResult::kError;
      }
      if (*finished) {
        Bump(wal_.context_.counters.wal_segments);
        wal_.PrepareEnded(Segment{maker_.TakeWriter(), maker_.bytes()});
        return StepResult::kDone;
      }
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "prepare wal segment"; }

 private:
  WalLog& wal_;
  const uint64_t failed_syncs_before_;
  WalSegmentMaker maker_;
};

WalLog::WalLog(EngineContext& context, std::unique_ptr<FramedFileWriter> writer,
               uint64_t segment_bytes, std::function<void()> on_prepared)
    : context_(context),
      on_prepared_(std::move(on_prepared)),
      writer_(std::move(writer)),
      segment_bytes_(segment_bytes),
      wanted_bytes_(context.options.wal_segment_bytes),
      live_{writer_->identity().number} {}

bool WalLog::Fits(uint64_t payload_bytes) const {
  return WalFrameFits(writer_->offset(), payload_bytes, segment_bytes_);
}

absl::Status WalLog::Append(const FramedFileWriter::Frame& frame,
                            std::span<const std::string_view> pieces) {
  const uint64_t before = writer_->offset();
  const bool lz4 = context_.options.wal_lz4 && frame.type == FrameType::kData;
  if (absl::Status status = writer_->Append(frame, pieces, lz4); !status.ok()) {
    context_.TurnReadOnly("writing the WAL", status);
    return status;
  }
  Bump(context_.counters.wal_bytes, writer_->offset() - before);
  return absl::OkStatus();
}

absl::Status WalLog::AppendGroup(std::span<const std::string_view> payloads, bool sync,
                                 uint32_t operations, SequenceNumber first_sequence) {
  return Append({.type = FrameType::kData,
                 .flags = sync ? kFrameSync : uint8_t{0},
                 .operation_count = operations,
                 .first_sequence = first_sequence},
                payloads);
}

absl::Status WalLog::AppendNote(SequenceNumber next_sequence) {
  if (!writer_->last_frame_synced_or_none() || fresh() || !Fits(0)) return absl::OkStatus();
  return Append({.type = FrameType::kNote, .first_sequence = next_sequence}, {});
}

absl::Status WalLog::AppendCloseNote(SequenceNumber next_sequence) {
  // The SEAL's room is free: nothing follows a close.
  return Append({.type = FrameType::kNote,
                 .flags = kFrameSync | kFrameClose,
                 .first_sequence = next_sequence},
                {});
}

absl::Status WalLog::Sync() {
  if (absl::Status status = writer_->Sync(); !status.ok()) {
    // A failed fdatasync may have dropped dirty pages that a retry would then report as clean, so
    // there is none.
    context_.TurnReadOnly("writing the WAL", status);
    return status;
  }
  Bump(context_.counters.wal_syncs);
  return absl::OkStatus();
}

absl::Status WalLog::AppendSeal(SequenceNumber next_sequence) {
  uint64_t successor = 0;
  {
    MutexLock lock(mutex_);
    CHECK(next_.writer != nullptr);
    successor = next_.writer->identity().number;
  }
  const std::string payload = EncodeSuccessor(successor);
  const std::string_view piece = payload;
  return Append({.type = FrameType::kSeal, .flags = kFrameSync, .first_sequence = next_sequence},
                {&piece, 1});
}

void WalLog::Advance() {
  MutexLock lock(mutex_);
  CHECK(next_.writer != nullptr);
  writer_ = std::move(next_.writer);
  segment_bytes_ = next_.bytes;
  live_.push_back(writer_->identity().number);
  // A batch that needs a larger segment may have to pass through one that was made before it came.
  if (segment_bytes_ >= wanted_bytes_) wanted_bytes_ = context_.options.wal_segment_bytes;
  StartPreparing(wanted_bytes_);
}

void WalLog::ReleaseBelow(uint64_t floor) {
  MutexLock lock(mutex_);
  const auto kept = std::lower_bound(live_.begin(), live_.end(), floor);
  for (auto segment = live_.begin(); segment != kept; ++segment) {
    context_.obsolete_files.Add(context_.Path(WalFileName(*segment)));
  }
  live_.erase(live_.begin(), kept);
}

bool WalLog::Prepared() {
  MutexLock lock(mutex_);
  if (next_.writer != nullptr) return true;
  if (!preparing_ && !waiting_to_retry_) StartPreparing(wanted_bytes_);
  return false;
}

void WalLog::PrepareFor(uint64_t payload_bytes) {
  MutexLock lock(mutex_);
  wanted_bytes_ = std::max(context_.options.wal_segment_bytes, WalSegmentBytesFor(payload_bytes));
}

void WalLog::RetryNow() {
  MutexLock lock(mutex_);
  if (waiting_to_retry_ && !preparing_) StartPreparing(wanted_bytes_);
}

void WalLog::StartPreparing(uint64_t bytes) {
  if (context_.background.stopping() || !context_.health.ok()) return;
  preparing_ = true;
  waiting_to_retry_ = false;
  context_.background.Post(Priority::kPrepare, std::make_unique<PrepareStep>(*this, bytes));
}

void WalLog::PrepareEnded(absl::StatusOr<Segment> made) {
  const absl::Status status = made.status();
  {
    MutexLock lock(mutex_);
    preparing_ = false;
    if (status.ok()) {
      next_ = *std::move(made);
    } else {
      waiting_to_retry_ = true;
    }
  }
  if (status.ok()) {
    context_.ReportDone(SoftWork::kSegment, "making a WAL segment");
  } else {
    context_.ReportRetry(SoftWork::kSegment, "making a WAL segment", status);
    context_.background.After(Priority::kPrepare, context_.options.retry_interval_ns,
                              [this] { RetryNow(); });
  }
  on_prepared_();
}

}  // namespace lumen
