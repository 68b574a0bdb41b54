#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

// Where background work runs. Work is cut into Steps that can be resumed, so that production runs
// each priority on a thread of its own while a simulation runs everything on one thread and, from a
// seed, chooses after every small piece what goes on next.
namespace lumen {

// Most urgent first.
enum class Priority : uint8_t {
  kCommit,      // lead a commit group
  kRead,        // read what a conditional write has to know before it is queued
  kPrepare,     // make the next WAL segment ahead of need, write manifest edits; between two such
                // steps at most one obsolete file is removed
  kFlush,       // memtable -> level 0
  kCompaction,  // merge levels, scrub
};
inline constexpr int kPriorities = 5;

enum class StepResult : uint8_t {
  kMore,   // call Run again
  kDone,   // finished; the executor destroys the step
  kError,  // gave up after telling its owner; the executor destroys the step
};

// One background job. Owned by the executor from Post until it is done; Run is never called
// concurrently with itself.
class Step {
 public:
  virtual ~Step() = default;
  // Does about `budget` units of work, one unit being one file operation or up to 64 entries, and
  // at least one.
  virtual StepResult Run(int64_t budget) = 0;
  // A word for traces: "flush", "compaction".
  virtual std::string_view name() const = 0;
};

// Set once, waited for with Executor::Await. Thread-safe. Whoever fires it must not touch it
// afterwards: the waiter may destroy it at once.
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  void Fire() {
    // Sequentially consistent, because libstdc++'s notify_all first looks whether anybody waits: on
    // x86 that load may pass a release store, and miss a waiter that has not seen the store.
    state_.store(kFired);
    state_.notify_all();
  }
  bool fired() const { return state_.load(std::memory_order_acquire) == kFired; }
  // Blocks the thread. For executors only; everyone else calls Executor::Await, which also works in
  // simulation.
  void BlockUntilFired() const {
    while (!fired()) state_.wait(kWaiting, std::memory_order_acquire);
  }

 private:
  static constexpr int kWaiting = 0;
  static constexpr int kFired = 1;
  std::atomic<int> state_{kWaiting};
};

// Thread-safe. Destroying it finishes running steps' current Run, then drops what is left.
class Executor {
 public:
  virtual ~Executor() = default;

  // Steps of one priority start in the order posted.
  virtual void Post(Priority priority, std::unique_ptr<Step> step) = 0;
  // Starts the step once `delay_ns` has passed on the environment's clock.
  virtual void PostAfter(Priority priority, int64_t delay_ns, std::unique_ptr<Step> step) = 0;

  // Returns once `completion` has fired. Threads: blocks the caller. Simulation: runs steps until
  // it has fired, and CHECK-fails when none is left that could fire it. Never called from inside a
  // Step, nor with a lock held.
  virtual void Await(Completion& completion) = 0;

  // Whether callers run on threads of their own, so that a caller may do a step's work inline.
  // False in simulation, where every piece of work must go through Post to be interleaved.
  virtual bool threaded() const = 0;
};

}  // namespace lumen
