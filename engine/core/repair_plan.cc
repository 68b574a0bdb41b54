#include "engine/core/repair_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/repair_wal.h"
#include "engine/core/table_check.h"
#include "engine/database_inspect.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

constexpr char kLostDirectory[] = "lost";
// Added to the largest sequence seen: more operations than any lost WAL can have held, so that no
// number is handed out twice. 2^20 repairs fit into all sequences.
constexpr uint64_t kSequenceJump = uint64_t{1} << 36;

class Planner {
 public:
  Planner(FileSystem& files, const std::string& directory, const DirectoryProgress& progress)
      : files_(files), directory_(directory), progress_(progress) {}

  absl::StatusOr<RepairWork> Run() {
    ASSIGN_OR_RETURN(work_.names, files_.List(directory_));
    ASSIGN_OR_RETURN(const DatabaseReport report, VerifyDatabase(files_, directory_, progress_));
    if (report.verdict().ok()) {
      plan().torn_tail = report.wal.torn_tail;
      return std::move(work_);
    }
    plan().needed = true;
    RETURN_IF_ERROR(ChooseManifest(report));
    RETURN_IF_ERROR(manifest_ ? KeepNamedTables() : KeepAllTables());
    if (manifest_ && plan().manifest != current_) RETURN_IF_ERROR(SetUnnamedTablesAside());
    RETURN_IF_ERROR(SalvageSegments());
    RETURN_IF_ERROR(SetNumbers());
    NoteRisks();
    return std::move(work_);
  }

 private:
  RepairPlan& plan() { return work_.account; }
  std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }
  bool InListing(const std::string& name) const {
    return std::binary_search(work_.names.begin(), work_.names.end(), name);
  }

  // ---- which manifest

  absl::Status ChooseManifest(const DatabaseReport& report) {
    std::optional<uint64_t> named;
    if (InListing("CURRENT")) {
      ASSIGN_OR_RETURN(const std::string current, ReadWholeFile(files_, PathOf("CURRENT")));
      const absl::StatusOr<uint64_t> decoded = DecodeCurrent(current);
      if (decoded.ok()) named = *decoded;
      if (!decoded.ok()) Find(std::string(decoded.status().message()));
      if (!decoded.ok()) plan().lost_files.push_back("CURRENT");
    } else {
      Find("CURRENT: is missing");
    }
    if (named) current_ = ManifestFileName(*named);
    if (named && !InListing(ManifestFileName(*named))) {
      Find(absl::StrCat(ManifestFileName(*named), ": CURRENT names it, but it is missing"));
    } else if (named) {
      ASSIGN_OR_RETURN(manifest_, TryManifest(*named));
    }
    if (manifest_) DoubtManifest();
    if (!manifest_) RETURN_IF_ERROR(ChooseAnotherManifest(named));
    if (manifest_) plan().manifest = ManifestFileName(manifest_->manifest_number);
    if (manifest_ && manifest_->manifest_number == named && !report.wal.verdict.ok()) {
      Find(std::string(report.wal.verdict.message()));
    }
    return absl::OkStatus();
  }

  void Find(std::string what) { plan().findings.push_back(std::move(what)); }

  // Empty: it is damaged.
  absl::StatusOr<std::optional<ManifestState>> TryManifest(uint64_t number) {
    const std::string name = ManifestFileName(number);
    ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(files_, PathOf(name)));
    absl::StatusOr<ManifestState> read = ReadManifest(bytes, number);
    if (absl::IsUnimplemented(read.status())) return read.status();
    const FileHeaderReading header = ReadFileHeader(bytes, FramedFileKind::kManifest, number);
    if (header.state == FileHeaderState::kGood) epoch_hint_ = header.header.identity.epoch;
    if (read.ok()) return std::optional<ManifestState>(*std::move(read));
    Find(std::string(read.status().message()));
    plan().lost_files.push_back(name);
    return std::optional<ManifestState>();
  }

  // A manifest that was cut behind an edit reads like a whole one of an earlier time. It is taken
  // for that where it needs a file that is not there while a table is that it does not name.
  void DoubtManifest() {
    const std::vector<uint64_t> segments = SegmentsFrom(manifest_->wal_floor);
    std::string missing;
    if (segments.empty() || segments.front() != manifest_->wal_floor) {
      missing = WalFileName(manifest_->wal_floor);
    }
    std::vector<std::string> named;
    for (const TableRecord& table : manifest_->tables) {
      named.push_back(TableFileName(table.number));
      if (!InListing(named.back())) missing = named.back();
    }
    if (missing.empty()) return;
    for (const std::string& name : work_.names) {
      const ParsedName parsed = ParseFileName(name);
      if (parsed.kind != FileKind::kTable ||
          std::find(named.begin(), named.end(), name) != named.end()) {
        continue;
      }
      Find(absl::StrCat(ManifestFileName(manifest_->manifest_number), ": needs ", missing,
                        ", which is missing, and does not name ", name,
                        ", which is there: it may have lost its last edits"));
      plan().lost_files.push_back(ManifestFileName(manifest_->manifest_number));
      doubted_ = std::move(manifest_);
      manifest_.reset();
      return;
    }
  }

  // Any manifest whose tables and whose WAL are all there describes everything that was ever
  // committed, whether it is the newest or not: what came after its last edit is in the WAL. Unless
  // old files were put back: then a table is there that holds what this WAL does not reach.
  absl::Status ChooseAnotherManifest(std::optional<uint64_t> damaged) {
    std::vector<uint64_t> numbers;
    for (const std::string& name : work_.names) {
      const ParsedName parsed = ParseFileName(name);
      if (parsed.kind == FileKind::kManifest && parsed.number != damaged) {
        numbers.push_back(parsed.number);
      }
    }
    std::sort(numbers.rbegin(), numbers.rend());
    for (const uint64_t number : numbers) {
      ASSIGN_OR_RETURN(std::optional<ManifestState> state, TryManifest(number));
      if (!state) continue;
      ASSIGN_OR_RETURN(const std::string lacks, WhatItLacks(*state));
      if (!lacks.empty()) {
        Find(absl::StrCat(ManifestFileName(number), ": ", lacks));
        plan().lost_files.push_back(ManifestFileName(number));
        continue;
      }
      manifest_ = std::move(state);
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // Empty where the manifest describes everything that was committed.
  absl::StatusOr<std::string> WhatItLacks(const ManifestState& state) {
    constexpr char kFilesGone[] = "names files that are not there any more";
    for (const TableRecord& table : state.tables) {
      const std::string name = TableFileName(table.number);
      if (!InListing(name)) return kFilesGone;
      ASSIGN_OR_RETURN(const uint64_t bytes, files_.FileSize(PathOf(name)));
      if (bytes != table.summary.file_bytes) return kFilesGone;
    }
    std::vector<SegmentReport> reports;
    for (const uint64_t number : SegmentsFrom(state.wal_floor)) {
      ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(files_, PathOf(WalFileName(number))));
      reports.push_back(ReadSegment(bytes, number, state.epoch));
    }
    const absl::StatusOr<WalPlan> judged =
        JudgeWal({.epoch = state.epoch,
                  .floor = state.wal_floor,
                  .floor_first_sequence = state.wal_floor_first_sequence},
                 reports);
    if (absl::IsUnimplemented(judged.status())) return judged.status();
    if (!judged.ok()) return kFilesGone;
    std::string lacks;
    RETURN_IF_ERROR(
        ForWholeTablesBeside(state, [&](const std::string& name, const TableSummary& summary) {
          if (summary.largest_sequence <= judged->last_sequence) return;
          lacks = absl::StrCat("does not name ", name, ", which goes up to sequence ",
                               summary.largest_sequence, ", beyond the ", judged->last_sequence,
                               " that it and its WAL reach");
        }));
    return lacks;
  }

  // Tables that the manifest does not name and that say what they are.
  absl::Status ForWholeTablesBeside(
      const ManifestState& state,
      const std::function<void(const std::string&, const TableSummary&)>& visit) {
    for (const std::string& name : work_.names) {
      const ParsedName parsed = ParseFileName(name);
      const bool named =
          std::any_of(state.tables.begin(), state.tables.end(),
                      [&](const TableRecord& t) { return t.number == parsed.number; });
      if (parsed.kind != FileKind::kTable || named) continue;
      const absl::StatusOr<TableSummary> summary = ReadTableSummary(files_, PathOf(name));
      if (summary.ok()) {
        visit(name, *summary);
      } else if (!absl::IsDataLoss(summary.status())) {
        return summary.status();
      }
    }
    return absl::OkStatus();
  }

  // The next open removes what the manifest does not name, and that CURRENT named another one is
  // reason to doubt that nobody will want it.
  absl::Status SetUnnamedTablesAside() {
    return ForWholeTablesBeside(*manifest_, [&](const std::string& name, const TableSummary&) {
      plan().lost_files.push_back(name);
    });
  }

  std::vector<uint64_t> SegmentsFrom(uint64_t floor) const {
    std::vector<uint64_t> numbers;
    for (const std::string& name : work_.names) {
      const ParsedName parsed = ParseFileName(name);
      if (parsed.kind == FileKind::kWal && parsed.number >= floor) numbers.push_back(parsed.number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

  // ---- which tables

  absl::Status KeepNamedTables() {
    for (const TableRecord& record : manifest_->tables) {
      const absl::Status status = CheckTable(files_, directory_, record);
      if (!status.ok() && !absl::IsDataLoss(status)) return status;
      if (status.ok()) {
        Keep(record);
      } else {
        Drop(TableFileName(record.number), status, record.level, record.summary);
      }
    }
    return absl::OkStatus();
  }

  absl::Status KeepAllTables() {
    work_.merge_tables = true;
    for (const std::string& name : work_.names) {
      const ParsedName parsed = ParseFileName(name);
      if (parsed.kind != FileKind::kTable) continue;
      const absl::StatusOr<TableSummary> summary = ReadTableSummary(files_, PathOf(name));
      absl::Status status = summary.status();
      if (summary.ok()) {
        status = CheckTable(files_, directory_, {0, parsed.number, *summary});
      }
      if (status.ok()) {
        Keep({0, parsed.number, *summary});
      } else if (!absl::IsDataLoss(status)) {
        return status;
      } else {
        Drop(name, status, -1, summary.ok() ? std::optional(*summary) : std::nullopt);
      }
    }
    for (const TableRecord& record : doubted_ ? doubted_->tables : std::vector<TableRecord>()) {
      const std::string name = TableFileName(record.number);
      if (InListing(name)) continue;
      Drop(name,
           absl::DataLossError(
               absl::StrCat(PathOf(name), ": is missing; lost, if no compaction had replaced it")),
           record.level, record.summary);
    }
    return absl::OkStatus();
  }

  void Keep(const TableRecord& record) {
    work_.state.tables.push_back(record);
    ++plan().kept_tables;
    plan().kept_entries += record.summary.entries;
    tables_reach_ = std::max(tables_reach_, record.summary.largest_sequence);
    highest_sequence_ = std::max(highest_sequence_, record.summary.largest_sequence);
  }

  void Drop(const std::string& name, const absl::Status& why, int level,
            const std::optional<TableSummary>& summary) {
    Find(std::string(why.message()));
    RepairPlan::DroppedTable dropped = {
        .name = name, .reason = std::string(why.message()), .level = level};
    if (summary) {
      dropped.known = true;
      dropped.entries = summary->entries;
      dropped.tombstones = summary->tombstones;
      dropped.smallest_key = summary->smallest_key;
      dropped.largest_key = summary->largest_key;
      dropped.smallest_sequence = summary->smallest_sequence;
      dropped.largest_sequence = summary->largest_sequence;
      highest_sequence_ = std::max(highest_sequence_, summary->largest_sequence);
    }
    plan().dropped_tables.push_back(std::move(dropped));
    if (InListing(name)) plan().lost_files.push_back(name);
  }

  // ---- which operations of the WAL

  absl::Status SalvageSegments() {
    WalQuestion question = {.directory = directory_, .tables_reach = tables_reach_};
    if (manifest_) {
      question.segments = SegmentsFrom(manifest_->wal_floor);
      question.epoch = manifest_->epoch;
      question.floor = manifest_->wal_floor;
      question.floor_first_sequence = manifest_->wal_floor_first_sequence;
    } else {
      question.segments = SegmentsFrom(0);
      ASSIGN_OR_RETURN(question.epoch, FindEpoch(question.segments));
    }
    work_.state.epoch = question.epoch;
    ASSIGN_OR_RETURN(WalSalvage salvage, SalvageWal(files_, question, plan()));
    highest_sequence_ = std::max(highest_sequence_, salvage.highest_sequence);
    kept_sequence_ = std::max(tables_reach_, salvage.kept_sequence);
    work_.replay = std::move(salvage.replay);
    work_.replay_operations = salvage.operations;
    return absl::OkStatus();
  }

  // Of a manifest's header block, else of the newest WAL segment that has one.
  absl::StatusOr<uint64_t> FindEpoch(const std::vector<uint64_t>& segments) {
    uint64_t epoch = epoch_hint_.value_or(0);
    if (epoch_hint_) return epoch;
    for (const uint64_t number : segments) {
      ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(files_, PathOf(WalFileName(number))));
      const FileHeaderReading header = ReadFileHeader(bytes, FramedFileKind::kWal, number);
      if (header.state == FileHeaderState::kGood) epoch = header.header.identity.epoch;
    }
    return epoch;
  }

  // ---- numbers and words

  // Above every number in the directory, in the manifest, and among what was lost before.
  absl::Status SetNumbers() {
    uint64_t highest = 0;
    for (const std::optional<ManifestState>& state : {manifest_, doubted_}) {
      if (!state) continue;
      highest = std::max(highest, state->next_file_number - 1);
      highest_sequence_ = std::max(highest_sequence_, state->next_sequence);
    }
    const auto use = [&](const std::vector<std::string>& names) {
      for (const std::string& name : names) highest = std::max(highest, ParseFileName(name).number);
    };
    use(work_.names);
    uint64_t repairs = 0;
    if (InListing(kLostDirectory)) {
      ASSIGN_OR_RETURN(const std::vector<std::string> earlier, files_.List(PathOf(kLostDirectory)));
      repairs = earlier.size();
      for (const std::string& repair : earlier) {
        const auto files = files_.List(absl::StrCat(directory_, "/", kLostDirectory, "/", repair));
        if (files.ok()) use(*files);  // else somebody's file, not a directory of ours
      }
      while (std::binary_search(earlier.begin(), earlier.end(), absl::StrCat(repairs + 1))) {
        ++repairs;
      }
    }
    plan().lost_directory = absl::StrCat(kLostDirectory, "/", repairs + 1);
    work_.state.next_file_number = highest + 1;
    // As after a crash, a multiple of kJumpUnit is skipped: repair_wal.h counts on it.
    const uint64_t beyond = std::max(highest_sequence_, kept_sequence_) - kept_sequence_;
    work_.state.next_sequence =
        kept_sequence_ + 1 + kSequenceJump +
        (beyond + kSequenceJumpUnit - 1) / kSequenceJumpUnit * kSequenceJumpUnit;
    return absl::OkStatus();
  }

  void NoteRisks() {
    std::vector<std::string>& risks = plan().risks;
    if (!plan().dropped_tables.empty()) {
      risks.push_back(
          "keys in a dropped table's range show an older value where one is left, and keys that "
          "were deleted there come back; later writes are kept, so the content is no longer that "
          "of one moment");
    }
    if (manifest_) return;
    risks.push_back(
        "without a manifest every whole table is taken; among them may be tables that a compaction "
        "had replaced, and a key comes back if its deletion was compacted away and such a table "
        "still held it");
    risks.push_back(
        "without a manifest a table that is missing altogether cannot be noticed: what it held is "
        "missing too");
  }

  FileSystem& files_;
  const std::string& directory_;
  const DirectoryProgress& progress_;
  std::string current_;  // the manifest that CURRENT names, if it can be read
  std::optional<ManifestState> manifest_;
  std::optional<ManifestState> doubted_;  // what CURRENT names, if it is not believed
  std::optional<uint64_t> epoch_hint_;
  uint64_t tables_reach_ = 0;
  uint64_t kept_sequence_ = 0;     // the largest that the repaired database holds
  uint64_t highest_sequence_ = 0;  // the largest that was ever handed out, as far as anyone knows
  RepairWork work_;
};

}  // namespace

absl::StatusOr<RepairWork> PlanRepair(
    FileSystem& file_system, const std::string& directory,
    const std::function<void(uint64_t done_bytes, uint64_t total_bytes)>& progress) {
  return Planner(file_system, directory, progress).Run();
}

}  // namespace lumen
