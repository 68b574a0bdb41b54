// Goal: whatever sequence of calls, crashes and restarts an engine sees, all it says agrees with a
// plain history of what it was told; acknowledged writes survive as promised, and what a crash
// leaves is a prefix of the commit order. Method: random programs (program.h) run by a machine
// (machine.h) in simulation, with crashes at any file operation, and on real files and threads,
// with limits so tiny that a few hundred commands flush, compact and rotate many times. A failing
// program is shrunk. What the run reached is counted, and must suffice.
//
//   LUMEN_PROPTEST_SEED=7   other programs
//   LUMEN_PROPTEST_SCALE=10 ten times as many
//   RC_PARAMS="reproduce=..."  as a failure prints it: that program again, shrunk
//   LUMEN_PROPTEST_FORK=1   each program in a process of its own, so that one that dies of a CHECK
//                           is shrunk too
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "proptests/machine.h"
#include "proptests/program.h"
#include "proptests/require.h"
#include "proptests/tally.h"
#include "proptests/world.h"
#include "rapidcheck.h"

namespace lumen {
namespace {

constexpr std::chrono::seconds kShrinkingTime{120};

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// The program that is running, for when the process dies of it.
const Program* running = nullptr;
void ShowRunningProgram(int) {
  if (running != nullptr) {
    std::cerr << "The process dies in this program; LUMEN_PROPTEST_FORK=1 shrinks it:\n"
              << *running;
  }
}

template <typename AnyWorld>
void RunProgram(const Program& program, AnyWorld& world, Tally& tally) {
  running = &program;
  size_t at = 0;
  try {
    Machine machine(world, program.limits, tally);
    for (; at < program.commands.size(); ++at) machine.Run(program.commands[at]);
    machine.Finish();
  } catch (const rc::detail::CaseResult&) {
    RC_LOG() << "failed in command " << at << "\n";
    running = nullptr;
    throw;
  }
  running = nullptr;
}

// Says only whether it went well; the counters stay the child's.
void RunInChild(const std::function<void(Tally&)>& run) {
  std::cout.flush();
  const pid_t child = ::fork();
  REQUIRE(child >= 0, "fork failed");
  if (child == 0) {
    Tally own;
    try {
      run(own);
    } catch (const rc::detail::CaseResult& result) {
      std::cerr << result.description << "\n";
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child && status == 0, "the child failed: see above");
}

class EngineModelTest : public testing::Test {
 protected:
  void SetUp() override { std::signal(SIGABRT, ShowRunningProgram); }
  void TearDown() override { std::signal(SIGABRT, SIG_DFL); }

  // Runs `cases` programs. False: one failed, and has been shrunk and printed.
  template <typename MakeWorld>
  bool Check(const std::string& name, uint32_t cases, uint32_t least, uint32_t most,
             const MakeWorld& make_world) {
    rc::detail::TestParams params;
    params.seed = Setting("LUMEN_PROPTEST_SEED", 1);
    params.maxSuccess = static_cast<int>(cases * Setting("LUMEN_PROPTEST_SCALE", 1));
    std::cout << name << ": " << params.maxSuccess
              << " programs, LUMEN_PROPTEST_SEED=" << params.seed << std::endl;
    const bool fork = Setting("LUMEN_PROPTEST_FORK", 0) != 0;
    std::optional<std::chrono::steady_clock::time_point> failed_at;
    const auto property = [&] {
      const Program program = *Programs(least, most);
      // Out of time, every simpler program is taken to pass: the simplest failing one so far stays.
      if (failed_at && std::chrono::steady_clock::now() - *failed_at > kShrinkingTime) return;
      const auto run = [&](Tally& tally) {
        auto world = make_world(program);
        RunProgram(program, *world, tally);
      };
      try {
        fork ? RunInChild(run) : run(tally_);
      } catch (const rc::detail::CaseResult&) {
        if (!failed_at) failed_at = std::chrono::steady_clock::now();
        throw;
      }
    };
    const auto result =
        rc::detail::checkTestable(property, rc::detail::TestMetadata{name, name}, params);
    rc::detail::printResultMessage(result, std::cerr);
    std::cerr << std::endl;
    std::cout << tally_ << std::endl;
    forked_ = fork;
    return result.template is<rc::detail::SuccessResult>();
  }

  Tally tally_;
  bool forked_ = false;
};

TEST_F(EngineModelTest, InMemoryWithCrashes) {
  ASSERT_TRUE(Check("engine in simulation", 600, 300, 700, [](const Program& program) {
    return std::make_unique<SimulatedWorld>(program.seed);
  }));
  if (forked_) return;
  EXPECT_GE(tally_.all_commands(), 200'000u);
  EXPECT_GE(tally_.flushes, 1000u);
  EXPECT_GE(tally_.compactions, 300u);
  EXPECT_GE(tally_.reopens, 200u);
  EXPECT_GE(tally_.most_levels, 3u);
  // Without these the run would no longer test what it is for.
  for (size_t i = 0; i < kCommandKinds; ++i) {
    EXPECT_GE(tally_.commands[i], 400u) << CommandKindName(i);
  }
  EXPECT_GE(tally_.trivial_moves, 100u);
  EXPECT_GE(tally_.unmet, 1000u);
  EXPECT_GE(tally_.existed_answers, 1000u);
  EXPECT_GE(tally_.outsized_batches, 100u);
  EXPECT_GE(tally_.uncached_answers, 100u);
  EXPECT_GE(tally_.checkpoints_opened, 200u);
  EXPECT_GE(tally_.inside_calls, 300u);
  EXPECT_GE(tally_.inside_opens, 200u);
  EXPECT_GE(tally_.lost_suffixes, 100u);
  EXPECT_GE(tally_.lost_sequences, 100u);
}

TEST_F(EngineModelTest, OnRealFiles) {
  ASSERT_TRUE(Check("engine on POSIX files", 16, 300, 700,
                    [](const Program&) { return std::make_unique<PosixWorld>(); }));
  if (forked_) return;
  EXPECT_GE(tally_.all_commands(), 6'000u);
  EXPECT_GE(tally_.flushes, 100u);
  EXPECT_GE(tally_.compactions, 30u);
  EXPECT_GE(tally_.reopens, 50u);
  EXPECT_GE(tally_.most_levels, 3u);
}

}  // namespace
}  // namespace lumen
