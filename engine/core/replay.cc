#include "engine/core/replay.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/table_output.h"
#include "engine/memtable/memtable.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

// Collects replayed operations in a memtable and writes it out whenever it is full.
class ReplaySink {
 public:
  ReplaySink(EngineContext& context, TableNames names) : context_(context), names_(names) {}

  absl::Status Add(std::string_view segment, uint64_t offset, const FrameHeader& header,
                   std::string_view payload) {
    SequenceNumber sequence = header.first_sequence;
    BatchReader operations(payload);
    while (const auto operation = operations.Next()) {
      memtable_->Insert({operation->key, sequence++, operation->kind, operation->value});
    }
    if (!operations.ok() || sequence != header.first_sequence + header.operation_count) {
      return absl::DataLossError(absl::StrCat(
          context_.Path(segment), ": the frame at offset ", offset, " verifies but holds ",
          operations.ok() ? "another number of operations than it says"
                          : "bytes that are no operation",
          "; `lumen wal dump ", context_.Path(segment), "` shows it; ",
          CommandsThatHelp(context_.directory)));
    }
    operations_ += header.operation_count;
    return memtable_->memory_bytes() >= context_.options.memtable_bytes ? WriteOut()
                                                                        : absl::OkStatus();
  }

  // `expected`: the operations that the verdict counted. The segments were read anew since.
  absl::StatusOr<std::vector<TableRecord>> Finish(uint64_t expected) {
    if (operations_ != expected) {
      return absl::DataLossError(absl::StrCat(
          context_.directory, ": the WAL held ", expected, " operations when it was judged and ",
          operations_,
          " when it was read again; the disk returns different bytes for the same place"));
    }
    if (memtable_->entry_count() > 0) RETURN_IF_ERROR(WriteOut());
    return std::move(tables_);
  }

 private:
  absl::Status WriteOut() {
    ASSIGN_OR_RETURN(const std::unique_ptr<TableOutput> output,
                     TableOutput::Create(context_, context_.TableOptionsFor(0, 1)));
    const std::unique_ptr<InternalIterator> entries = memtable_->NewIterator();
    for (entries->SeekToFirst(); entries->valid(); entries->Next()) {
      RETURN_IF_ERROR(output->Add(entries->entry()));
    }
    RETURN_IF_ERROR(output->Finish());
    RETURN_IF_ERROR(output->Sync());
    if (names_ == TableNames::kSyncedOneByOne) {
      RETURN_IF_ERROR(context_.files.SyncDirectory(context_.directory));
    }
    tables_.push_back(output->record(0));
    memtable_ = std::make_unique<Memtable>();
    return absl::OkStatus();
  }

  EngineContext& context_;
  const TableNames names_;
  std::unique_ptr<Memtable> memtable_ = std::make_unique<Memtable>();
  std::vector<TableRecord> tables_;
  uint64_t operations_ = 0;
};

std::vector<uint64_t> SegmentsFrom(uint64_t floor, const std::vector<std::string>& names) {
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    const ParsedName parsed = ParseFileName(name);
    if (parsed.kind == FileKind::kWal && parsed.number >= floor) numbers.push_back(parsed.number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

absl::StatusOr<std::vector<TableRecord>> WriteOutSegments(
    EngineContext& context, uint64_t epoch, const std::vector<ReplayRange>& ranges,
    uint64_t expected, TableNames names,
    const std::function<absl::StatusOr<std::string>(const ReplayRange& range)>& read) {
  uint64_t total_bytes = 0;
  for (const ReplayRange& range : ranges) total_bytes += range.end;
  uint64_t done_bytes = 0;
  ReplaySink sink(context, names);
  for (const ReplayRange& range : ranges) {
    ASSIGN_OR_RETURN(const std::string bytes, read(range));
    const std::string name = WalFileName(range.number);
    RETURN_IF_ERROR(
        ForEachDataFrame(bytes, {FramedFileKind::kWal, epoch, range.number}, range.end,
                         [&](uint64_t offset, const FrameHeader& header, std::string_view payload) {
                           if (context.options.on_recovery_progress) {
                             context.options.on_recovery_progress(done_bytes + offset, total_bytes);
                           }
                           return sink.Add(name, offset, header, payload);
                         }));
    done_bytes += range.end;
  }
  return sink.Finish(expected);
}

absl::StatusOr<ReplayOutcome> ReplayWal(EngineContext& context, const ManifestState& manifest,
                                        const std::vector<std::string>& names) {
  std::vector<SegmentReport> reports;
  // The newest segment that holds frames, often the only one, is not read again.
  SegmentBytes kept;
  uint64_t kept_number = 0;
  for (const uint64_t number : SegmentsFrom(manifest.wal_floor, names)) {
    const std::string path = context.Path(WalFileName(number));
    ASSIGN_OR_RETURN(SegmentBytes segment, ReadSegmentFile(context.files, path));
    reports.push_back(ReadSegment(segment, number, manifest.epoch));
    reports.back().name = path;
    if (reports.back().frames == 0) continue;
    kept = std::move(segment);
    kept_number = number;
  }
  ReplayOutcome outcome;
  ASSIGN_OR_RETURN(outcome.plan,
                   JudgeWal({.epoch = manifest.epoch,
                             .floor = manifest.wal_floor,
                             .floor_first_sequence = manifest.wal_floor_first_sequence,
                             .directory = context.directory},
                            reports));
  if (outcome.plan.torn_tail && !outcome.plan.torn_description.empty()) {
    context.Report(EventLevel::kWarning, outcome.plan.torn_description);
  }
  std::vector<ReplayRange> ranges;
  for (const uint64_t number : outcome.plan.replay) {
    const auto report = std::find_if(reports.begin(), reports.end(),
                                     [=](const SegmentReport& r) { return r.number == number; });
    ranges.push_back({number, report->end});
    outcome.bytes += report->end;
  }
  const auto read = [&](const ReplayRange& range) -> absl::StatusOr<std::string> {
    SegmentBytes segment;
    if (range.number == kept_number) {
      segment = std::move(kept);
    } else {
      const std::string path = context.Path(WalFileName(range.number));
      ASSIGN_OR_RETURN(segment, ReadSegmentFile(context.files, path));
    }
    segment.ExtendTo(range.end);
    return std::move(segment.front);
  };
  ASSIGN_OR_RETURN(outcome.tables,
                   WriteOutSegments(context, manifest.epoch, ranges, outcome.plan.operations,
                                    TableNames::kLeftToCaller, read));
  return outcome;
}

}  // namespace lumen
