#include <map>
#include <utility>

#include "absl/strings/cord.h"
#include "engine/base/status.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"

namespace lumen {
namespace {

constexpr char kRulePayloadUrl[] = "lumen/wal-rule";

absl::Status WithRule(absl::Status status, WalRule rule) {
  status.SetPayload(kRulePayloadUrl, absl::Cord(std::string(1, static_cast<char>(rule))));
  return status;
}

std::string DirectoryOf(const std::string& name) {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos) return "DIR";
  return slash == 0 ? "/" : name.substr(0, slash);
}

std::string OffsetText(uint64_t offset) { return "offset " + std::to_string(offset); }

std::string PathIn(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// Where in which file a rule refused, and what stands there.
struct Place {
  std::string name;
  uint64_t offset = 0;
  std::string frame_kind;
  uint64_t bytes_behind = 0;
};

Place At(const SegmentReport& segment, uint64_t offset, std::string frame_kind) {
  return {segment.name, offset, std::move(frame_kind),
          segment.file_bytes > offset ? segment.file_bytes - offset : 0};
}

Place AtEnd(const SegmentReport& segment) {
  std::string kind = segment.tail_is_zero ? "unused space" : "no frame that verifies";
  if (segment.bad_frame) kind = FrameTypeName(segment.bad_frame->type) + " frame";
  return At(segment, segment.end, std::move(kind));
}

// Follows the chain of segments from the floor, SEAL by SEAL.
class Judge {
 public:
  Judge(const WalExpectation& expected, std::span<const SegmentReport> segments)
      : expected_(expected), segments_(segments), next_sequence_(expected.floor_first_sequence) {}

  absl::StatusOr<WalPlan> Run() {
    for (const SegmentReport& segment : segments_) RETURN_IF_ERROR(Admit(segment));
    RETURN_IF_ERROR(FollowChain());
    RETURN_IF_ERROR(CheckOutsideChain());
    RETURN_IF_ERROR(CheckTail());
    return std::move(plan_);
  }

 private:
  absl::Status Refuse(WalRule rule, const Place& place, const std::string& what) const {
    const std::string directory = DirectoryOf(place.name);
    return WithRule(
        absl::DataLossError(
            place.name + ": " + OffsetText(place.offset) + ": " + place.frame_kind + ": rule " +
            std::string(WalRuleName(rule)) + ": " + what + "; last good sequence " +
            std::to_string(LastSequence()) + "; " + std::to_string(place.bytes_behind) +
            " bytes follow. To look: lumen wal dump " + place.name +
            " - to check the whole directory, changing nothing: lumen verify " + directory +
            " - to see what a repair would lose: lumen repair " + directory),
        rule);
  }

  // Nothing is damaged, so there is nothing to look at.
  static absl::Status RefuseNewer(const Place& place, const std::string& what) {
    return WithRule(absl::UnimplementedError(
                        place.name + ": " + OffsetText(place.offset) + ": " + place.frame_kind +
                        ": rule " + std::string(WalRuleName(WalRule::kNewerFormat)) + ": " + what +
                        "; this program knows format " + std::to_string(kFormatVersion)),
                    WalRule::kNewerFormat);
  }

  uint64_t LastSequence() const { return next_sequence_ == 0 ? 0 : next_sequence_ - 1; }

  // Header rules. Segments that were never used are left out of live_.
  absl::Status Admit(const SegmentReport& segment) {
    const FileHeaderReading& reading = segment.header;
    if (reading.state == FileHeaderState::kNewerFormat) {
      return RefuseNewer(At(segment, 0, "header block"),
                         "written in format " + std::to_string(reading.format_version));
    }
    const bool ours = reading.state == FileHeaderState::kGood && !segment.foreign &&
                      reading.header.identity.epoch == expected_.epoch;
    if (!ours) {
      if (!segment.any_frame) return absl::OkStatus();
      return Refuse(WalRule::kBadHeaderUsed, At(segment, 0, "header block"),
                    (segment.foreign ? "belongs to another database, and a frame verifies at "
                                     : "does not verify, but a frame does, at ") +
                        OffsetText(segment.first_frame_offset_found));
    }
    if (segment.file_bytes < reading.header.file_bytes) {
      return Refuse(WalRule::kShorterThanHeader, At(segment, segment.file_bytes, "end of file"),
                    "the header says " + std::to_string(reading.header.file_bytes) +
                        " bytes, which were durable before it was");
    }
    live_.emplace(segment.number, &segment);
    return absl::OkStatus();
  }

  const SegmentReport* Find(uint64_t number) const {
    for (const SegmentReport& segment : segments_) {
      if (segment.number == number) return &segment;
    }
    return nullptr;
  }

  // Of a segment that is needed, in which nothing verifies: it is not missing, but was cut or
  // wiped.
  static std::string LengthOf(const SegmentReport* there) {
    if (there == nullptr) return "";
    if (there->file_bytes == 0) return "; the file is there, but it is empty";
    return "; the file is there with " + std::to_string(there->file_bytes) +
           " bytes, but neither its header nor any frame verifies";
  }

  absl::Status FollowChain() {
    const auto floor = live_.find(expected_.floor);
    if (floor == live_.end()) {
      const SegmentReport* there = Find(expected_.floor);
      return Refuse(WalRule::kFloorMissing,
                    {PathIn(expected_.directory, WalFileName(expected_.floor)), 0,
                     there == nullptr ? "no segment" : "nothing that verifies",
                     there == nullptr ? 0 : there->file_bytes},
                    "the manifest needs this segment, which was durable before it was named" +
                        LengthOf(there));
    }
    for (const SegmentReport* segment = floor->second;;) {
      RETURN_IF_ERROR(Take(*segment));
      live_.erase(segment->number);
      last_ = segment;
      if (!segment->successor) return absl::OkStatus();
      const auto named = live_.find(*segment->successor);
      if (named == live_.end() || named->first < segment->number) {
        return Refuse(WalRule::kSuccessorMissing, At(*segment, segment->end, "end of SEAL frame"),
                      "names " + WalFileName(*segment->successor) +
                          " as its successor, which was durable before it was named" +
                          LengthOf(Find(*segment->successor)));
      }
      segment = named->second;
    }
  }

  absl::Status Take(const SegmentReport& segment) {
    std::optional<uint64_t> gap_at = segment.sequence_gap_at;
    if (segment.first_sequence && *segment.first_sequence != next_sequence_) {
      gap_at = kHeaderBlockBytes;
    } else if (segment.frames > 0) {
      next_sequence_ = segment.next_sequence;
    }
    if (gap_at) {
      return Refuse(WalRule::kSequenceGap, At(segment, *gap_at, "frame"),
                    "does not begin with sequence " + std::to_string(next_sequence_));
    }
    plan_.replay.push_back(segment.number);
    plan_.operations += segment.operations;
    return absl::OkStatus();
  }

  // A segment that the chain does not reach was made ahead and is unused, or the chain is broken.
  absl::Status CheckOutsideChain() const {
    for (const auto& [number, segment] : live_) {
      if (!segment->any_frame) continue;
      if (last_->unknown_frame) break;  // CheckTail says so: the chain may go on behind it
      return Refuse(WalRule::kLaterSegmentUsed, AtEnd(*last_),
                    segment->name + " holds a frame at " +
                        OffsetText(segment->first_frame_offset_found) +
                        ", appended only after this segment's SEAL was durable");
    }
    return absl::OkStatus();
  }

  absl::Status CheckTail() {
    const SegmentReport& last = *last_;
    if (last.unknown_frame) {
      return RefuseNewer(AtEnd(last), "a frame verifies that format 1 does not have");
    }
    if (last.promised_to > last.end) {
      return Refuse(WalRule::kDurablePromise, AtEnd(last),
                    "the frame at " + OffsetText(last.promise_offset) +
                        " was appended when everything before " + OffsetText(last.promised_to) +
                        " was durable");
    }
    plan_.torn_tail = !last.tail_is_zero;
    plan_.frames_discarded = last.frames_beyond;
    if (plan_.torn_tail) {
      plan_.torn_description =
          last.name + ": torn tail at " + OffsetText(last.end) + ", " +
          std::to_string(last.file_bytes - last.end) + " bytes not replayed, among them " +
          std::to_string(last.frames_beyond) + " frames that verify; nothing durable promises them";
    }
    plan_.last_sequence = LastSequence();
    // Without a close NOTE, acknowledged asynchronous operations may be lost, and their sequences
    // with them: an operation takes at least a byte of the last segment.
    plan_.next_sequence = next_sequence_ + (last.closed ? 0 : last.file_bytes);
    return absl::OkStatus();
  }

  const WalExpectation& expected_;
  std::span<const SegmentReport> segments_;
  std::map<uint64_t, const SegmentReport*> live_;  // used or usable, not yet in the chain
  const SegmentReport* last_ = nullptr;            // of the chain
  uint64_t next_sequence_ = 0;
  WalPlan plan_;
};

}  // namespace

absl::StatusOr<WalPlan> JudgeWal(const WalExpectation& expected,
                                 std::span<const SegmentReport> segments) {
  return Judge(expected, segments).Run();
}

std::string_view WalRuleName(WalRule rule) {
  switch (rule) {
    case WalRule::kLaterSegmentUsed:
      return "later-segment-used";
    case WalRule::kDurablePromise:
      return "durable-promise";
    case WalRule::kTornTail:
      return "torn-tail";
    case WalRule::kFloorMissing:
      return "floor-missing";
    case WalRule::kSuccessorMissing:
      return "successor-missing";
    case WalRule::kSequenceGap:
      return "sequence-gap";
    case WalRule::kBadHeaderUsed:
      return "bad-header-used";
    case WalRule::kShorterThanHeader:
      return "shorter-than-header";
    case WalRule::kNewerFormat:
      return "newer-format";
    case WalRule::kNeverUsed:
      return "never-used";
  }
  return "unknown";
}

std::optional<WalRule> RefusalRule(const absl::Status& status) {
  auto payload = status.GetPayload(kRulePayloadUrl);
  if (!payload || payload->size() != 1) return std::nullopt;
  return static_cast<WalRule>(payload->Flatten()[0]);
}

}  // namespace lumen
