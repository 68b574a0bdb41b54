#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/simulated_environment.h"
#include "faultfs/volume.h"
#include "proptests/harness/recording.h"

namespace lumen::crash {

// The one client of a workload, and the processes that serve it, on one thread. Judges every answer
// against a model the moment it comes: a wrong one needs no crash to be a violation.
//
// Writes are committed in the order in which they are asked for, because those that are conditional
// are waited for; so the log of the recording is known without looking into the engine.
class Client {
 public:
  // Borrows all. `faults` may be null: then no error is excused.
  Client(const Workload& workload, faultfs::Volume& volume, const FaultLog* faults, bool notes,
         Recording& recording);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // To the end, or to the first violation.
  void Run();
  // Of the process that runs, while it waits for a file.
  void PassTime(int64_t duration_ns);

 private:
  using Model = std::map<std::string, std::string, std::less<>>;
  struct Issued {
    CommittedWrite write;
    bool durable = false;
    uint8_t precondition = 0;
    std::string text;  // for notes
    bool answered = false;
    uint64_t answered_at = 0;
    absl::StatusOr<WriteResult> answer = absl::UnknownError("");
  };
  using Process = faultfs::Volume::Process;

  // ---- processes (client.cc)
  bool Open();
  bool TryOpen(absl::Status& status);
  bool Harmed() const;
  // What a process found when it began to open.
  struct Found {
    faultfs::DiskImage image;
    uint64_t at = 0;
    size_t stale_reads = 0;
  };
  void Recover(const Found& found);
  Obligations ObligationsOf(const Found& found);
  void EndProcess();
  void Reopen();
  void Kill();
  void CountCoverage();
  void FinalCheck();

  // ---- steps
  void Step(const ClientStep& step);
  void GetOne(const std::string& key);
  void Scan(bool reverse, const Model& model, const class Snapshot* snapshot);
  void TakeSnapshot();
  void DropSnapshot();
  void FlushOrCompact(bool compact);
  void TakeCheckpoint();

  // ---- writes (client_writes.cc)
  void Write(const ClientStep& step);
  void Settle();
  // Judges answered writes from the front on.
  void Fold();
  void Judge(Issued& issued);
  void JudgeApplied(Issued& issued, const WriteResult& result);
  void JudgeError(Issued& issued);
  bool ConditionHolds(const Issued& issued) const;
  void ApplyToModel(const CommittedWrite& write);
  void BecameDurable(uint64_t sequence, uint64_t when);

  // ---- verdicts
  uint64_t now() const { return volume_.history().size(); }
  bool done() const { return recording_.violation.has_value() || refused_; }
  bool FaultFired() const { return faults_ != nullptr && !faults_->fired().empty(); }
  // OK, or an error that a fault excuses; true: it was OK.
  bool Excused(const absl::Status& status, const std::string& what);
  void Fail(int rule, std::string what, std::string expected = {}, std::string got = {});
  void Note(std::string text);

  const Workload& workload_;
  const Options options_;
  faultfs::Volume& volume_;
  const FaultLog* const faults_;
  const bool notes_;
  Recording& recording_;

  std::unique_ptr<Process> process_;
  std::unique_ptr<SimulatedEnvironment> environment_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Snapshot> snapshot_;
  Model snapshot_model_;
  uint64_t opens_ = 0;
  bool dead_ = false;     // the process was killed: answers that still come mean nothing
  bool refused_ = false;  // the disk was damaged, and says so: there is nothing left to ask

  Model model_;                // what readers see
  std::deque<Issued> issued_;  // not judged yet, in the order of asking; stable addresses
  size_t unanswered_ = 0;
  size_t judged_ = 0;          // writes in recording_.log
  size_t durable_writes_ = 0;  // of these, a prefix
  uint64_t highest_sequence_ = 0;
  std::vector<uint64_t> last_sequences_;  // of the log's writes; 0 where not known
  uint64_t values_ = 0;                   // made so far
};

}  // namespace lumen::crash
