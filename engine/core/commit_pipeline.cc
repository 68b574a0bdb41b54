#include "engine/core/commit_pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/core/group_decider.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

constexpr uint64_t kMaxGroupBytes = 1 << 20;
constexpr size_t kMaxGroupRequests = 512;
// A delay worth a parking: shorter ones are saved up.
constexpr double kLeastDelayNs = 1e6;
constexpr double kMostDelayNs = 1e8;
// On a full disk puts may not use the last part of the last segment, so that deletes, which make
// room, still can; and deletes may overfill by this part a memtable that cannot be switched.
constexpr uint64_t kReservedForDeletes = 16;  // 1/16

}  // namespace

class CommitPipeline::LeadStep : public Step {
 public:
  explicit LeadStep(CommitPipeline& pipeline) : pipeline_(pipeline) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      // Once a group is finished or parked, the pipeline's state belongs to the next leader.
      if (pipeline_.Advance() != Progress::kMore) return StepResult::kDone;
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "commit"; }

 private:
  CommitPipeline& pipeline_;
};

CommitPipeline::CommitPipeline(EngineContext& context, DatabaseState& state, WalLog& wal,
                               SequenceNumber next_sequence, std::function<void()> on_switch)
    : context_(context),
      state_(state),
      wal_(wal),
      on_switch_(std::move(on_switch)),
      durable_sequence_(next_sequence - 1),
      next_sequence_(next_sequence) {}

void CommitPipeline::Run(WriteRequest& request) {
  request.blocking = true;
  const bool may_lead = Enqueue(request);
  if (!context_.env.executor.threaded()) {
    if (may_lead) PostLead();
    context_.env.executor.Await(request.wake);
    return;
  }
  if (may_lead) {
    request.leads = true;
  } else {
    context_.env.executor.Await(request.wake);
    if (!request.leads) return;
  }
  inline_leader_ = &request;
  if (!LeadInline()) context_.env.executor.Await(request.done);
}

void CommitPipeline::RunAsync(std::unique_ptr<WriteRequest> request) {
  WriteRequest& queued = *request.release();  // Tell() takes it back
  if (Enqueue(queued)) PostLead();
}

bool CommitPipeline::Enqueue(WriteRequest& request) {
  MutexLock lock(mutex_);
  queue_.push_back(&request);
  return !std::exchange(has_leader_, true);
}

void CommitPipeline::PostLead() {
  context_.background.Post(Priority::kCommit, std::make_unique<LeadStep>(*this));
}

bool CommitPipeline::LeadInline() {
  while (true) {
    const Progress progress = Advance();
    if (progress != Progress::kMore) return progress == Progress::kGroupFinished;
  }
}

CommitPipeline::Progress CommitPipeline::Advance() {
  switch (stage_) {
    case Stage::kTake:
      Take();
      return Progress::kMore;
    case Stage::kAdmit:
      return Admit();
    case Stage::kSeal:
      stage_ = Stage::kSyncSeal;
      if (!wal_.AppendSeal(next_sequence_).ok()) FailGroup(context_.health.WriteError());
      return Progress::kMore;
    case Stage::kSyncSeal:
      stage_ = Stage::kRotate;
      if (!wal_.Sync().ok()) FailGroup(context_.health.WriteError());
      return Progress::kMore;
    case Stage::kRotate:
      Rotate();
      return Progress::kMore;
    case Stage::kAppend:
      Append();
      return Progress::kMore;
    case Stage::kSync:
      SyncGroup();
      return Progress::kMore;
    case Stage::kApply:
      Apply();
      return Progress::kMore;
    case Stage::kNote:
      stage_ = Stage::kFinish;
      // A failed note takes nothing from the group, which is durable; it has made the engine
      // read-only.
      wal_.AppendNote(next_sequence_).IgnoreError();
      return Progress::kMore;
    case Stage::kFinish:
      break;
  }
  Finish();
  return Progress::kGroupFinished;
}

void CommitPipeline::Take() {
  MutexLock lock(mutex_);
  group_bytes_ = 0;
  group_sync_ = false;
  switch_asked_ = queue_.front()->kind == WriteRequest::Kind::kSwitch;
  do {
    WriteRequest* request = queue_.front();
    const bool alone = request->kind == WriteRequest::Kind::kSwitch;
    if (!group_.empty() && (alone || group_bytes_ + request->payload.size() > kMaxGroupBytes))
      break;
    queue_.pop_front();
    group_.push_back(request);
    group_bytes_ += request->payload.size();
    group_sync_ |= request->options != nullptr && request->options->durability == Durability::kSync;
    if (alone) break;
  } while (!queue_.empty() && group_.size() < kMaxGroupRequests);
  stage_ = Stage::kAdmit;
}

CommitPipeline::Progress CommitPipeline::Admit() {
  {
    MutexLock lock(mutex_);
    changes_seen_ = changes_;
  }
  absl::Status why;
  switch (Judge(why)) {
    case Admission::kGo:
      if (parked_since_ns_ != 0) {
        Bump(context_.counters.stall_ns,
             static_cast<uint64_t>(context_.env.clock.NowNanos() - parked_since_ns_));
        parked_since_ns_ = 0;
      }
      DecideGroup();
      return Progress::kMore;
    case Admission::kRotate:
      stage_ = Stage::kSeal;
      return Progress::kMore;
    case Admission::kPark:
      return Park();
    case Admission::kFail:
      break;
  }
  // A refused batch no longer wants a segment of its own size, which may be why making one fails.
  wal_.PrepareFor(0);
  FailGroup(why);
  return Progress::kMore;
}

CommitPipeline::Admission CommitPipeline::Judge(absl::Status& why) {
  why = context_.health.WriteError();
  if (!why.ok()) return Admission::kFail;
  group_state_ = state_.state();
  const Memtable& active = *group_state_->active.memtable;
  const bool holds_entries = active.entry_count() > 0;
  switching_ =
      holds_entries && (switch_asked_ || active.memory_bytes() >= context_.options.memtable_bytes);
  const bool fits = wal_.Fits(group_bytes_);
  if (!fits) wal_.PrepareFor(group_bytes_);
  if (!switching_ && fits) {
    if (OnlyDeletesFit(why) && !OnlyDeletes() && !RefusePuts(why)) return Admission::kFail;
    return Throttle() ? Admission::kPark : Admission::kGo;
  }
  const bool flush_first =
      switching_ &&
      group_state_->immutables.size() >= static_cast<size_t>(context_.options.immutable_memtables);
  if (!flush_first && wal_.Prepared()) return Admission::kRotate;
  // Waiting for work that fails for now would keep the caller for as long as the disk is full.
  why = context_.health.holding_up_writes();
  if (why.ok()) return Admission::kPark;
  const bool full = IsDiskFull(why);
  if (full && fits && MayOverfill()) return Admission::kGo;
  why = WithPrefix(
      "no room for more writes until background work succeeds, which is being retried; nothing was "
      "written: ",
      why);
  // Without the puts the rest may fit.
  return full && !OnlyDeletes() && RefusePuts(why) ? Judge(why) : Admission::kFail;
}

bool CommitPipeline::OnlyDeletes() const {
  return std::all_of(group_.begin(), group_.end(),
                     [](const WriteRequest* r) { return r->only_deletes || !r->status.ok(); });
}

bool CommitPipeline::RefusePuts(const absl::Status& why) {
  const bool any_delete = std::any_of(group_.begin(), group_.end(),
                                      [](const WriteRequest* r) { return r->only_deletes; });
  if (!any_delete) return false;
  group_bytes_ = 0;
  group_sync_ = false;
  for (WriteRequest* request : group_) {
    if (request->only_deletes) {
      group_bytes_ += request->payload.size();
      group_sync_ |= request->options->durability == Durability::kSync;
    } else {
      request->status = why;
    }
  }
  // A refused batch may have wanted a segment of its own size.
  wal_.PrepareFor(0);
  return true;
}

bool CommitPipeline::MayOverfill() {
  const uint64_t overfilled = overfilled_bytes_ + group_bytes_;
  const bool may = switching_ && !switch_asked_ && OnlyDeletes() &&
                   overfilled <= context_.options.memtable_bytes / kReservedForDeletes;
  if (may) overfilled_bytes_ = overfilled;
  return may;
}

bool CommitPipeline::OnlyDeletesFit(absl::Status& why) const {
  if (wal_.bytes_left() >= context_.options.wal_segment_bytes / kReservedForDeletes) return false;
  why = context_.health.holding_up_writes();
  if (!IsDiskFull(why)) return false;
  why = WithPrefix("disk full: only deletes are taken until there is room; nothing was written: ",
                   why);
  return true;
}

bool CommitPipeline::Throttle() {
  const double rate = throttle_ns_per_byte_.load(std::memory_order_relaxed);
  if (rate <= 0 || switch_asked_ || throttled_) {
    throttled_ = false;
    return false;
  }
  owed_delay_ns_ += rate * static_cast<double>(group_bytes_);
  if (owed_delay_ns_ < kLeastDelayNs) return false;
  const auto delay_ns = static_cast<int64_t>(std::min(owed_delay_ns_, kMostDelayNs));
  owed_delay_ns_ = 0;
  throttled_ = true;
  context_.background.After(Priority::kCommit, delay_ns, [this] { Resume(); });
  return true;
}

CommitPipeline::Progress CommitPipeline::Park() {
  MutexLock lock(mutex_);
  if (changes_ != changes_seen_) return Progress::kMore;  // admit again
  parked_ = true;
  inline_leader_ = nullptr;
  if (parked_since_ns_ == 0) {
    parked_since_ns_ = context_.env.clock.NowNanos();
    Bump(context_.counters.stalls);
  }
  return Progress::kParked;
}

void CommitPipeline::Resume() {
  {
    MutexLock lock(mutex_);
    ++changes_;
    if (!std::exchange(parked_, false)) return;
  }
  PostLead();
}

void CommitPipeline::Rotate() {
  wal_.Advance();
  durable_sequence_.store(next_sequence_ - 1,
                          std::memory_order_release);  // the SEAL's sync covered all
  context_.Report(EventLevel::kDebug,
                  absl::StrCat("the WAL goes on in segment ", wal_.segment_number(),
                               " from sequence ", next_sequence_));
  if (switching_) {
    state_.SwitchMemtable({std::make_shared<Memtable>(), wal_.segment_number(), next_sequence_});
    on_switch_();
    switch_asked_ = false;
    overfilled_bytes_ = 0;
  }
  stage_ = Stage::kAdmit;
}

void CommitPipeline::DecideGroup() {
  payloads_.clear();
  group_operations_ = 0;
  stage_ = Stage::kFinish;
  if (group_.front()->kind == WriteRequest::Kind::kSwitch) {
    group_.front()->result.sequence = next_sequence_ - 1;
    return;
  }
  GroupDecider decider(*group_state_, next_sequence_);
  for (WriteRequest* request : group_) {
    if (!request->status.ok() || !decider.Decide(*request)) continue;
    payloads_.push_back(request->payload);
    group_operations_ += request->operations;
  }
  if (!payloads_.empty()) stage_ = Stage::kAppend;
}

void CommitPipeline::Append() {
  stage_ = group_sync_ ? Stage::kSync : Stage::kApply;
  if (absl::Status status =
          wal_.AppendGroup(payloads_, group_sync_, group_operations_, next_sequence_);
      !status.ok()) {
    InDoubt(status);
  }
}

void CommitPipeline::SyncGroup() {
  stage_ = Stage::kApply;
  if (absl::Status status = wal_.Sync(); !status.ok()) InDoubt(status);
}

void CommitPipeline::Apply() {
  Memtable& memtable = *group_state_->active.memtable;
  for (const std::string_view payload : payloads_) {
    BatchReader operations(payload);
    while (const auto operation = operations.Next()) {
      memtable.Insert({operation->key, next_sequence_++, operation->kind, operation->value});
    }
    CHECK(operations.ok());
  }
  state_.Publish(next_sequence_ - 1);
  // Once it is visible: nobody is told of a durable sequence beyond the visible one.
  if (group_sync_) durable_sequence_.store(next_sequence_ - 1, std::memory_order_release);
  Bump(context_.counters.commit_groups);
  Bump(context_.counters.commit_operations, group_operations_);
  stage_ = Stage::kFinish;
  if (!group_sync_) return;
  MutexLock lock(mutex_);
  if (queue_.empty()) stage_ = Stage::kNote;
}

void CommitPipeline::FailGroup(const absl::Status& status) {
  for (WriteRequest* request : group_) {
    if (request->status.ok()) request->status = status;
  }
  stage_ = Stage::kFinish;
}

void CommitPipeline::InDoubt(const absl::Status& status) {
  for (WriteRequest* request : group_) {
    // No frame holds it, so nothing of it is in doubt. That its precondition is unmet may be,
    // though: it was decided behind the other writes of this group.
    if (request->status.ok() && !request->result.applied) {
      request->status = WithPrefix("nothing was written: ", context_.health.WriteError());
    }
  }
  FailGroup(absl::UnknownError(absl::StrCat(
      "the outcome of this write is unknown: it may or may not be there after a reopen: ",
      status.message())));
}

void CommitPipeline::Finish() {
  // After HandOn everything but these locals is the next leader's.
  const Group finished = std::move(group_);
  group_.clear();
  WriteRequest* const mine = std::exchange(inline_leader_, nullptr);
  const SequenceNumber durable = durable_sequence();
  for (WriteRequest* request : finished) {
    request->result.durable_sequence = durable;
    if (request->status.ok() && request->result.applied) {
      Bump(context_.counters.user_bytes, request->user_bytes);
    }
  }
  group_state_.reset();
  stage_ = Stage::kTake;
  parked_since_ns_ = 0;
  throttled_ = false;
  HandOn();
  for (WriteRequest* request : finished) {
    if (request != mine) Tell(*request);
  }
}

void CommitPipeline::HandOn() {
  WriteRequest* next = nullptr;
  {
    MutexLock lock(mutex_);
    if (queue_.empty()) {
      has_leader_ = false;
    } else {
      next = queue_.front();
      if (next->blocking && context_.env.executor.threaded()) next->leads = true;
    }
  }
  if (next == nullptr) return;
  if (next->leads) {
    next->wake.Fire();
  } else {
    PostLead();
  }
}

void CommitPipeline::Tell(WriteRequest& request) {
  if (request.blocking) {
    // A caller that led until its group was parked has used up `wake`.
    Completion& signal = request.leads ? request.done : request.wake;
    signal.Fire();
    return;
  }
  const std::unique_ptr<WriteRequest> owned(&request);
  if (request.status.ok()) {
    request.callback(std::move(request.result));
  } else {
    request.callback(std::move(request.status));
  }
}

absl::Status CommitPipeline::WriteCloseNote() {
  if (absl::Status error = context_.health.WriteError(); !error.ok()) return error;
  if (absl::Status status = wal_.AppendCloseNote(next_sequence_); !status.ok()) return status;
  return wal_.Sync();
}

}  // namespace lumen
