#include "engine/core/compactor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/compaction_merge.h"

namespace lumen {
namespace {

constexpr int64_t kIdleBeforeDrainNs = 1'000'000'000;
// A retry merges everything anew: each waits twice as long as the one before, up to 4 intervals.
constexpr int kMostDoublings = 2;

// "3 tables of level 1, 4096 bytes"
std::string Described(const Level& tables, int level) {
  uint64_t bytes = 0;
  for (const TablePtr& table : tables) bytes += table->summary().file_bytes;
  return absl::StrCat(tables.size(), " tables of level ", level, ", ", bytes, " bytes");
}

}  // namespace

class Compactor::CompactionStep : public Step {
 public:
  CompactionStep(Compactor& compactor, Job job)
      : compactor_(compactor),
        context_(compactor.context_),
        job_(std::move(job)),
        failed_syncs_before_(context_.files.failed_syncs(context_.directory)) {
    if (!job_.compaction.move) {
      merge_ = std::make_unique<CompactionMerge>(context_, job_.version, job_.compaction,
                                                 compactor.state_.ReadableSequences());
    }
  }

  StepResult Run(int64_t budget) override {
    if (!std::exchange(begun_, true)) ReportBegin();
    if (merge_ == nullptr) {
      compactor_.Commit(job_, {});
      return StepResult::kDone;
    }
    for (; budget > 0; --budget) {
      if (context_.background.stopping()) {
        merge_->Discard();
        compactor_.Ended();
        return StepResult::kDone;
      }
      const absl::StatusOr<bool> finished = Advance();
      if (!finished.ok()) {
        merge_->Discard();
        compactor_.Failed(job_, finished.status());
        return StepResult::kError;
      }
      if (*finished) {
        compactor_.Commit(job_, merge_->TakeOutputs());
        return StepResult::kDone;
      }
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "compaction"; }

 private:
  void ReportBegin() const {
    const Compaction& what = job_.compaction;
    const std::string upper = Described(what.upper, what.level);
    context_.Report(EventLevel::kDebug,
                    what.move ? absl::StrCat("moving ", upper, ", to level ", what.output_level)
                              : absl::StrCat("compacting ", upper, ", with ",
                                             Described(what.lower, what.output_level)));
  }

  absl::StatusOr<bool> Advance() {
    if (!merged_) {
      ASSIGN_OR_RETURN(merged_, merge_->Advance());
      return false;
    }
    // The edit that names the outputs must find their names durable.
    RETURN_IF_ERROR(context_.files.SyncDirectory(context_.directory));
    if (context_.files.failed_syncs(context_.directory) != failed_syncs_before_) {
      return absl::InternalError(
          absl::StrCat(context_.directory, ": a directory sync failed during a compaction"));
    }
    return true;
  }

  Compactor& compactor_;
  EngineContext& context_;
  const Job job_;
  const uint64_t failed_syncs_before_;
  std::unique_ptr<CompactionMerge> merge_;  // null: a trivial move
  bool begun_ = false;
  bool merged_ = false;
};

Compactor::Compactor(EngineContext& context, DatabaseState& state, ManifestLog& manifest,
                     std::function<void()> on_changed)
    : context_(context), state_(state), manifest_(manifest), on_changed_(std::move(on_changed)) {}

void Compactor::Schedule() {
  MutexLock lock(mutex_);
  if (running_ || waiting_to_retry_ || context_.background.stopping() || !context_.health.ok())
    return;
  if (std::optional<Job> job = Pick()) {
    Start(*std::move(job));
  } else {
    ArmDrain();
  }
}

std::optional<Compactor::Job> Compactor::Pick() {
  const VersionPtr version = state_.state()->version;
  if (!full_results_.empty() && full_results_.rbegin()->first > full_started_) {
    full_started_ = full_requested_;
    if (auto all = PickCompaction(version, context_.options, CompactionWish::kEverything)) {
      return Job{version, *std::move(all), /*full=*/true};
    }
    EndFull(absl::OkStatus());
  }
  const CompactionWish wish =
      std::exchange(drain_due_, false) ? CompactionWish::kDrain : CompactionWish::kDue;
  if (auto picked = PickCompaction(version, context_.options, wish)) {
    return Job{version, *std::move(picked), /*full=*/false};
  }
  return std::nullopt;
}

void Compactor::Start(Job job) {
  running_ = true;
  context_.background.Post(Priority::kCompaction,
                           std::make_unique<CompactionStep>(*this, std::move(job)));
}

void Compactor::ArmDrain() {
  if (drain_armed_ || state_.state()->version->level(0).empty()) return;
  drain_armed_ = true;
  visible_when_armed_ = state_.visible();
  context_.background.After(Priority::kCompaction, kIdleBeforeDrainNs, [this] {
    {
      MutexLock lock(mutex_);
      drain_armed_ = false;
      drain_due_ = state_.visible() == visible_when_armed_;
    }
    Schedule();
  });
}

uint64_t Compactor::RequestFull() {
  uint64_t ticket = 0;
  {
    MutexLock lock(mutex_);
    ticket = ++full_requested_;
    full_results_[ticket];
  }
  Schedule();
  return ticket;
}

std::optional<absl::Status> Compactor::FullResult(uint64_t ticket) const {
  MutexLock lock(mutex_);
  return full_results_.at(ticket);
}

void Compactor::WithdrawFull(uint64_t ticket) {
  MutexLock lock(mutex_);
  full_results_.erase(ticket);
}

void Compactor::EndFull(const absl::Status& status) {
  for (auto& [ticket, result] : full_results_) {
    if (ticket <= full_started_ && !result.has_value()) result = status;
  }
}

void Compactor::RetryNow() {
  {
    MutexLock lock(mutex_);
    waiting_to_retry_ = false;
  }
  Schedule();
}

bool Compactor::Idle() const {
  MutexLock lock(mutex_);
  if (running_) return false;
  if (waiting_to_retry_) return true;
  return !PickCompaction(state_.state()->version, context_.options, CompactionWish::kDue)
              .has_value();
}

void Compactor::Commit(const Job& job, std::vector<TableRecord> outputs) {
  const Compaction& compaction = job.compaction;
  VersionEdit edit;
  for (const TablePtr& table : compaction.upper) {
    edit.removed.emplace_back(job.version->LevelOf(table->number()), table->number());
    if (compaction.move)
      edit.added.push_back({compaction.output_level, table->number(), table->summary()});
  }
  for (const TablePtr& table : compaction.lower) {
    edit.removed.emplace_back(compaction.output_level, table->number());
  }
  std::vector<TablePtr> opened;
  for (TableRecord& record : outputs) {
    absl::StatusOr<TablePtr> table = context_.OpenTable(record);
    if (!table.ok()) {
      for (const TableRecord& output : outputs) {
        context_.obsolete_files.Add(context_.Path(TableFileName(output.number)));
      }
      Failed(job, table.status());
      return;
    }
    opened.push_back(*std::move(table));
    edit.added.push_back(std::move(record));
  }
  edit.next_file_number = context_.next_file_number.load(std::memory_order_relaxed);
  manifest_.Commit(edit, [this, job, edit, opened = std::move(opened)](const absl::Status& status) {
    if (status.ok()) {
      Installed(job, edit, opened);
      return;
    }
    // Without the edit in a current manifest the outputs are nobody's; read-only, they may be
    // somebody's.
    if (context_.health.ok()) {
      for (const TablePtr& table : opened) table->MarkObsolete();
    }
    Failed(job, status);
  });
}

void Compactor::Installed(const Job& job, const VersionEdit& edit,
                          const std::vector<TablePtr>& opened) {
  const Compaction& compaction = job.compaction;
  state_.InstallVersion(ApplyEdit(*state_.state()->version, edit, opened));
  if (compaction.move) {
    Bump(context_.counters.trivial_moves);
  } else {
    Bump(context_.counters.compactions);
    for (const Level* inputs : {&compaction.upper, &compaction.lower}) {
      for (const TablePtr& table : *inputs) {
        table->MarkObsolete();
        Bump(context_.counters.compaction_bytes_read, table->summary().file_bytes);
      }
    }
    for (const TablePtr& table : opened) {
      Bump(context_.counters.compaction_bytes_written, table->summary().file_bytes);
    }
  }
  context_.Report(EventLevel::kDebug,
                  absl::StrCat(compaction.move ? "moved to level " : "compacted into ",
                               compaction.move ? absl::StrCat(compaction.output_level)
                                               : Described(opened, compaction.output_level)));
  context_.ReportDone(SoftWork::kCompaction, "a compaction");
  {
    MutexLock lock(mutex_);
    failures_ = 0;
    if (job.full) EndFull(absl::OkStatus());
  }
  Ended();
}

void Compactor::Failed(const Job& job, const absl::Status& status) {
  if (!job.full) {
    context_.ReportRetry(SoftWork::kCompaction, "a compaction", status);
    RetryLater();
    return;
  }
  // Whoever asked for it is told, and asks again once it may succeed.
  context_.Report(EventLevel::kError, absl::StrCat("a full compaction failed: ", status.message()));
  {
    MutexLock lock(mutex_);
    EndFull(status);
  }
  Ended();
}

void Compactor::Ended() {
  {
    MutexLock lock(mutex_);
    running_ = false;
  }
  Schedule();
  on_changed_();
}

void Compactor::RetryLater() {
  int64_t delay_ns = 0;
  uint64_t retry = 0;
  {
    MutexLock lock(mutex_);
    running_ = false;
    waiting_to_retry_ = true;
    delay_ns = context_.options.retry_interval_ns << std::min(failures_++, kMostDoublings);
    retry = ++retries_;
  }
  context_.background.After(Priority::kCompaction, delay_ns, [this, retry] {
    {
      MutexLock lock(mutex_);
      if (retry != retries_) return;
    }
    RetryNow();
  });
  on_changed_();
}

}  // namespace lumen
