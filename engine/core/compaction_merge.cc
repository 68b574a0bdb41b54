#include "engine/core/compaction_merge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/table_check.h"
#include "engine/iterator/merging_iterator.h"
#include "engine/repair.h"

namespace lumen {
namespace {

constexpr int kEntriesPerUnit = 64;
constexpr uint64_t kMostGrandparentTables = 10;

}  // namespace

CompactionMerge::CompactionMerge(EngineContext& context, VersionPtr version,
                                 const Compaction& compaction, std::vector<SequenceNumber> readable)
    : context_(context),
      version_(std::move(version)),
      compaction_(compaction),
      readable_(std::move(readable)) {
  std::vector<std::unique_ptr<InternalIterator>> inputs;
  for (const TablePtr& table : compaction_.upper) {
    inputs.push_back(table->reader().NewIterator(/*fill_cache=*/false));
  }
  if (!compaction_.lower.empty()) {
    inputs.push_back(NewLevelIterator(compaction_.lower, /*fill_cache=*/false));
  }
  input_ = std::make_unique<MergingIterator>(std::move(inputs));
}

CompactionMerge::~CompactionMerge() = default;

absl::StatusOr<bool> CompactionMerge::Advance() {
  switch (stage_) {
    case Stage::kSeek:
      input_->SeekToFirst();
      stage_ = Stage::kMerge;
      return false;
    case Stage::kMerge:
      RETURN_IF_ERROR(MergeSome());
      return stage_ == Stage::kDone;
    case Stage::kCreate: {
      ASSIGN_OR_RETURN(
          output_, TableOutput::Create(context_, context_.TableOptionsFor(compaction_.output_level,
                                                                          compaction_.base_level)));
      paths_.push_back(output_->path());
      grandparent_bytes_ = 0;
      stage_ = Stage::kMerge;
      return false;
    }
    case Stage::kFinish:
      RETURN_IF_ERROR(output_->Finish());
      stage_ = Stage::kSync;
      return false;
    case Stage::kSync:
      RETURN_IF_ERROR(output_->Sync());
      outputs_.push_back(output_->record(compaction_.output_level));
      output_.reset();
      stage_ = Stage::kMerge;
      return false;
    case Stage::kDone:
      break;
  }
  return true;
}

absl::Status CompactionMerge::MergeSome() {
  for (int i = 0; i < kEntriesPerUnit && input_->valid(); ++i, input_->Next()) {
    const Entry& entry = input_->entry();
    const int order = has_key_ ? key_.compare(entry.key) : -1;
    // Inputs may hold the same version twice: a repair merges tables that others had replaced.
    if (order > 0 || (order == 0 && entry.sequence > newer_)) return Blame();
    const bool same_key = order == 0;
    if (!same_key) {
      if (output_ != nullptr && AtCut(entry.key)) {
        stage_ = Stage::kFinish;  // and look at this entry again
        return absl::OkStatus();
      }
    }
    const bool dropped = same_key ? Superseded(entry) : Droppable(entry);
    if (!dropped && output_ == nullptr) {
      stage_ = Stage::kCreate;
      return absl::OkStatus();
    }
    if (!dropped) RETURN_IF_ERROR(output_->Add(entry));
    if (!same_key) {
      key_.assign(entry.key);
      has_key_ = true;
    }
    newer_ = entry.sequence;
  }
  if (input_->valid()) return absl::OkStatus();
  RETURN_IF_ERROR(input_->status());
  stage_ = output_ != nullptr ? Stage::kFinish : Stage::kDone;
  return absl::OkStatus();
}

absl::Status CompactionMerge::Blame() const {
  for (const Level* inputs : {&compaction_.upper, &compaction_.lower}) {
    for (const TablePtr& table : *inputs) {
      RETURN_IF_ERROR(CheckTable(context_.files, context_.directory, table->record()));
    }
  }
  return absl::DataLossError(absl::StrCat(
      context_.directory, ": entries read for a compaction do not ascend behind the key ",
      QuotedKey(key_), ", though its tables on the disk are good"));
}

bool CompactionMerge::Superseded(const Entry& entry) const {
  // The oldest reader that could see this version sees the newer one already.
  const auto reader = std::lower_bound(readable_.begin(), readable_.end(), entry.sequence);
  return reader == readable_.end() || *reader >= newer_;
}

bool CompactionMerge::Droppable(const Entry& entry) {
  if (entry.kind != EntryKind::kDelete || entry.sequence > readable_.front()) return false;
  for (int level = compaction_.output_level + 1; level < Version::kLevels; ++level) {
    const Level& tables = version_->level(level);
    const size_t i = version_->FindTable(level, entry.key);
    if (i < tables.size() && tables[i]->Covers(entry.key)) return false;
  }
  return true;
}

bool CompactionMerge::AtCut(std::string_view next_key) {
  bool crossed = false;
  const Level& grandparents = compaction_.grandparents;
  while (grandparent_ < grandparents.size() &&
         grandparents[grandparent_]->summary().largest_key < next_key) {
    grandparent_bytes_ += grandparents[grandparent_]->summary().file_bytes;
    ++grandparent_;
    crossed = true;
  }
  if (output_->entry_count() == 0) {
    // Grandparents before an output's first key do not overlap it.
    grandparent_bytes_ = 0;
    return false;
  }
  const uint64_t bytes = output_->estimated_bytes();
  const uint64_t target = context_.options.table_bytes;
  if (bytes >= target) return true;
  return crossed && (bytes >= target / 2 || grandparent_bytes_ > kMostGrandparentTables * target);
}

std::vector<TableRecord> CompactionMerge::TakeOutputs() { return std::move(outputs_); }

void CompactionMerge::Discard() {
  for (const std::string& path : paths_) context_.obsolete_files.Add(path);
}

}  // namespace lumen
