#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/format/frame.h"

// Reading WAL segments: pure functions of bytes. Rules and verdicts:
// docs/file_formats.md#wal-verdicts.
namespace lumen {

// What one segment's bytes say, by themselves.
struct SegmentReport {
  uint64_t number = 0;
  std::string name;
  uint64_t file_bytes = 0;
  FileHeaderReading header;
  // Some frame header verifies somewhere, under the epoch asked about (needs no good file header).
  bool any_frame = false;
  uint64_t first_frame_offset_found = 0;  // any_frame
  // The header is good but names another epoch; any_frame then counts that epoch's frames as well.
  bool foreign = false;

  // The good frames from the front.
  uint64_t frames = 0;
  uint64_t operations = 0;
  std::optional<uint64_t> first_sequence;  // of the first frame, whatever its type
  uint64_t next_sequence = 0;              // after the last good frame; meaningful when frames > 0
  std::optional<uint64_t>
      sequence_gap_at;  // offset of the first frame that does not continue the one before it
  std::optional<uint64_t> successor;  // the last good frame is a SEAL that names this segment
  bool closed = false;                // the last good frame is a close NOTE
  uint64_t end = 0;                   // X: the first offset without a good frame

  // Beyond X.
  uint64_t promise_offset =
      0;                     // of the frame header beyond X with the largest durable_to, if any > X
  uint64_t promised_to = 0;  // that durable_to; 0 when none promises X
  bool tail_is_zero = true;  // with a bad header: everything behind the header block
  uint64_t frames_beyond = 0;            // frame headers that verify beyond X
  std::optional<FrameHeader> bad_frame;  // header at X verifies but its payload does not
  bool unknown_frame = false;            // ... or has a type, flag or field that format 1 has not

  friend bool operator==(const SegmentReport&, const SegmentReport&) = default;
};

// `file` is the whole file as read. `epoch`: the database's, from the manifest, or the segment's
// own when unknown.
SegmentReport ReadSegment(std::string_view file, uint64_t number, std::optional<uint64_t> epoch);

// A segment of which only the front was read, because the rest is known to be zeros.
struct SegmentBytes {
  // Adds zeros to the front where it does not reach so far and the file does.
  void ExtendTo(uint64_t end);

  std::string front;
  uint64_t file_bytes = 0;
};
// How much of a segment has to be read where there are only zeros from `data_end` on: the header
// block, and whole sectors, so that no frame's header is cut.
uint64_t SegmentFrontBytes(uint64_t data_end, uint64_t file_bytes);
// As if the zeros had been read. Afterwards `segment.front` goes at least to the report's end.
SegmentReport ReadSegment(SegmentBytes& segment, uint64_t number, std::optional<uint64_t> epoch);

struct WalExpectation {
  uint64_t epoch = 0;
  uint64_t floor = 0;                 // oldest segment that is needed
  uint64_t floor_first_sequence = 0;  // its first frame has exactly this
  std::string directory = {};         // for messages
};

struct WalPlan {
  std::vector<uint64_t> replay;  // segment numbers, ascending; each to its report's end
  uint64_t next_sequence = 0;    // to hand out; jumps after anything but a clean close
  uint64_t last_sequence = 0;    // last recovered, or floor_first_sequence - 1
  bool torn_tail = false;
  std::string torn_description;  // one line, when torn and not all zero
  uint64_t frames_discarded = 0;
  uint64_t operations = 0;
};

// Every segment with a number >= floor, ascending. DATA_LOSS, saying file, offset, frame kind,
// rule, last good sequence, bytes after X, and the two commands that help, where something durable
// promises what is not there. UNIMPLEMENTED: written by a newer format.
absl::StatusOr<WalPlan> JudgeWal(const WalExpectation& expected,
                                 std::span<const SegmentReport> segments);

// Which rules refused or accepted, for tests and reports.
enum class WalRule : uint8_t {
  kLaterSegmentUsed,
  kDurablePromise,
  kTornTail,
  kFloorMissing,
  kSuccessorMissing,
  kSequenceGap,
  kBadHeaderUsed,
  kShorterThanHeader,
  kNewerFormat,
  kNeverUsed,
};
std::string_view WalRuleName(WalRule rule);
// The rule by which JudgeWal refused (a status payload).
std::optional<WalRule> RefusalRule(const absl::Status& status);

// The operations of a good DATA frame whose stored payload is `stored`, in `decompressed` where
// they were compressed. Empty: they do not decompress.
std::optional<std::string_view> StoredDataPayload(const FrameHeader& header,
                                                  std::string_view stored,
                                                  std::string& decompressed);

// Calls `visit` for every good DATA frame from the front up to `end`, with its decompressed payload
// (good during the call). Stops at the first error. DATA_LOSS: a payload that verifies does not
// decompress. The operations in it are the visitor's to check against operation_count.
absl::Status ForEachDataFrame(
    std::string_view file, const FileIdentity& identity, uint64_t end,
    const std::function<absl::Status(uint64_t offset, const FrameHeader& header,
                                     std::string_view payload)>& visit);

}  // namespace lumen
