#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/batch.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"
#include "engine/wal_inspect.h"

namespace lumen {
namespace {

absl::Status CheckOperations(const std::string& path, uint64_t offset, const FrameHeader& header,
                             std::string_view payload) {
  BatchReader reader(payload);
  uint32_t count = 0;
  while (reader.Next()) ++count;
  if (reader.ok() && count == header.operation_count) return absl::OkStatus();
  return absl::DataLossError(path + ": offset " + std::to_string(offset) + ": DATA frame: holds " +
                             std::to_string(count) + " operations that decode, and says " +
                             std::to_string(header.operation_count));
}

std::string Ending(const SegmentReport& segment) {
  if (segment.successor) return "sealed, successor " + WalFileName(*segment.successor);
  if (segment.closed) return "closed";
  return segment.any_frame ? "open" : "unused";
}

std::string HeaderText(const SegmentReport& segment) {
  if (segment.foreign) return "of another database";
  switch (segment.header.state) {
    case FileHeaderState::kGood:
      return "good";
    case FileHeaderState::kNewerFormat:
      return "newer format";
    case FileHeaderState::kBad:
      return "bad";
  }
  return "bad";
}

class Verifier {
 public:
  Verifier(FileSystem& file_system, std::string directory)
      : file_system_(file_system), directory_(DirectoryPath(std::move(directory))) {}

  absl::StatusOr<WalDirectoryReport> Run() {
    ASSIGN_OR_RETURN(names_, file_system_.List(directory_));
    RETURN_IF_ERROR(ReadManifestFiles());
    if (!report_.verdict.ok()) return std::move(report_);
    RETURN_IF_ERROR(ReadSegments());
    Judge();
    return std::move(report_);
  }

 private:
  // OK with a verdict set: what was read is bad. Error: it could not be read.
  absl::Status ReadManifestFiles() {
    const auto listed = [&](const std::string& name) {
      return std::find(names_.begin(), names_.end(), name) != names_.end();
    };
    if (!listed("CURRENT")) {
      report_.verdict = absl::NotFoundError(directory_ + ": there is no CURRENT");
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string current,
                     ReadWholeFile(file_system_, directory_ + "/CURRENT"));
    const absl::StatusOr<uint64_t> number = DecodeCurrent(current);
    report_.verdict = number.status();
    if (!number.ok()) return absl::OkStatus();
    report_.manifest = ManifestFileName(*number);
    if (!listed(report_.manifest)) {
      report_.verdict = absl::DataLossError(directory_ + "/CURRENT: offset 0: names " +
                                            report_.manifest + ", which is missing");
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string manifest,
                     ReadWholeFile(file_system_, directory_ + "/" + report_.manifest));
    const absl::StatusOr<ManifestState> state = ReadManifest(manifest, *number);
    report_.verdict = state.status();
    if (!state.ok()) return absl::OkStatus();
    report_.epoch = state->epoch;
    report_.edits = state->edits;
    report_.tables = state->tables.size();
    report_.floor = WalFileName(state->wal_floor);
    report_.floor_first_sequence = state->wal_floor_first_sequence;
    expected_ = {.epoch = state->epoch,
                 .floor = state->wal_floor,
                 .floor_first_sequence = state->wal_floor_first_sequence,
                 .directory = directory_};
    return absl::OkStatus();
  }

  absl::Status ReadSegments() {
    std::vector<uint64_t> numbers;
    for (const std::string& name : names_) {
      const ParsedName parsed = ParseFileName(name);
      if (parsed.kind == FileKind::kWal) numbers.push_back(parsed.number);
    }
    // Names sort by bytes, and numbers of more than eight digits are longer.
    std::sort(numbers.begin(), numbers.end());
    for (const uint64_t number : numbers) RETURN_IF_ERROR(ReadOne(number));
    return absl::OkStatus();
  }

  absl::Status ReadOne(uint64_t number) {
    const std::string path = directory_ + "/" + WalFileName(number);
    ASSIGN_OR_RETURN(const std::string file, ReadWholeFile(file_system_, path));
    SegmentReport segment = ReadSegment(file, number, expected_.epoch);
    segment.name = path;
    const bool needed = number >= expected_.floor;
    report_.segments.push_back({.name = WalFileName(number),
                                .file_bytes = segment.file_bytes,
                                .needed = needed,
                                .header = HeaderText(segment),
                                .frames = segment.frames,
                                .operations = segment.operations,
                                .end = segment.end,
                                .ending = Ending(segment)});
    if (!needed) return absl::OkStatus();
    if (segment.frames > 0 && contents_.ok()) {
      contents_ = ForEachDataFrame(
          file, segment.header.header.identity, segment.end,
          [&](uint64_t offset, const FrameHeader& header, std::string_view payload) {
            return CheckOperations(path, offset, header, payload);
          });
    }
    needed_.push_back(std::move(segment));
    return absl::OkStatus();
  }

  void Judge() {
    const absl::StatusOr<WalPlan> plan = JudgeWal(expected_, needed_);
    report_.verdict = plan.ok() ? contents_ : plan.status();
    if (!report_.verdict.ok()) return;
    report_.last_sequence = plan->last_sequence;
    report_.next_sequence = plan->next_sequence;
    report_.torn_tail = plan->torn_description;
  }

  FileSystem& file_system_;
  std::string directory_;
  std::vector<std::string> names_;
  WalExpectation expected_;
  std::vector<SegmentReport> needed_;
  absl::Status contents_;  // the first frame whose operations do not decode
  WalDirectoryReport report_;
};

}  // namespace

absl::StatusOr<WalDirectoryReport> VerifyWalDirectory(FileSystem& file_system,
                                                      const std::string& directory) {
  return Verifier(file_system, directory).Run();
}

std::vector<std::string> DescribeWalDirectory(const WalDirectoryReport& report) {
  std::vector<std::string> lines;
  if (!report.floor.empty()) {
    lines.push_back(report.manifest + ": epoch " + std::to_string(report.epoch) + ", " +
                    std::to_string(report.edits) + " edits, " + std::to_string(report.tables) +
                    " tables, WAL floor " + report.floor + " from sequence " +
                    std::to_string(report.floor_first_sequence));
  }
  for (const VerifiedSegment& segment : report.segments) {
    lines.push_back(segment.name + ": " + std::to_string(segment.file_bytes) + " bytes, header " +
                    segment.header + ", " + std::to_string(segment.frames) + " frames, " +
                    std::to_string(segment.operations) + " operations up to offset " +
                    std::to_string(segment.end) + ", " + segment.ending +
                    (segment.needed ? "" : ", older than the floor"));
  }
  if (!report.torn_tail.empty()) lines.push_back(report.torn_tail);
  if (!report.verdict.ok()) {
    lines.push_back("REFUSED: " + std::string(report.verdict.message()));
  } else {
    lines.push_back("good: last sequence " + std::to_string(report.last_sequence) +
                    ", next sequence " + std::to_string(report.next_sequence));
  }
  return lines;
}

}  // namespace lumen
