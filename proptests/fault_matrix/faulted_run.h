#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "engine/simulated_environment.h"
#include "faultfs/volume.h"
#include "proptests/fault_matrix/one_fault.h"
#include "proptests/oracle.h"

namespace lumen::crash {

// Every limit so small that some thirty writes rotate, flush and compact.
Options FaultMatrixOptions();

// One client's fixed story with an engine on a volume that fails once: writes of every sort, flush,
// compaction, checkpoint, a kill, a clean close. What the engine refuses it has to explain; a
// read-only engine is killed and opened again, as an operator would. Every answer is compared with
// what was acknowledged.
class FaultedRun {
 public:
  // Borrows the injector.
  FaultedRun(uint64_t seed, OneFault& fault);
  ~FaultedRun();
  FaultedRun(const FaultedRun&) = delete;
  FaultedRun& operator=(const FaultedRun&) = delete;

  // The story, and then a kill. Faults end with it.
  void Play();
  // Writes on a disk of that size until it is full, and then on one that has room again; a kill.
  // How many writes were refused.
  uint64_t FillAndHeal(uint64_t capacity_bytes);
  // The first thing that was wrong; empty: nothing.
  const std::string& problem() const { return problem_; }
  // The engine was told of the fault and said so, to a client or by what it reports.
  bool reported() const { return reported_; }

  const WriteLog& log() const { return log_; }
  faultfs::Volume& volume() { return volume_; }
  uint64_t now() const { return volume_.history().size(); }

  // The oracle's verdict on what a kill leaves, and on what power losses may leave.
  std::optional<Violation> JudgeKill(bool may_refuse);
  struct Excuse {
    bool may_refuse = false;
    bool may_lose = false;
  };
  std::optional<Violation> JudgePowerLoss(uint64_t images, const Excuse& excuse);

 private:
  using Changes = std::vector<CommittedWrite::Change>;
  using Answer = absl::StatusOr<WriteResult>;

  void Step(uint64_t number);
  CommittedWrite::Change Put(uint64_t key, uint64_t value_bytes);
  static CommittedWrite::Change Delete(uint64_t key);
  // Asks for all of them at once and waits for every answer.
  void Write(const std::vector<Changes>& batches, Durability durability);
  void Take(CommittedWrite write, const Answer& answer, Durability durability);
  // An error is excused by the fault only.
  void Told(const char* what, const absl::Status& status);
  void Open();
  void ReopenIfReadOnly();
  void Kill();
  // What has opened is a state that is allowed; from here on it is the one.
  struct Found;
  void Recover(const Found& found);
  std::optional<Content> Read();
  void CompareReads();
  void Heal();
  // Nothing that the engine could do would make it open, or read.
  bool HarmedForGood() const;
  void Problem(const std::string& what);
  bool over() const { return !problem_.empty() || refused_; }

  const uint64_t seed_;
  OneFault& fault_;
  faultfs::Volume volume_;
  std::unique_ptr<faultfs::Volume::Process> process_;
  std::unique_ptr<SimulatedEnvironment> simulation_;
  std::unique_ptr<Engine> engine_;
  uint64_t lives_ = 0;

  WriteLog log_;
  std::map<std::string, std::string> model_;  // what readers of this life see
  uint64_t values_ = 0;
  bool full_ = false;  // the disk: refusals need no fault
  bool reported_ = false;
  bool refused_ = false;  // damaged for good, and says so
  std::string problem_;
};

}  // namespace lumen::crash
