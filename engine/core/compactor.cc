#include "engine/core/compactor.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/compaction_merge.h"

namespace lumen {
namespace {

constexpr int64_t kIdleBeforeDrainNs = 1'000'000'000;

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
    if (merge_ == nullptr) {
      compactor_.Commit(job_, {});
      return StepResult::kDone;
    }
    for (; budget > 0; --budget) {
      if (context_.background.stopping()) {
        merge_->Discard();
        compactor_.Ended(/*retry_later=*/false, /*full_done=*/false);
        return StepResult::kDone;
      }
      const absl::StatusOr<bool> finished = Advance();
      if (!finished.ok()) {
        merge_->Discard();
        compactor_.Failed(finished.status());
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
  if (full_started_ < full_requested_) {
    full_started_ = full_requested_;
    if (auto all = PickCompaction(version, context_.options, CompactionWish::kEverything)) {
      return Job{version, *std::move(all), /*full=*/true};
    }
    full_done_ = full_started_;
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
  }
  Schedule();
  return ticket;
}

uint64_t Compactor::full_compactions() const {
  MutexLock lock(mutex_);
  return full_done_;
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
      Failed(table.status());
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
    Failed(status);
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
  context_.ReportDone(SoftWork::kCompaction, "a compaction");
  Ended(/*retry_later=*/false, job.full);
}

void Compactor::Failed(const absl::Status& status) {
  context_.ReportRetry(SoftWork::kCompaction, "a compaction", status);
  Ended(/*retry_later=*/true, /*full_done=*/false);
}

void Compactor::Ended(bool retry_later, bool full_done) {
  {
    MutexLock lock(mutex_);
    running_ = false;
    waiting_to_retry_ = retry_later;
    if (full_done) full_done_ = full_started_;
    // A full merge that failed is asked for again.
    if (retry_later) full_started_ = full_done_;
  }
  if (retry_later) {
    context_.background.After(Priority::kCompaction, context_.options.retry_interval_ns,
                              [this] { RetryNow(); });
  } else {
    Schedule();
  }
  on_changed_();
}

}  // namespace lumen
