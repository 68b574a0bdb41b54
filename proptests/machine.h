#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/mutex.h"
#include "engine/engine.h"
#include "proptests/history.h"
#include "proptests/program.h"
#include "proptests/tally.h"
#include "proptests/world.h"

namespace lumen {

// Runs programs on an engine and compares everything that it says with a history of what it was
// told. A difference fails the property that runs (RC_FAIL).
//
// What is asynchronous is judged afterwards: a result names the sequence at which the engine
// decided, and the history tells the state there.
class Machine {
 public:
  Machine(World& world, const Limits& limits, Tally& tally);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  void Run(const Command& command);
  // Compares everything, closes cleanly, opens again, compares again.
  void Finish();

  void operator()(const WriteCommand& write);
  void operator()(const RefusedCommand& refused);
  void operator()(const GetCommand& get);
  void operator()(const GetCachedCommand& get);
  void operator()(const MultiGetCommand& get);
  void operator()(const ScanCommand& scan);
  void operator()(const SnapshotCommand& snapshot);
  void operator()(const IteratorCommand& iterator);
  void operator()(const MoveCommand& move);
  void operator()(const DropIteratorCommand& drop);
  void operator()(const FlushCommand&);
  void operator()(const CompactCommand&);
  void operator()(const QuiesceCommand&);
  void operator()(const CheckpointCommand& checkpoint);
  void operator()(const RunCommand& run);
  void operator()(const CloseCommand& close);
  void operator()(const CrashCommand& crash);

 private:
  // What must survive: acknowledged or seen, and promised to survive power loss.
  struct Floors {
    uint64_t acknowledged = 0;
    uint64_t durable = 0;
  };
  struct IssuedWrite {
    std::vector<History::Change> changes;
    WriteOptions options;
  };
  struct Outcome {
    std::shared_ptr<const IssuedWrite> write;
    absl::StatusOr<WriteResult> result;
  };
  struct OpenIterator {
    std::unique_ptr<Iterator> iterator;
    uint64_t sequence = 0;
    std::optional<std::string> lower;
    std::optional<std::string> upper;
    std::optional<std::string> at;  // where it should be; empty: not valid
  };
  struct KeptCheckpoint {
    uint64_t sequence = 0;
    bool certain = true;  // false: the crash came before Checkpoint had returned
  };

  // ---- life (machine.cc)
  std::string Path() const { return world_.root() + "/db"; }
  std::string CheckpointPath() const { return world_.root() + "/checkpoint"; }
  void Open(const Limits& limits);
  // Judges a freshly opened engine: at least `floor` is there, the state is a prefix, no sequence
  // up to `used` is handed out again.
  void Recovered(uint64_t floor, uint64_t used);
  void DropReaders();
  void EndEngine();
  void Work(CrashCommand::During during);
  void OpenKeptCheckpoint();
  void CheckNamedFiles();
  void CheckNothingLeftBehind();
  void Observe();

  // ---- writes (machine_writes.cc)
  Precondition ToPrecondition(const Condition& condition) const;
  std::shared_ptr<const IssuedWrite> ToWrite(const WriteCommand& command, WriteBatch& batch);
  void Issue(const WriteCommand& command);
  void TakeOutcome(Outcome outcome) EXCLUDES(mutex_);
  int Outstanding() EXCLUDES(mutex_);
  // Waits for every write and puts them all into the history.
  void Settle();
  void Judge(const Outcome& outcome);
  void JudgeUnmet(const IssuedWrite& write, const WriteResult& result) const;
  void JudgeExisted(const IssuedWrite& write, const WriteResult& result) const;
  bool Holds(const Precondition& condition) const;

  // ---- reads (machine_reads.cc)
  // The sequence at which a read that starts now will read.
  uint64_t Now();
  const Snapshot* SnapshotIn(uint32_t slot) const;
  uint64_t SequenceOf(uint32_t slot);
  // Makes sure that the history knows the state at `sequence`.
  void Know(uint64_t sequence);
  void CheckGet(const std::string& key, const absl::StatusOr<std::optional<GetResult>>& got,
                uint64_t sequence);
  void CheckAt(const Iterator& iterator, const std::optional<History::Live>& expected) const;
  void CheckScan(Engine& engine, const Snapshot* snapshot, uint64_t sequence);
  std::optional<History::Live> InBounds(const OpenIterator& open,
                                        std::optional<History::Live> live) const;
  std::optional<History::Live> Expected(const OpenIterator& open, Move::Kind kind,
                                        const std::string& target) const;
  void MoveOnce(OpenIterator& open, Move::Kind kind, const std::string& target);
  void OpenIteratorIn(const IteratorCommand& command);

  World& world_;
  Tally& tally_;
  Limits limits_;
  History history_;
  uint64_t values_ = 0;  // made so far; each is different
  uint64_t operations_since_open_ = 0;
  uint64_t bytes_since_open_ = 0;
  Stats seen_;
  std::optional<KeptCheckpoint> kept_checkpoint_;

  // What callbacks change, on real files from other threads.
  Mutex mutex_;
  CondVar all_told_;
  int outstanding_ GUARDED_BY(mutex_) = 0;
  std::vector<Outcome> outcomes_ GUARDED_BY(mutex_);
  Floors floors_ GUARDED_BY(mutex_);

  // Readers are gone before the engine is.
  std::unique_ptr<Engine> engine_;
  std::array<std::unique_ptr<Snapshot>, kSlots> snapshots_;
  std::array<OpenIterator, kSlots> iterators_;
};

// Bytes for messages: escaped, cut short.
std::string Shown(std::string_view bytes);

}  // namespace lumen
