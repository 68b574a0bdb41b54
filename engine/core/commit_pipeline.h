#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/base/mutex.h"
#include "engine/core/database_state.h"
#include "engine/core/engine_context.h"
#include "engine/core/wal_log.h"
#include "engine/core/write_request.h"

namespace lumen {

// Group commit. Requests queue up; one leader at a time takes what is queued, decides
// preconditions, appends one frame, syncs it if anyone asked, inserts into the memtable, publishes,
// hands on leadership, and tells the callers.
//
// The leader is a state machine that does at most one file operation a step. A blocking caller who
// finds no leader runs it inline on its own thread, because a hand-off to another thread and back
// costs a third of an fdatasync; everyone else's groups are led by a kCommit step. A leader that
// must wait (for a flush, a segment, a throttling delay) parks, keeping leadership, and is resumed
// as a kCommit step.
//
// Crash order, for every prefix of what a group does:
//   seal, sync seal   a crash leaves a sealed segment and an empty successor: the same state.
//   append            the group is in doubt: it is there if its bytes are.
//   sync              the group survives power loss; only now may anyone see it or hear of it.
//   note              unsynced, repeats the promise for the benefit of corruption checks; nothing
//   depends on it.
class CommitPipeline {
 public:
  // `on_switch` runs on the leader after the active memtable became immutable.
  CommitPipeline(EngineContext& context, DatabaseState& state, WalLog& wal,
                 SequenceNumber next_sequence, std::function<void()> on_switch);

  // Returns when the request is finished; its status and result are set. Not from a step or a
  // callback.
  void Run(WriteRequest& request) EXCLUDES(mutex_);
  // Calls back once it is finished.
  void RunAsync(std::unique_ptr<WriteRequest> request) EXCLUDES(mutex_);

  // Something a parked leader may be waiting for has changed. Any thread.
  void Resume() EXCLUDES(mutex_);
  // Delay, in ns per byte written, that compaction debt asks of writers. Any thread.
  void SetThrottle(double ns_per_byte) {
    throttle_ns_per_byte_.store(ns_per_byte, std::memory_order_relaxed);
  }
  // Close, once every request is finished and no more are coming: leaves the close NOTE and syncs
  // it.
  absl::Status WriteCloseNote();

  SequenceNumber durable_sequence() const {
    return durable_sequence_.load(std::memory_order_acquire);
  }

 private:
  class LeadStep;
  using Group = absl::InlinedVector<WriteRequest*, 8>;
  enum class Stage : uint8_t {
    kTake,
    kAdmit,
    kSeal,
    kSyncSeal,
    kRotate,
    kAppend,
    kSync,
    kApply,
    kNote,
    kFinish,
  };
  enum class Progress : uint8_t { kMore, kParked, kGroupFinished };
  enum class Admission : uint8_t { kGo, kRotate, kPark, kFail };

  bool Enqueue(WriteRequest& request) EXCLUDES(mutex_);
  void PostLead();
  // Leads one group as far as it goes. False: parked.
  bool LeadInline();
  Progress Advance();

  // The stages; each returns what comes next in stage_.
  void Take();
  Progress Admit();
  Admission Judge(absl::Status& why);
  void DecideGroup();
  void Rotate();
  void Append();
  void SyncGroup();
  void Apply();
  void Finish();

  Progress Park();
  void FailGroup(const absl::Status& status);
  void InDoubt(const absl::Status& status);
  // Of the requests that are not refused yet.
  bool OnlyDeletes() const;
  // Leaves the group's deletes to go on alone. False: there is none among its puts.
  bool RefusePuts(const absl::Status& why);
  // Whether the group may go into a memtable that ought to be switched, but cannot be.
  bool MayOverfill();
  bool OnlyDeletesFit(absl::Status& why) const;
  bool Throttle();
  void HandOn();
  void Tell(WriteRequest& request);

  EngineContext& context_;
  DatabaseState& state_;
  WalLog& wal_;
  const std::function<void()> on_switch_;
  std::atomic<double> throttle_ns_per_byte_{0};
  std::atomic<SequenceNumber> durable_sequence_;

  // The leader's own, handed on with leadership under mutex_.
  Stage stage_ = Stage::kTake;
  Group group_;
  WriteRequest* inline_leader_ = nullptr;   // whose caller leads on its own thread
  ReadStatePtr group_state_;                // its active memtable is the one to insert into
  std::vector<std::string_view> payloads_;  // of the requests that are applied
  uint32_t group_operations_ = 0;
  uint64_t group_bytes_ = 0;
  bool group_sync_ = false;
  bool switch_asked_ = false;
  bool switching_ = false;
  uint64_t overfilled_bytes_ = 0;  // of deletes that the memtable took beyond its limit
  SequenceNumber next_sequence_;
  double owed_delay_ns_ = 0;
  bool throttled_ = false;  // this group has had its delay
  int64_t parked_since_ns_ = 0;

  Mutex mutex_;
  std::deque<WriteRequest*> queue_ GUARDED_BY(mutex_);
  bool has_leader_ GUARDED_BY(mutex_) = false;
  bool parked_ GUARDED_BY(mutex_) = false;
  // A change that came while the leader was deciding to park.
  uint64_t changes_ GUARDED_BY(mutex_) = 0;
  uint64_t changes_seen_ = 0;  // the leader's
};

}  // namespace lumen
