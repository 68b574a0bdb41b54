#include "engine/core/flusher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/core/table_output.h"

namespace lumen {
namespace {

constexpr int kEntriesPerUnit = 64;

}  // namespace

class Flusher::FlushStep : public Step {
 public:
  FlushStep(Flusher& flusher, const ReadState& state)
      : flusher_(flusher),
        context_(flusher.context_),
        slot_(state.immutables.front()),
        next_(state.immutables.size() > 1 ? state.immutables[1] : state.active),
        failed_syncs_before_(context_.files.failed_syncs(context_.directory)),
        iterator_(slot_.memtable->NewIterator()) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      if (context_.background.stopping()) {
        Discard();
        flusher_.Ended(/*retry_later=*/false);
        return StepResult::kDone;
      }
      const absl::StatusOr<bool> finished = Advance();
      if (!finished.ok()) {
        Discard();
        flusher_.Failed(finished.status());
        return StepResult::kError;
      }
      if (*finished) {
        flusher_.Written(next_, output_->record(0));
        return StepResult::kDone;
      }
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "flush"; }

 private:
  enum class Stage : uint8_t { kCreate, kWrite, kFinish, kSync, kSyncDirectory };

  absl::StatusOr<bool> Advance() {
    switch (stage_) {
      case Stage::kCreate: {
        ASSIGN_OR_RETURN(output_, TableOutput::Create(context_, context_.TableOptionsFor(0, 1)));
        context_.Report(EventLevel::kDebug,
                        absl::StrCat("flushing a memtable of ", slot_.memtable->entry_count(),
                                     " entries and ", slot_.memtable->memory_bytes(), " bytes"));
        iterator_->SeekToFirst();
        stage_ = Stage::kWrite;
        return false;
      }
      case Stage::kWrite:
        for (int i = 0; i < kEntriesPerUnit && iterator_->valid(); ++i, iterator_->Next()) {
          RETURN_IF_ERROR(output_->Add(iterator_->entry()));
        }
        if (!iterator_->valid()) stage_ = Stage::kFinish;
        return false;
      case Stage::kFinish:
        RETURN_IF_ERROR(output_->Finish());
        stage_ = Stage::kSync;
        return false;
      case Stage::kSync:
        RETURN_IF_ERROR(output_->Sync());
        stage_ = Stage::kSyncDirectory;
        return false;
      case Stage::kSyncDirectory:
        break;
    }
    // The edit that names the table must find its name durable.
    RETURN_IF_ERROR(context_.files.SyncDirectory(context_.directory));
    if (context_.files.failed_syncs(context_.directory) != failed_syncs_before_) {
      return absl::InternalError(
          absl::StrCat(context_.directory, ": a directory sync failed during a flush"));
    }
    return true;
  }

  void Discard() {
    if (output_ != nullptr) context_.obsolete_files.Add(output_->path());
  }

  Flusher& flusher_;
  EngineContext& context_;
  const MemtableSlot slot_;
  const MemtableSlot next_;
  const uint64_t failed_syncs_before_;
  Stage stage_ = Stage::kCreate;
  std::unique_ptr<InternalIterator> iterator_;
  std::unique_ptr<TableOutput> output_;
};

Flusher::Flusher(EngineContext& context, DatabaseState& state, WalLog& wal, ManifestLog& manifest,
                 std::function<void()> on_installed, std::function<void()> on_failed)
    : context_(context),
      state_(state),
      wal_(wal),
      manifest_(manifest),
      on_installed_(std::move(on_installed)),
      on_failed_(std::move(on_failed)) {}

void Flusher::Schedule() {
  MutexLock lock(mutex_);
  if (running_ || waiting_to_retry_ || context_.background.stopping() || !context_.health.ok())
    return;
  const ReadStatePtr state = state_.state();
  if (state->immutables.empty()) return;
  running_ = true;
  context_.background.Post(Priority::kFlush, std::make_unique<FlushStep>(*this, *state));
}

void Flusher::RetryNow() {
  {
    MutexLock lock(mutex_);
    waiting_to_retry_ = false;
  }
  Schedule();
}

void Flusher::Written(const MemtableSlot& next, const TableRecord& record) {
  absl::StatusOr<TablePtr> table = context_.OpenTable(record);
  if (!table.ok()) {
    context_.obsolete_files.Add(context_.Path(TableFileName(record.number)));
    Failed(table.status());
    return;
  }
  VersionEdit edit;
  edit.added.push_back(record);
  edit.wal_floor = next.first_segment;
  edit.wal_floor_first_sequence = next.first_sequence;
  edit.next_file_number = context_.next_file_number.load(std::memory_order_relaxed);
  manifest_.Commit(edit, [this, table = *std::move(table), edit](const absl::Status& status) {
    if (status.ok()) {
      Installed(edit, table);
      return;
    }
    // Without the edit in a current manifest the table is nobody's; read-only, it may be
    // somebody's.
    if (context_.health.ok()) table->MarkObsolete();
    Failed(status);
  });
}

void Flusher::Installed(const VersionEdit& edit, TablePtr table) {
  Bump(context_.counters.flush_bytes, table->summary().file_bytes);
  context_.Report(EventLevel::kDebug, absl::StrCat("flushed into ", TableFileName(table->number()),
                                                   " of ", table->summary().file_bytes, " bytes"));
  state_.InstallFlush(ApplyEdit(*state_.state()->version, edit, {std::move(table)}));
  wal_.ReleaseBelow(*edit.wal_floor);
  Bump(context_.counters.flushes);
  context_.ReportDone(SoftWork::kFlush, "flushing a memtable");
  Ended(/*retry_later=*/false);
  on_installed_();
}

void Flusher::Failed(const absl::Status& status) {
  context_.ReportRetry(SoftWork::kFlush, "flushing a memtable", status);
  Ended(/*retry_later=*/true);
  on_failed_();
}

void Flusher::Ended(bool retry_later) {
  {
    MutexLock lock(mutex_);
    running_ = false;
    waiting_to_retry_ = retry_later;
  }
  if (retry_later) {
    context_.background.After(Priority::kFlush, context_.options.retry_interval_ns,
                              [this] { RetryNow(); });
    return;
  }
  Schedule();
}

}  // namespace lumen
