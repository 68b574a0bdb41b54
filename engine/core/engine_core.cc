#include "engine/core/engine_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/core/checkpoint.h"
#include "engine/core/group_decider.h"
#include "engine/core/table_check.h"
#include "engine/iterator/merging_iterator.h"
#include "engine/iterator/user_iterator.h"

namespace lumen {
namespace {

constexpr uint64_t kClosedBit = uint64_t{1} << 63;
// What a writer pays at StallFraction 1: 16 MiB/s.
constexpr double kFullThrottleNsPerByte = 60;

absl::Status Closed() { return absl::FailedPreconditionError("the engine is closed"); }

class SnapshotHandle : public Snapshot {
 public:
  explicit SnapshotHandle(DatabaseState& state) : state_(state), sequence_(state.AddSnapshot()) {}
  ~SnapshotHandle() override { state_.ReleaseSnapshot(sequence_); }
  uint64_t sequence() const override { return sequence_; }

 private:
  DatabaseState& state_;
  const SequenceNumber sequence_;
};

// An iterator of a closed engine: nothing but its status.
class ClosedIterator : public Iterator {
 public:
  bool valid() const override { return false; }
  bool paused() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  uint64_t sequence() const override { return 0; }
  void SeekToFirst() override {}
  void SeekToLast() override {}
  void Seek(std::string_view) override {}
  void SeekForPrev(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
  absl::Status status() const override { return Closed(); }
};

std::optional<GetResult> ToResult(const Entry& entry) {
  if (entry.kind == EntryKind::kDelete) return std::nullopt;
  return GetResult{std::string(entry.value), entry.sequence};
}

}  // namespace

// Counts a call for as long as it lives; Close waits for all of them.
class EngineCore::CallGuard {
 public:
  explicit CallGuard(EngineCore& engine) : engine_(engine), entered_(engine.EnterCall()) {}
  ~CallGuard() {
    if (entered_) engine_.LeaveCall();
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  bool entered() const { return entered_; }

 private:
  EngineCore& engine_;
  const bool entered_;
};

class EngineCore::CheckpointStep : public Step {
 public:
  CheckpointStep(EngineCore& engine, const std::string& target, absl::Status& result,
                 Completion& done)
      : checkpoint_(*engine.context_, engine.state_.state(), target),
        result_(result),
        done_(done) {}
  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      const absl::StatusOr<bool> finished = checkpoint_.Advance();
      if (finished.ok() && !*finished) continue;
      result_ = finished.status();
      done_.Fire();
      return StepResult::kDone;
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "checkpoint"; }

 private:
  lumen::Checkpoint checkpoint_;
  absl::Status& result_;
  Completion& done_;
};

EngineCore::EngineCore(std::unique_ptr<EngineContext> context, RecoveredDatabase recovered)
    : context_(std::move(context)),
      recovery_(recovered.report),
      state_(ReadState{.active = {std::make_shared<Memtable>(),
                                  recovered.wal_writer->identity().number, recovered.next_sequence},
                       .immutables = {},
                       .version = std::move(recovered.version)},
             recovered.next_sequence - 1),
      wal_(*context_, std::move(recovered.wal_writer), recovered.wal_segment_bytes,
           [this] { WorkChanged(); }),
      manifest_(*context_, std::move(recovered.manifest), std::move(recovered.manifest_writer),
                [this] { WorkChanged(); }),
      compactor_(*context_, state_, manifest_, [this] { WorkChanged(); }),
      flusher_(
          *context_, state_, wal_, manifest_,
          [this] {
            compactor_.Schedule();
            WorkChanged();
          },
          [this] { WorkChanged(); }),
      commit_(*context_, state_, wal_, recovered.next_sequence, [this] { flusher_.Schedule(); }),
      readings_(context_->background, state_,
                [this](std::unique_ptr<WriteRequest> request, const absl::Status& readings) {
                  Enqueue(std::move(request), readings);
                }) {
  wal_.Prepared();
  compactor_.Schedule();
}

EngineCore::~EngineCore() { Close().IgnoreError(); }

bool EngineCore::EnterCall() {
  if ((calls_.fetch_add(1, std::memory_order_acq_rel) & kClosedBit) == 0) return true;
  LeaveCall();
  return false;
}

void EngineCore::LeaveCall() {
  if (calls_.fetch_sub(1, std::memory_order_acq_rel) == (kClosedBit | 1)) calls_gone_.Fire();
}

// ---- writing

absl::Status EngineCore::CheckWrite(const WriteBatch& batch, const WriteOptions& options) const {
  const Options& limits = context_->options;
  if (batch.has_empty_key()) return absl::InvalidArgumentError("key must not be empty");
  if (batch.longest_key() > limits.max_key_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("key of ", batch.longest_key(),
                                                   " bytes; the limit is ", limits.max_key_bytes));
  }
  if (batch.longest_value() > limits.max_value_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "value of ", batch.longest_value(), " bytes; the limit is ", limits.max_value_bytes));
  }
  if (batch.user_bytes() > limits.max_batch_bytes || batch.count() > limits.max_batch_operations) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "batch of ", batch.count(), " operations and ", batch.user_bytes(),
        " bytes; the limits are ", limits.max_batch_operations, " and ", limits.max_batch_bytes));
  }
  if (batch.empty()) return absl::InvalidArgumentError("batch must not be empty");
  for (const Precondition& condition : options.preconditions) {
    if (condition.key.empty() || condition.key.size() > limits.max_key_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("precondition on a key of ", condition.key.size(), " bytes; keys have 1 to ",
                       limits.max_key_bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status EngineCore::Stage(const WriteBatch& batch, const WriteOptions& options,
                               WriteRequest& request) const {
  RETURN_IF_ERROR(CheckWrite(batch, options));
  RETURN_IF_ERROR(context_->health.WriteError());
  request.payload = batch.encoded();
  request.operations = batch.count();
  request.user_bytes = batch.user_bytes();
  request.options = &options;
  request.only_deletes = batch.deletes() == batch.count();
  return absl::OkStatus();
}

namespace {

bool NeedsReadings(const WriteBatch& batch, const WriteOptions& options) {
  return !options.preconditions.empty() || (options.report_existed && batch.deletes() > 0);
}

}  // namespace

absl::StatusOr<WriteResult> EngineCore::Write(const WriteBatch& batch,
                                              const WriteOptions& options) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  WriteRequest request;
  RETURN_IF_ERROR(Stage(batch, options, request));
  if (NeedsReadings(batch, options)) {
    RETURN_IF_ERROR(GroupDecider::TakeReadings(state_.Acquire(), request, /*cached_only=*/false));
  }
  commit_.Run(request);
  RETURN_IF_ERROR(request.status);
  return std::move(request.result);
}

void EngineCore::WriteAsync(WriteBatch batch, WriteOptions options, WriteCallback callback) {
  if (!EnterCall()) {
    callback(Closed());
    return;
  }
  auto request = std::make_unique<WriteRequest>();
  request->owned_batch = std::move(batch);
  request->owned_options = std::move(options);
  request->callback = [this, tell = std::move(callback)](absl::StatusOr<WriteResult> result) {
    tell(std::move(result));
    LeaveCall();
  };
  const absl::Status status = Stage(request->owned_batch, request->owned_options, *request);
  if (!status.ok() || !NeedsReadings(request->owned_batch, request->owned_options)) {
    Enqueue(std::move(request), status);
    return;
  }
  const absl::Status readings =
      GroupDecider::TakeReadings(state_.Acquire(), *request, /*cached_only=*/true);
  if (absl::IsUnavailable(readings)) {
    readings_.Add(std::move(request));
  } else {
    Enqueue(std::move(request), readings);
  }
}

void EngineCore::Enqueue(std::unique_ptr<WriteRequest> request, const absl::Status& readings) {
  if (readings.ok()) {
    commit_.RunAsync(std::move(request));
  } else {
    request->callback(readings);
  }
}

// ---- reading

absl::StatusOr<std::optional<GetResult>> EngineCore::GetAt(const DatabaseState::ReadPoint& at,
                                                           std::string_view key,
                                                           bool cached_only) const {
  if (const auto entry = at.state->GetFromMemory(key, at.sequence)) return ToResult(*entry);
  ASSIGN_OR_RETURN(const std::optional<TableHit> hit,
                   at.state->version->Get(key, at.sequence, cached_only));
  return hit.has_value() ? ToResult(hit->entry) : std::nullopt;
}

absl::StatusOr<std::optional<GetResult>> EngineCore::Get(std::string_view key,
                                                         const Snapshot* snapshot) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  DatabaseState::ReadPoint at = state_.Acquire();
  if (snapshot != nullptr) at.sequence = snapshot->sequence();
  return GetAt(at, key, /*cached_only=*/false);
}

absl::StatusOr<std::vector<std::optional<GetResult>>> EngineCore::MultiGet(
    const std::vector<std::string>& keys, const Snapshot* snapshot) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  DatabaseState::ReadPoint at = state_.Acquire();
  if (snapshot != nullptr) at.sequence = snapshot->sequence();
  std::vector<std::optional<GetResult>> results;
  results.reserve(keys.size());
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(std::optional<GetResult> result, GetAt(at, key, /*cached_only=*/false));
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<std::optional<std::optional<GetResult>>> EngineCore::GetCached(
    std::string_view key) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  absl::StatusOr<std::optional<GetResult>> result =
      GetAt(state_.Acquire(), key, /*cached_only=*/true);
  if (absl::IsUnavailable(result.status())) return std::optional<std::optional<GetResult>>();
  RETURN_IF_ERROR(result.status());
  return std::optional<std::optional<GetResult>>(*std::move(result));
}

std::unique_ptr<Iterator> EngineCore::NewIterator(const IteratorOptions& options) {
  const CallGuard call(*this);
  if (!call.entered()) return std::make_unique<ClosedIterator>();
  const DatabaseState::ReadPoint at = state_.Acquire();
  std::vector<std::unique_ptr<InternalIterator>> sources;
  sources.push_back(at.state->active.memtable->NewIterator());
  for (auto slot = at.state->immutables.rbegin(); slot != at.state->immutables.rend(); ++slot) {
    sources.push_back(slot->memtable->NewIterator());
  }
  at.state->version->AddIterators(sources, /*fill_cache=*/true);
  const SequenceNumber visible =
      options.snapshot != nullptr ? options.snapshot->sequence() : at.sequence;
  return std::make_unique<UserIterator>(std::make_unique<MergingIterator>(std::move(sources)),
                                        visible, options, at.state);
}

std::unique_ptr<Snapshot> EngineCore::TakeSnapshot() {
  return std::make_unique<SnapshotHandle>(state_);
}

// ---- background work and those who wait for it

void EngineCore::WorkChanged() {
  commit_.SetThrottle(kFullThrottleNsPerByte *
                      StallFraction(*state_.state()->version, context_->options));
  commit_.Resume();
  MutexLock lock(waiters_mutex_);
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    if ((*waiter)->ready()) {
      Waiter* const ready = *waiter;
      waiter = waiters_.erase(waiter);
      ready->done.Fire();
    } else {
      ++waiter;
    }
  }
}

void EngineCore::WaitUntil(std::function<bool()> ready) {
  Waiter waiter{std::move(ready), {}};
  {
    MutexLock lock(waiters_mutex_);
    if (waiter.ready()) return;
    waiters_.push_back(&waiter);
  }
  context_->env.executor.Await(waiter.done);
}

absl::Status EngineCore::FlushObstacle() const {
  RETURN_IF_ERROR(context_->health.WriteError());
  return context_->health.holding_up_writes();
}

absl::Status EngineCore::FlushAll() {
  WriteRequest request;
  request.kind = WriteRequest::Kind::kSwitch;
  commit_.Run(request);
  RETURN_IF_ERROR(request.status);
  const SequenceNumber target = request.result.sequence;
  const auto flushed = [this, target] { return state_.state()->flushed_sequence() >= target; };
  WaitUntil([&] { return flushed() || closing_ || !FlushObstacle().ok(); });
  if (closing_ && !flushed()) return Closed();
  return flushed() ? absl::OkStatus() : FlushObstacle();
}

absl::Status EngineCore::Flush() {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  return FlushAll();
}

absl::Status EngineCore::Compact() {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  RETURN_IF_ERROR(FlushAll());
  const uint64_t ticket = compactor_.RequestFull();
  WaitUntil([&] {
    return compactor_.FullResult(ticket).has_value() || closing_ || !context_->health.ok() ||
           !context_->health.background().ok();
  });
  const std::optional<absl::Status> result = compactor_.FullResult(ticket);
  compactor_.WithdrawFull(ticket);
  if (result.has_value()) return *result;
  if (closing_) return Closed();
  RETURN_IF_ERROR(context_->health.WriteError());
  return context_->health.background();
}

absl::Status EngineCore::WaitForQuiescence() {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  WaitUntil([this] {
    return closing_ || !context_->health.ok() || !context_->health.background().ok() ||
           (state_.state()->immutables.empty() && compactor_.Idle());
  });
  if (closing_) return Closed();
  RETURN_IF_ERROR(context_->health.WriteError());
  return context_->health.background();
}

absl::Status EngineCore::Checkpoint(const std::string& directory) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  RETURN_IF_ERROR(FlushAll());
  absl::Status result;
  Completion done;
  context_->background.Post(Priority::kFlush,
                            std::make_unique<CheckpointStep>(*this, directory, result, done));
  context_->env.executor.Await(done);
  return result;
}

absl::Status EngineCore::VerifyTables(const VerifyCallback& progress) {
  const CallGuard call(*this);
  if (!call.entered()) return Closed();
  const VersionPtr version = state_.state()->version;
  VerifyProgress at;
  for (int level = 0; level < Version::kLevels; ++level) {
    at.tables_total += version->level(level).size();
    at.bytes_total += version->LevelBytes(level);
  }
  for (const Level& level : version->levels()) {
    for (const TablePtr& table : level) {
      at.table = CheckTable(context_->env.file_system, context_->directory, table->record());
      if (!at.table.ok() && !absl::IsDataLoss(at.table)) return at.table;
      ++at.tables_done;
      at.bytes_done += table->summary().file_bytes;
      if (!progress(at)) return absl::CancelledError("verification stopped");
    }
  }
  return absl::OkStatus();
}

void EngineCore::Resume() {
  const CallGuard call(*this);
  if (!call.entered()) return;
  wal_.RetryNow();
  manifest_.RetryNow();
  flusher_.RetryNow();
  compactor_.RetryNow();
}

// ---- state and end

Stats EngineCore::GetStats() {
  // Before the visible sequence, which is never behind it.
  const SequenceNumber durable = commit_.durable_sequence();
  const DatabaseState::ReadPoint at = state_.Acquire();
  const Version& version = *at.state->version;
  const Counters& counters = context_->counters;
  const auto read = [](const Counters::Counter& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  Stats stats;
  for (const Level& tables : version.levels()) {
    LevelStats level;
    level.files = static_cast<int>(tables.size());
    for (const TablePtr& table : tables) {
      level.bytes += table->summary().file_bytes;
      level.entries += table->summary().entries;
    }
    stats.levels.push_back(level);
  }
  stats.visible_sequence = at.sequence;
  stats.durable_sequence = durable;
  stats.memtable_bytes = at.state->active.memtable->memory_bytes();
  for (const MemtableSlot& slot : at.state->immutables)
    stats.memtable_bytes += slot.memtable->memory_bytes();
  stats.immutable_memtables = static_cast<int>(at.state->immutables.size());
  stats.cache_bytes = context_->cache.used_bytes();
  stats.cache_capacity_bytes = context_->cache.capacity_bytes();
  stats.cache_hits = context_->cache.hits();
  stats.cache_misses = context_->cache.misses();
  stats.wal_bytes = read(counters.wal_bytes);
  stats.wal_syncs = read(counters.wal_syncs);
  stats.wal_segments = read(counters.wal_segments);
  stats.commit_groups = read(counters.commit_groups);
  stats.commit_operations = read(counters.commit_operations);
  stats.user_bytes = read(counters.user_bytes);
  stats.flushes = read(counters.flushes);
  stats.flush_bytes = read(counters.flush_bytes);
  stats.compactions = read(counters.compactions);
  stats.trivial_moves = read(counters.trivial_moves);
  stats.compaction_bytes_read = read(counters.compaction_bytes_read);
  stats.compaction_bytes_written = read(counters.compaction_bytes_written);
  stats.compaction_debt_bytes = CompactionDebt(version, context_->options);
  stats.manifest_rotations = read(counters.manifest_rotations);
  stats.stalls = read(counters.stalls);
  stats.stall_ns = read(counters.stall_ns);
  stats.background_retries = read(counters.background_retries);
  stats.recovered_bytes = recovery_.bytes;
  stats.recovered_operations = recovery_.operations;
  stats.recovered_segments = recovery_.segments;
  stats.recovered_torn_tail = recovery_.torn_tail;
  stats.torn_frames_discarded = recovery_.torn_frames_discarded;
  stats.sticky_error = context_->health.sticky_message();
  stats.background_error = std::string(context_->health.background().message());
  return stats;
}

absl::Status EngineCore::Close() {
  if (closing_.exchange(true)) {
    context_->env.executor.Await(closed_);
    return close_status_;
  }
  // Whoever waits for background work would wait for hours, and so would this.
  WorkChanged();
  if (calls_.fetch_or(kClosedBit, std::memory_order_acq_rel) != 0)
    context_->env.executor.Await(calls_gone_);
  context_->background.Stop();
  close_status_ = commit_.WriteCloseNote();
  context_->files.ReleaseLock();
  const absl::Status status = close_status_;
  closed_.Fire();
  return status;
}

}  // namespace lumen
