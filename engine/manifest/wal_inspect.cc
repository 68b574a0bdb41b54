#include "engine/wal_inspect.h"

#include <utility>

#include "engine/base/status.h"
#include "engine/batch.h"
#include "engine/format/coding.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/frame_walk.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

std::string Escaped(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string to = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      to += c;
    } else {
      to += "\\x";
      to += kDigits[byte >> 4];
      to += kDigits[byte & 0xf];
    }
  }
  return to + "\"";
}

std::string FlagsText(uint8_t flags) {
  std::string text;
  const auto add = [&](const std::string& name) { text += (text.empty() ? "" : "|") + name; };
  if ((flags & kFrameSync) != 0) add("SYNC");
  if ((flags & kFrameLz4) != 0) add("LZ4");
  if ((flags & kFrameClose) != 0) add("CLOSE");
  const int unknown = flags & ~kKnownFrameFlags;
  if (unknown != 0) add(std::to_string(unknown));
  return text;
}

std::string StateText(FileHeaderState state) {
  switch (state) {
    case FileHeaderState::kGood:
      return "good";
    case FileHeaderState::kBad:
      return "bad";
    case FileHeaderState::kNewerFormat:
      return "newer format";
  }
  return "bad";
}

std::vector<std::string> DescribeOperations(std::string_view payload, uint32_t expected) {
  std::vector<std::string> lines;
  BatchReader reader(payload);
  uint32_t count = 0;
  while (const auto operation = reader.Next()) {
    ++count;
    const bool put = operation->kind == EntryKind::kPut;
    lines.push_back((put ? "put " : "delete ") + Escaped(operation->key) +
                    (put ? " " + std::to_string(operation->value.size()) + " bytes" : ""));
  }
  if (!reader.ok() || count != expected) {
    lines.push_back("MALFORMED: " + std::to_string(count) + " operations decode");
  }
  return lines;
}

std::vector<std::string> DescribeEdit(std::string_view payload) {
  const absl::StatusOr<VersionEdit> edit = VersionEdit::Decode(payload);
  if (!edit.ok()) return {"MALFORMED: " + std::string(edit.status().message())};
  std::vector<std::string> lines;
  for (const auto& [level, number] : edit->removed) {
    lines.push_back("remove " + TableFileName(number) + " from level " + std::to_string(level));
  }
  for (const TableRecord& table : edit->added) {
    const TableSummary& summary = table.summary;
    lines.push_back("add " + TableFileName(table.number) + " to level " +
                    std::to_string(table.level) + ": " + std::to_string(summary.file_bytes) +
                    " bytes, " + std::to_string(summary.entries) + " entries, keys " +
                    Escaped(summary.smallest_key) + " to " + Escaped(summary.largest_key) +
                    ", sequences " + std::to_string(summary.smallest_sequence) + " to " +
                    std::to_string(summary.largest_sequence));
  }
  if (edit->wal_floor) {
    lines.push_back("WAL floor " + WalFileName(*edit->wal_floor) + " from sequence " +
                    std::to_string(edit->wal_floor_first_sequence));
  }
  if (edit->next_file_number) {
    lines.push_back("next file number " + std::to_string(*edit->next_file_number));
  }
  if (edit->next_sequence) {
    lines.push_back("next sequence " + std::to_string(*edit->next_sequence));
  }
  return lines;
}

// Dumps one file whose bytes are in memory.
class Dumper {
 public:
  Dumper(std::string_view file, const FileIdentity& named, DumpSink& sink)
      : file_(file), identity_(named), sink_(sink) {}

  void Run() {
    const FileHeaderReading reading = ReadFileHeader(file_, identity_.kind, identity_.number);
    identity_.epoch = reading.header.identity.epoch;
    sink_.OnHeader({.state = StateText(reading.state),
                    .format_version = reading.format_version,
                    .kind = Wal() ? "WAL segment" : "manifest",
                    .number = identity_.number,
                    .epoch = identity_.epoch,
                    .header_file_bytes = reading.header.file_bytes,
                    .file_bytes = file_.size()});
    if (reading.state == FileHeaderState::kGood) {
      DumpGoodFrames();
      DumpFramesBeyond();
    }
    sink_.OnVerdict(Verdict(reading));
  }

 private:
  bool Wal() const { return identity_.kind == FramedFileKind::kWal; }

  static DumpedFrame Describe(uint64_t offset, const FrameHeader& header) {
    DumpedFrame frame;
    frame.offset = offset;
    frame.length = header.length;
    frame.type = FrameTypeName(header.type);
    frame.flags = FlagsText(header.flags);
    frame.operation_count = header.operation_count;
    frame.first_sequence = header.first_sequence;
    frame.durable_to = header.durable_to;
    return frame;
  }

  std::vector<std::string> Contents(const GoodFrame& frame) {
    if (frame.header.type == FrameType::kNote) return {};
    if (frame.header.type == FrameType::kSeal) {
      return {"successor " + WalFileName(LoadFixed<uint64_t>(frame.payload.data()))};
    }
    if (!Wal()) return DescribeEdit(frame.payload);
    const auto payload = StoredDataPayload(frame.header, frame.payload, decompressed_);
    if (!payload) return {"MALFORMED: the payload does not decompress"};
    return DescribeOperations(*payload, frame.header.operation_count);
  }

  void DumpGoodFrames() {
    verdict_.end = kHeaderBlockBytes;
    while (const auto frame = ReadGoodFrame(identity_, file_, verdict_.end)) {
      DumpedFrame dumped = Describe(verdict_.end, frame->header);
      dumped.good = true;
      dumped.contents = Contents(*frame);
      sink_.OnFrame(dumped);
      ++verdict_.good_frames;
      verdict_.operations += frame->header.operation_count;
      verdict_.last_sequence = frame->header.first_sequence + frame->header.operation_count - 1;
      verdict_.end = frame->next;
      if (frame->header.type == FrameType::kSeal) break;
    }
  }

  void DumpFramesBeyond() {
    for (uint64_t at = verdict_.end; at < file_.size(); at += 8) {
      if (const auto header = ReadFrameHeader(identity_, file_, at)) {
        sink_.OnFrame(Describe(at, *header));
      }
    }
  }

  DumpedVerdict Verdict(const FileHeaderReading& reading) {
    const absl::Status judged =
        Wal() ? JudgeSegment() : ReadManifest(file_, identity_.number).status();
    verdict_.newer_format = absl::IsUnimplemented(judged);
    verdict_.damaged = !judged.ok() && !verdict_.newer_format;
    if (!judged.ok()) {
      verdict_.text = std::string(judged.message());
    } else if (reading.state == FileHeaderState::kBad) {
      verdict_.text = "the header block does not verify: never used, or damaged";
    } else if (file_.size() > verdict_.end &&
               !ExamineTail(identity_, file_, verdict_.end).is_zero) {
      verdict_.text = "torn tail at offset " + std::to_string(verdict_.end) +
                      ", unless a later segment holds a frame";
    } else {
      verdict_.text = "nothing but zeros or the end of the file behind the good frames";
    }
    return std::move(verdict_);
  }

  // What the rules say when this segment is all there is.
  absl::Status JudgeSegment() {
    SegmentReport report = ReadSegment(file_, identity_.number, std::nullopt);
    if (report.header.state == FileHeaderState::kBad) return absl::OkStatus();
    report.successor.reset();
    const WalExpectation expected = {.epoch = identity_.epoch,
                                     .floor = identity_.number,
                                     .floor_first_sequence = report.first_sequence.value_or(1)};
    return JudgeWal(expected, {&report, 1}).status();
  }

  std::string_view file_;
  FileIdentity identity_;
  DumpSink& sink_;
  DumpedVerdict verdict_;
  std::string decompressed_;
};

class TextSink : public DumpSink {
 public:
  explicit TextSink(const std::function<void(std::string_view)>& line) : line_(line) {}

  void OnHeader(const DumpedHeader& header) override {
    line_(header.kind + " " + std::to_string(header.number) + ": header " + header.state +
          ", format " + std::to_string(header.format_version) + ", epoch " +
          std::to_string(header.epoch) + ", preallocated " +
          std::to_string(header.header_file_bytes) + " bytes, has " +
          std::to_string(header.file_bytes));
  }
  void OnFrame(const DumpedFrame& frame) override {
    line_(std::to_string(frame.offset) + ": " + frame.type +
          (frame.flags.empty() ? "" : " " + frame.flags) + (frame.good ? "" : " NOT REPLAYED") +
          ", sequence " + std::to_string(frame.first_sequence) + ", operations " +
          std::to_string(frame.operation_count) + ", length " + std::to_string(frame.length) +
          ", durable to " + std::to_string(frame.durable_to));
    for (const std::string& content : frame.contents) line_("    " + content);
  }
  void OnVerdict(const DumpedVerdict& verdict) override {
    const std::string_view finding = verdict.damaged        ? "DAMAGED: "
                                     : verdict.newer_format ? "NEWER FORMAT: "
                                                            : "";
    line_(std::string(finding) + std::to_string(verdict.good_frames) + " good frames, " +
          std::to_string(verdict.operations) + " operations, up to offset " +
          std::to_string(verdict.end) + ": " + verdict.text);
  }

 private:
  const std::function<void(std::string_view)>& line_;
};

}  // namespace

absl::Status DumpWal(FileSystem& file_system, const std::string& path, DumpSink& sink) {
  const ParsedName name = ParseFileName(std::string_view(path).substr(path.rfind('/') + 1));
  if (name.kind != FileKind::kWal && name.kind != FileKind::kManifest) {
    return absl::InvalidArgumentError(path + ": neither NNNNNNNN.wal nor MANIFEST-n");
  }
  ASSIGN_OR_RETURN(const std::string file, ReadWholeFile(file_system, path));
  const FramedFileKind kind =
      name.kind == FileKind::kWal ? FramedFileKind::kWal : FramedFileKind::kManifest;
  Dumper(file, {.kind = kind, .number = name.number}, sink).Run();
  return absl::OkStatus();
}

absl::Status DumpWalAsText(FileSystem& file_system, const std::string& path,
                           const std::function<void(std::string_view line)>& line) {
  TextSink sink(line);
  return DumpWal(file_system, path, sink);
}

}  // namespace lumen
