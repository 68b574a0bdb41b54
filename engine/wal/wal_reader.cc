#include "engine/wal/wal_reader.h"

#include <lz4.h>

#include <algorithm>

#include "engine/base/status.h"
#include "engine/format/coding.h"
#include "engine/wal/frame_walk.h"
#include "engine/wal/wal_segment.h"

namespace lumen {
namespace {

void WalkGoodFrames(std::string_view file, const FileIdentity& identity, SegmentReport& report) {
  uint64_t at = kHeaderBlockBytes;
  while (const std::optional<GoodFrame> frame = ReadGoodFrame(identity, file, at)) {
    if (report.first_sequence && frame->header.first_sequence != report.next_sequence) {
      report.sequence_gap_at = at;
      break;
    }
    if (!report.first_sequence) report.first_sequence = frame->header.first_sequence;
    ++report.frames;
    report.operations += frame->header.operation_count;
    report.next_sequence = frame->header.first_sequence + frame->header.operation_count;
    report.closed = (frame->header.flags & kFrameClose) != 0;
    at = frame->next;
    if (frame->header.type == FrameType::kSeal) {
      report.successor = LoadFixed<uint64_t>(frame->payload.data());
      break;
    }
  }
  report.end = at;
}

void TakeTail(const FrameTail& tail, SegmentReport& report) {
  report.tail_is_zero = tail.is_zero;
  report.frames_beyond = tail.frames_beyond;
  report.promise_offset = tail.promise_offset;
  report.promised_to = tail.promised_to;
  report.bad_frame = tail.bad_frame;
  report.unknown_frame = tail.unknown_frame;
}

void NoteFirstFrame(const FrameTail& tail, uint64_t x, SegmentReport& report) {
  if (report.any_frame) return;
  report.any_frame = tail.bad_frame.has_value() || tail.first_frame_beyond.has_value();
  report.first_frame_offset_found = tail.bad_frame ? x : tail.first_frame_beyond.value_or(0);
}

// Nothing of such a segment is replayed: all that matters is whether it was ever used.
void LookForUse(std::string_view file, const FileIdentity& identity, SegmentReport& report) {
  const FrameTail tail = ExamineTail(identity, file, kHeaderBlockBytes);
  report.tail_is_zero = tail.is_zero;
  report.frames_beyond = std::max(report.frames_beyond, tail.frames_beyond);
  NoteFirstFrame(tail, kHeaderBlockBytes, report);
}

// LZ4 cannot expand more than this; a larger claim is refused before memory is taken for it.
constexpr uint64_t kMostLz4Expansion = 255;

bool DecompressPayload(std::string_view stored, std::string& to) {
  uint32_t bytes = 0;
  if (!TakeFixed(stored, bytes) || bytes > LZ4_MAX_INPUT_SIZE ||
      bytes > stored.size() * kMostLz4Expansion || stored.size() > LZ4_MAX_INPUT_SIZE) {
    return false;
  }
  to.resize(bytes);
  return LZ4_decompress_safe(stored.data(), to.data(), static_cast<int>(stored.size()),
                             static_cast<int>(bytes)) == static_cast<int>(bytes);
}

}  // namespace

SegmentReport ReadSegment(std::string_view file, uint64_t number, std::optional<uint64_t> epoch) {
  SegmentReport report;
  report.number = number;
  report.name = WalFileName(number);
  report.file_bytes = file.size();
  report.header = ReadFileHeader(file, FramedFileKind::kWal, number);
  const bool readable = report.header.state == FileHeaderState::kGood;
  FileIdentity identity = {.kind = FramedFileKind::kWal, .number = number};

  if (readable && (!epoch || *epoch == report.header.header.identity.epoch)) {
    identity.epoch = report.header.header.identity.epoch;
    WalkGoodFrames(file, identity, report);
    report.any_frame = report.frames > 0;
    report.first_frame_offset_found = report.any_frame ? kHeaderBlockBytes : 0;
    const FrameTail tail = ExamineTail(identity, file, report.end);
    TakeTail(tail, report);
    NoteFirstFrame(tail, report.end, report);
    return report;
  }
  report.foreign = readable;
  report.end = kHeaderBlockBytes;
  if (readable) {
    identity.epoch = report.header.header.identity.epoch;
    LookForUse(file, identity, report);
  }
  identity.epoch = epoch.value_or(identity.epoch);
  LookForUse(file, identity, report);
  return report;
}

uint64_t SegmentFrontBytes(uint64_t data_end, uint64_t file_bytes) {
  const uint64_t whole_sectors = RoundUp(data_end, kSectorBytes);
  return std::min(file_bytes, std::max(whole_sectors, kHeaderBlockBytes));
}

void SegmentBytes::ExtendTo(uint64_t end) {
  end = std::min(end, file_bytes);
  if (front.size() < end) front.resize(static_cast<size_t>(end));
}

SegmentReport ReadSegment(SegmentBytes& segment, uint64_t number, std::optional<uint64_t> epoch) {
  SegmentReport report = ReadSegment(std::string_view(segment.front), number, epoch);
  // The frame may hold the first of the zeros. Of those behind it only the headers count.
  if (report.bad_frame) {
    segment.ExtendTo(report.end + report.bad_frame->length);
    report = ReadSegment(std::string_view(segment.front), number, epoch);
  }
  report.file_bytes = segment.file_bytes;
  return report;
}

std::optional<std::string_view> StoredDataPayload(const FrameHeader& header,
                                                  std::string_view stored,
                                                  std::string& decompressed) {
  if ((header.flags & kFrameLz4) == 0) return stored;
  if (!DecompressPayload(stored, decompressed)) return std::nullopt;
  return decompressed;
}

absl::Status ForEachDataFrame(
    std::string_view file, const FileIdentity& identity, uint64_t end,
    const std::function<absl::Status(uint64_t offset, const FrameHeader& header,
                                     std::string_view payload)>& visit) {
  std::string decompressed;
  uint64_t at = kHeaderBlockBytes;
  while (at < end) {
    const std::optional<GoodFrame> frame = ReadGoodFrame(identity, file, at);
    if (!frame) {
      return absl::DataLossError(WalFileName(identity.number) + ": offset " + std::to_string(at) +
                                 ": the frame does not verify");
    }
    if (frame->header.type == FrameType::kData) {
      const auto payload = StoredDataPayload(frame->header, frame->payload, decompressed);
      if (!payload) {
        return absl::DataLossError(WalFileName(identity.number) + ": offset " + std::to_string(at) +
                                   ": DATA frame: the payload does not decompress");
      }
      RETURN_IF_ERROR(visit(at, frame->header, *payload));
    }
    at = frame->next;
  }
  return absl::OkStatus();
}

}  // namespace lumen
