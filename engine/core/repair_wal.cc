#include "engine/core/repair_wal.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/batch.h"
#include "engine/format/coding.h"
#include "engine/wal/frame_walk.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

// Empty: they do not decode, or are not as many as the frame says.
std::optional<std::vector<RepairPlan::LostOperation>> DecodeOperations(const FrameHeader& header,
                                                                       std::string_view stored) {
  std::string decompressed;
  const auto payload = StoredDataPayload(header, stored, decompressed);
  if (!payload) return std::nullopt;
  std::vector<RepairPlan::LostOperation> operations;
  BatchReader reader(*payload);
  uint64_t sequence = header.first_sequence;
  while (const auto operation = reader.Next()) {
    operations.push_back({sequence++, operation->kind, std::string(operation->key)});
  }
  if (!reader.ok() || operations.size() != header.operation_count) return std::nullopt;
  return operations;
}

// One segment, and how far its good frames can be replayed.
struct Segment {
  SegmentReport report;
  bool usable = false;         // its header is good and of this database
  bool damaged = false;        // holds frames that nobody can follow, or promises what is not there
  bool shows_all = true;       // false: it may have held frames of which nothing is left
  std::string why;             // why frames end at report.end, or cannot be used at all
  uint64_t next_sequence = 0;  // behind the last frame that can be replayed
};

class Salvage {
 public:
  Salvage(FileSystem& files, const WalQuestion& question, RepairPlan& plan)
      : files_(files), question_(question), plan_(plan) {}

  absl::StatusOr<WalSalvage> Run() {
    for (const uint64_t number : question_.segments) RETURN_IF_ERROR(Read(number));
    if (question_.floor) {
      FollowFrom(*question_.floor, question_.floor_first_sequence);
    } else {
      FollowFromTables();
    }
    for (const Segment& segment : segments_) {
      if (superseded_before_ > segment.report.number) {
        if (segment.report.any_frame) plan_.superseded.push_back(segment.report.name);
      } else {
        RETURN_IF_ERROR(ListDropped(segment));
      }
    }
    if (broken_) {
      plan_.risks.push_back(
          "a WAL segment that is missing altogether cannot be noticed behind what is damaged");
    }
    salvage_.highest_sequence = std::max(salvage_.highest_sequence, next_ - 1);
    return std::move(salvage_);
  }

 private:
  std::string PathOf(uint64_t number) const {
    return question_.directory + "/" + WalFileName(number);
  }
  FileIdentity IdentityOf(uint64_t number) const {
    return {FramedFileKind::kWal, question_.epoch, number};
  }

  absl::Status Read(uint64_t number) {
    ASSIGN_OR_RETURN(const std::string file, ReadWholeFile(files_, PathOf(number)));
    Segment segment;
    segment.report = ReadSegment(file, number, question_.epoch);
    SegmentReport& report = segment.report;
    if (report.header.state == FileHeaderState::kNewerFormat || report.unknown_frame) {
      return absl::UnimplementedError(absl::StrCat(
          PathOf(number), ": is of a newer format, which this program must not touch"));
    }
    segment.usable = report.header.state == FileHeaderState::kGood && !report.foreign;
    if (segment.usable) {
      CutAtMalformedFrame(file, segment);
      DescribeEnd(segment);
    } else {
      segment.damaged = report.any_frame || (!question_.floor && !report.tail_is_zero);
      segment.why =
          report.foreign           ? "belongs to another database"
          : report.file_bytes == 0 ? "the file is empty"
          : report.file_bytes < kHeaderBlockBytes
              ? absl::StrCat("the file ends within its header, after ", report.file_bytes, " bytes")
              : "its header is damaged";
      segment.shows_all = false;
    }
    segments_.push_back(std::move(segment));
    return absl::OkStatus();
  }

  // A frame that verifies and does not hold the operations it counts ends what can be replayed.
  void CutAtMalformedFrame(std::string_view file, Segment& segment) {
    SegmentReport& report = segment.report;
    segment.next_sequence = report.first_sequence.value_or(0);
    uint64_t operations = 0;
    uint64_t frames = 0;
    uint64_t at = kHeaderBlockBytes;
    while (at < report.end) {
      const auto frame = ReadGoodFrame(IdentityOf(report.number), file, at);
      const bool data = frame->header.type == FrameType::kData;
      if (data && !DecodeOperations(frame->header, frame->payload)) {
        segment.why = absl::StrCat("the frame at offset ", at,
                                   " verifies but holds no such operations as it counts");
        segment.damaged = true;
        report.successor.reset();
        report.closed = false;
        break;
      }
      ++frames;
      operations += frame->header.operation_count;
      segment.next_sequence = frame->header.first_sequence + frame->header.operation_count;
      at = frame->next;
    }
    report.end = at;
    report.frames = frames;
    report.operations = operations;
  }

  static void DescribeEnd(Segment& segment) {
    const SegmentReport& report = segment.report;
    if (segment.damaged) return;
    if (report.sequence_gap_at) {
      segment.damaged = true;
      segment.why = "the frame there does not continue the sequence";
    } else if (report.promised_to > report.end) {
      segment.damaged = true;
      segment.why = "no frame verifies there, and a later one promises it";
    } else if (report.file_bytes < report.header.header.file_bytes && !report.closed &&
               !report.successor) {
      segment.damaged = true;
      segment.shows_all = false;
      segment.why = absl::StrCat("the file has ", report.file_bytes, " of the ",
                                 report.header.header.file_bytes, " bytes that its header says");
    } else if (!report.tail_is_zero) {
      segment.why = "a torn tail, which nothing promises";
    }
  }

  const Segment* Find(uint64_t number) const {
    for (const Segment& segment : segments_) {
      if (segment.report.number == number) return &segment;
    }
    return nullptr;
  }

  // Replays the chain from `number`, whose first frame must have `sequence`, as far as it goes.
  void FollowFrom(uint64_t number, uint64_t sequence) {
    next_ = sequence;
    for (const Segment* segment = Find(number);; segment = Find(number)) {
      if (segment == nullptr) {
        plan_.dropped_segments.push_back(Missing(number));
        return;
      }
      const SegmentReport& report = segment->report;
      if (!segment->usable) return;
      if (report.first_sequence && *report.first_sequence != next_) return;
      Replay(*segment);
      broken_ = segment->damaged;
      if (!report.successor || *report.successor <= number) return;
      broken_ = true;  // until its successor is there
      number = *report.successor;
    }
  }

  void Replay(const Segment& segment) {
    const SegmentReport& report = segment.report;
    if (report.frames > 0) next_ = segment.next_sequence;
    if (report.operations > 0) salvage_.kept_sequence = segment.next_sequence - 1;
    salvage_.replay.push_back({report.number, report.end});
    salvage_.operations += report.operations;
    plan_.replayed.push_back({.name = report.name,
                              .number = report.number,
                              .end = report.end,
                              .frames = report.frames,
                              .operations = report.operations});
  }

  // ---- without a manifest

  // Segments of which each continues the one before it.
  struct Chain {
    std::vector<const Segment*> segments;
    uint64_t first = 0;  // sequences
    uint64_t next = 0;
  };

  // By its SEAL; or by the sequence that an open after a crash goes on with.
  static bool Continues(const Segment& before, const Segment& segment) {
    const SegmentReport& last = before.report;
    const uint64_t first = *segment.report.first_sequence;
    if (before.damaged) return false;
    if (last.successor) {
      return *last.successor == segment.report.number && first == before.next_sequence;
    }
    return first == before.next_sequence + (last.closed ? 0 : last.file_bytes);
  }

  std::vector<Chain> FindChains() const {
    std::vector<Chain> runs;
    for (const Segment& segment : segments_) {
      if (!segment.usable || segment.report.frames == 0) continue;
      if (runs.empty() || !Continues(*runs.back().segments.back(), segment)) runs.emplace_back();
      Chain& run = runs.back();
      if (run.segments.empty()) run.first = *segment.report.first_sequence;
      run.segments.push_back(&segment);
      run.next = segment.next_sequence;
    }
    return runs;
  }

  void FollowFromTables() {
    const std::vector<Chain> runs = FindChains();
    const uint64_t wanted = question_.tables_reach + 1;
    next_ = wanted;
    size_t chosen = 0;
    while (chosen < runs.size() && runs[chosen].first <= wanted) ++chosen;
    // The last run that begins within the tables ...
    if (chosen > 0 && runs[chosen - 1].next > wanted) return ReplayChain(runs[chosen - 1]);
    // ... or, where all of those are in the tables, the next one.
    const uint64_t flushed = chosen > 0 ? runs[chosen - 1].segments.back()->report.number : 0;
    superseded_before_ = flushed + 1;
    if (chosen == runs.size()) return;
    const uint64_t first_number = runs[chosen].segments.front()->report.number;
    for (const Segment& segment : segments_) {
      const uint64_t number = segment.report.number;
      if (segment.damaged && number >= flushed && number < first_number) return;
    }
    if ((runs[chosen].first - wanted) % kSequenceJumpUnit != 0) return;
    if (runs[chosen].first > wanted) {
      plan_.risks.push_back(absl::StrCat(
          "sequences ", wanted, " to ", runs[chosen].first - 1,
          " are in no file: skipped by an open after a crash, to judge by their number"));
    }
    ReplayChain(runs[chosen]);
  }

  void ReplayChain(const Chain& run) {
    superseded_before_ = run.segments.front()->report.number;
    for (const Segment* segment : run.segments) Replay(*segment);
    broken_ = run.segments.back()->damaged;
  }

  // ---- what is not replayed

  absl::Status ListDropped(const Segment& segment) {
    const SegmentReport& report = segment.report;
    const auto replayed =
        std::find_if(salvage_.replay.begin(), salvage_.replay.end(),
                     [&](const ReplayRange& range) { return range.number == report.number; });
    const bool kept = replayed != salvage_.replay.end();
    const uint64_t from = kept ? replayed->end : kHeaderBlockBytes;
    if (report.number < question_.floor.value_or(0)) return absl::OkStatus();
    // Nothing behind the frames, or a segment that was made ahead and never used.
    const bool nothing_there =
        kept ? report.tail_is_zero && report.frames_beyond == 0 && !report.bad_frame &&
                   !segment.damaged
             : !report.any_frame && !segment.damaged && (segment.usable || !broken_);
    if (nothing_there) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string file, ReadWholeFile(files_, PathOf(report.number)));
    RepairPlan::DroppedSegment dropped = {
        .name = report.name,
        .reason = !segment.why.empty() ? segment.why : "lies behind what is damaged or missing",
        .from = from,
        .bytes = file.size() > from ? file.size() - from : 0};
    ListFrames(file, report.number, dropped);
    if (!segment.shows_all) dropped.unknown_from = next_;
    plan_.lost_files.push_back(report.name);
    plan_.dropped_segments.push_back(std::move(dropped));
    return absl::OkStatus();
  }

  // As recovery looks for promises: at every 8-byte position.
  void ListFrames(std::string_view file, uint64_t number, RepairPlan::DroppedSegment& dropped) {
    const FileIdentity identity = IdentityOf(number);
    uint64_t at = dropped.from;
    while (at < file.size()) {
      const auto header = ReadFrameHeader(identity, file, at);
      if (!header) {
        at += 8;
        continue;
      }
      const auto payload = ReadFramePayload(identity, file, at, *header);
      at = payload ? NextFrameOffset(at, header->length, header->sync()) : at + 8;
      if (header->type == FrameType::kSeal && payload) NoteSuccessor(*payload);
      if (header->type != FrameType::kData || header->operation_count == 0) continue;
      NoteFrame(*header, payload, dropped);
    }
  }

  void NoteSuccessor(std::string_view payload) {
    const uint64_t successor = payload.size() == 8 ? LoadFixed<uint64_t>(payload.data()) : 0;
    if (successor == 0 || Find(successor) != nullptr) return;
    plan_.dropped_segments.push_back(Missing(successor));
  }

  RepairPlan::DroppedSegment Missing(uint64_t number) const {
    return {.name = WalFileName(number), .reason = "is missing", .unknown_from = next_};
  }

  void NoteFrame(const FrameHeader& header, std::optional<std::string_view> payload,
                 RepairPlan::DroppedSegment& dropped) {
    ++dropped.frames;
    if (header.first_sequence > next_) {
      plan_.unreadable.push_back({next_, header.first_sequence - 1});
    }
    const uint64_t last = header.first_sequence + header.operation_count - 1;
    next_ = std::max(next_, last + 1);
    salvage_.highest_sequence = std::max(salvage_.highest_sequence, last);
    auto operations = payload ? DecodeOperations(header, *payload) : std::nullopt;
    if (operations) {
      dropped.operations.insert(dropped.operations.end(),
                                std::make_move_iterator(operations->begin()),
                                std::make_move_iterator(operations->end()));
      return;
    }
    dropped.unreadable_operations += header.operation_count;
    plan_.unreadable.push_back({header.first_sequence, last});
  }

  FileSystem& files_;
  const WalQuestion& question_;
  RepairPlan& plan_;
  std::vector<Segment> segments_;
  uint64_t next_ = 1;               // the sequence behind what has been accounted for
  uint64_t superseded_before_ = 0;  // segments with lower numbers are in tables
  // Whether more may have followed the chain. Then a segment whose header is damaged may have been
  // used; otherwise it was being made when the power went.
  bool broken_ = true;
  WalSalvage salvage_;
};

}  // namespace

absl::StatusOr<WalSalvage> SalvageWal(FileSystem& file_system, const WalQuestion& question,
                                      RepairPlan& plan) {
  return Salvage(file_system, question, plan).Run();
}

}  // namespace lumen
