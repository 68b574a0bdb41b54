#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"

// What a program that stores keys must still hold after a crash. The whole contract:
//
//   1  It opens, or refuses with an error that names file, offset and cause. It may refuse only
//      where the disk was damaged or has lied.
//   2  Its state is exactly the state after a prefix of the commit order that covers every
//      acknowledged durable write, and holds no write that was never issued.
//   3  Batches are there whole or not at all.
//   4  Get, forward scan, backward scan and snapshots say the same.
//   5  It works: takes a new write, flushes, compacts, closes, reopens, and then says the same.
//   6  No sequence number is handed out twice.
//   7  Recovering the same image twice gives the same state.
//   8  A crash at any file operation of the recovery converges to the same state.
//   9  Files that nothing names do not pile up.
//
// Rules 1 to 6 and 9 are judged here, 7 and 8 by whoever runs the recoveries and has two of them
// compared (Same). The oracle knows no engine: a Store is what it needs to see of one.
namespace lumen::crash {

using Content = std::vector<std::pair<std::string, std::string>>;  // ascending by key

// A recovered program.
class Store {
 public:
  virtual ~Store() = default;
  virtual absl::StatusOr<std::optional<std::string>> Get(const std::string& key) = 0;
  using Visit = std::function<void(std::string_view key, std::string_view value)>;
  // Everything, ascending; `reverse`: walked from the end, so descending. An error: what was
  // visited up to then is true.
  virtual absl::Status Scan(bool reverse, const Visit& visit) = 0;
  // Durably. Returns the sequence of the write, from a counter that only grows; 0: it has none.
  virtual absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) = 0;
  // Whatever else it does in its life: flush, compact, checkpoint. Content must not change.
  virtual absl::Status Exercise() = 0;
  // Files in its directories that it does not know, once it is quiet.
  virtual absl::StatusOr<std::vector<std::string>> Orphans() = 0;
  virtual absl::Status Close() = 0;
};

// Opens what `files` holds; the store borrows it. `seed` decides what runs when in it.
using Opener =
    std::function<absl::StatusOr<std::unique_ptr<Store>>(FileSystem& files, uint64_t seed)>;

// One write in commit order: what it changed, and when it was asked and answered. Times are numbers
// of history operations: "crash point p" is before operation p.
struct CommittedWrite {
  struct Change {
    std::string key;
    std::optional<std::string> value = {};  // nothing: a delete
  };
  static constexpr uint64_t kNever = ~uint64_t{0};

  std::vector<Change> changes;
  uint64_t issued = 0;
  uint64_t acknowledged = kNever;  // as applied; kNever: its outcome was an error, or never came
  // When it was known to survive power loss: its own acknowledgement where it was a durable write,
  // a later one's that said so, or that of a flush or a clean close.
  uint64_t durable = kNever;
  uint64_t last_sequence = 0;  // of its last change; 0: not known
  // An error was its answer: it may be in the state or not, once, but if it is then at its place.
  bool in_doubt = false;
  // When a recovery that lacked it was served: it can never come back. Set by Resolve.
  uint64_t lost = kNever;
};

// What a recovery showed, for rules 7 and 8 and for a report.
struct Recovered {
  bool refused = false;
  std::string refusal = {};
  Content content = {};
  // Writes of the commit order that its state is the result of: the fewest where several fit; those
  // in doubt that it lacks.
  size_t prefix = 0;
  std::vector<size_t> skipped = {};
};

// What a workload asked for, and what it was promised.
class WriteLog {
 public:
  using Hash = uint64_t;

  // In commit order, which is the order of `issued`.
  void Add(CommittedWrite write);
  // Of the writes from `first` to before `last`, where they were not durable before `when`.
  void SetDurable(size_t first, size_t last, uint64_t when);
  // A recovery was served at `when`, and this is what it showed: what is there has to survive
  // everything from then on, what is not there is gone. Later writes are issued at `when` or after.
  void Resolve(const Recovered& recovered, uint64_t when);

  const std::vector<CommittedWrite>& writes() const { return writes_; }
  // Every key that a write names, ascending.
  const std::vector<std::string>& keys() const { return keys_; }
  // State after the first `count` writes, without `skipped` and without those lost by `when`.
  std::map<std::string, std::string> StateAfter(size_t count,
                                                const std::vector<size_t>& skipped = {},
                                                uint64_t when = CommittedWrite::kNever) const;

  // For the checks, which have no time to build maps: the same state as a hash, those in doubt
  // counted in; a lost write counts where it is among the last `count`.
  Hash StateHash(size_t count) const { return state_hashes_[count]; }
  static Hash EntryHash(std::string_view key, std::string_view value);

 private:
  struct State {
    std::map<std::string, Hash, std::less<>> entries;
    Hash hash = 0;  // the sum of those of the entries

    void Apply(const CommittedWrite& write);
  };
  void HashStateAfter(const CommittedWrite& write);

  std::vector<CommittedWrite> writes_;
  std::vector<std::string> keys_;
  std::vector<Hash> state_hashes_ = {0};
  State kept_;       // after all writes that are not lost
  State with_lost_;  // and with those that were lost at `lost_` and come last
  uint64_t lost_ = CommittedWrite::kNever;
};

// What one crash point demands.
struct Obligations {
  size_t at_least = 0;            // writes of the commit order that have to be there
  size_t at_most = 0;             // and that can be
  uint64_t highest_sequence = 0;  // ever handed out: a new write's must be above
  bool process_crash = false;     // acknowledged is enough, durable or not
  bool may_refuse = false;        // the disk was damaged, or lied
  bool may_lose = false;          // it lied, or damaged what cannot be told from a torn tail:
                                  // a shorter prefix is fine, a hole never
  size_t may_lose_to = 0;         // but then still this many writes have to be there
  uint64_t crash_point = 0;       // when: decides what is lost for good, and what is in doubt
  size_t first_in_doubt = 0;      // no write before it is in doubt then
  uint64_t states = 0;            // a hash of all states that are allowed
  // Of everything but the crash point: equal where the same is asked.
  uint64_t hash() const;
};
Obligations ObligationsAt(const WriteLog& log, uint64_t crash_point, bool process_crash);
// A crash in the middle of the operation at `crash_point`, or right before it: a part of the
// operation may hold writes that were issued before it and after all others.
Obligations ObligationsDuring(const WriteLog& log, uint64_t crash_point, bool process_crash);

// Which of the allowed states this is; nothing: none of them. For programs that reopen in the
// middle of a workload, and then Resolve.
std::optional<Recovered> Recognise(const WriteLog& log, const Obligations& obligations,
                                   Content content);

// A broken rule.
struct Violation {
  int rule = 0;
  std::string what;  // one sentence, with keys, sequences, and what was allowed
  // States, for people; empty where none is at issue.
  std::string expected = {};
  std::string got = {};
};

struct CheckOptions {
  // Keys that gets are compared for beside those of the content: all that the workload ever wrote.
  const std::vector<std::string>* keys = nullptr;
  bool exercise = false;  // rules 5 and 9 in full: flush, compaction, checkpoint
};

// Opens what `files` holds, judges it by every rule, writes, closes, reopens, judges again. No
// violation: it is as it has to be. `recovered`, where given, is told what there was; that costs
// copies of everything.
std::optional<Violation> Check(const Opener& open, FileSystem& files, uint64_t seed,
                               const WriteLog& log, const Obligations& obligations,
                               const CheckOptions& options, Recovered* recovered = nullptr);

// Rules 7 and 8: two recoveries that began with the same image.
std::optional<Violation> Same(const Recovered& first, const Recovered& second, int rule);

}  // namespace lumen::crash
