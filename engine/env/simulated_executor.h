#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/env/seeded_random.h"
#include "engine/env/virtual_clock.h"
#include "engine/executor.h"

namespace lumen {

// Everything on the calling thread, one piece at a time, which piece a seed decides. As with
// ThreadExecutor, steps of one priority start in the order posted, and two of kCommit and of kRead,
// one of every other priority, may be under way at once: their pieces interleave. Not thread-safe.
class SimulatedExecutor final : public Executor {
 public:
  // Pieces that one Await or RunUntilIdle may run. A simulation that needs more goes in circles.
  static constexpr int64_t kMostPiecesPerCall = 10'000'000;

  // Borrows the clock.
  SimulatedExecutor(uint64_t seed, VirtualClock& clock);
  ~SimulatedExecutor() override;

  void Post(Priority priority, std::unique_ptr<Step> step) override;
  void PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) override;
  // A failure names the steps that ran last, and those still waiting.
  void Await(Completion& completion) override;
  bool threaded() const override { return false; }

  // Run(1) of one step, and a little time. Where nothing is due, time first moves to the next delay
  // that ends. False: nothing is left. Not from inside a step.
  bool RunOne();
  void RunUntilIdle();

 private:
  struct Lane {
    std::vector<std::unique_ptr<Step>> waiting;  // few, and an empty vector costs nothing
    std::vector<std::unique_ptr<Step>> started;
  };
  struct Delayed {
    Priority priority;
    std::unique_ptr<Step> step;
  };

  Lane& LaneOf(Priority priority) { return lanes_[static_cast<size_t>(priority)]; }
  void PostWhatIsDue();
  // The lane, and the place in its `started`, of the step whose turn it is. False: nothing is due.
  bool Choose(Lane** lane, size_t* place);
  void RunPiece(Lane& lane, size_t place);
  [[noreturn]] void Fail(const std::string& what) const;

  VirtualClock& clock_;
  SeededRandom random_;
  std::array<Lane, kPriorities> lanes_;
  std::multimap<int64_t, Delayed> delayed_;  // by the time they are due, then in the order posted
  std::array<std::string, 8> last_names_;    // of the steps that ran, for Fail
  size_t pieces_run_ = 0;
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace lumen
