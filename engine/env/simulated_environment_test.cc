// Goal: a simulation is decided by its seed alone, keeps the executor's promises, and interleaves
// whatever those leave open. Method: steps that write down when they run.

#include "engine/simulated_environment.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/env/seeded_random.h"
#include "engine/env/simulated_executor.h"
#include "engine/memory_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;

// Notes "name<piece>" in `story` for each of its pieces.
class Narrator final : public Step {
 public:
  Narrator(std::string name, int pieces, std::vector<std::string>& story)
      : name_(std::move(name)), pieces_(pieces), story_(story) {}
  StepResult Run(int64_t budget) override {
    EXPECT_EQ(budget, 1);
    story_.push_back(name_ + std::to_string(++done_));
    return done_ == pieces_ ? StepResult::kDone : StepResult::kMore;
  }
  std::string_view name() const override { return name_; }

 private:
  const std::string name_;
  const int pieces_;
  std::vector<std::string>& story_;
  int done_ = 0;
};

class FunctionStep final : public Step {
 public:
  explicit FunctionStep(std::function<void()> work) : work_(std::move(work)) {}
  StepResult Run(int64_t) override {
    work_();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "function"; }

 private:
  const std::function<void()> work_;
};

std::unique_ptr<Step> Do(std::function<void()> work) {
  return std::make_unique<FunctionStep>(std::move(work));
}

// Three steps of each priority, and what the seed makes of them.
std::vector<std::string> Story(uint64_t seed) {
  SimulatedEnvironment simulated(seed);
  const Environment environment = simulated.environment();
  std::vector<std::string> story;
  for (int i = 0; i < 3; i++) {
    for (int p = 0; p < kPriorities; p++) {
      const std::string name = {static_cast<char>('a' + p), static_cast<char>('x' + i)};
      environment.executor.Post(static_cast<Priority>(p),
                                std::make_unique<Narrator>(name, 3, story));
    }
  }
  simulated.RunUntilIdle();
  story.push_back(std::to_string(environment.clock.NowNanos()));
  story.push_back(std::to_string(environment.random.Next64()));
  return story;
}

size_t PlaceOf(const std::vector<std::string>& story, const std::string& line) {
  return static_cast<size_t>(std::find(story.begin(), story.end(), line) - story.begin());
}

TEST(SimulatedEnvironment, TheSameSeedTellsTheSameStory) {
  for (uint64_t seed = 0; seed < 100; seed++) ASSERT_EQ(Story(seed), Story(seed));
}

TEST(SimulatedEnvironment, DifferentSeedsTellDifferentStories) {
  std::set<std::vector<std::string>> stories;
  for (uint64_t seed = 0; seed < 100; seed++) stories.insert(Story(seed));
  EXPECT_EQ(stories.size(), 100u);
}

TEST(SimulatedEnvironment, StepsOfOnePriorityStartInTheOrderPosted) {
  for (uint64_t seed = 0; seed < 100; seed++) {
    const auto story = Story(seed);
    EXPECT_EQ(story.size(), 47u);  // 15 steps of 3 pieces, time, random number
    for (const std::string p : {"a", "b", "c", "d", "e"}) {
      EXPECT_LT(PlaceOf(story, p + "x1"), PlaceOf(story, p + "y1"));
      EXPECT_LT(PlaceOf(story, p + "y1"), PlaceOf(story, p + "z1"));
    }
  }
}

TEST(SimulatedEnvironment, OnlyCommitsAndReadsOverlapWithTheirOwnKindAndNoMoreThanTwo) {
  int commits_overlapped = 0, priorities_overlapped = 0;
  for (uint64_t seed = 0; seed < 100; seed++) {
    const auto story = Story(seed);
    for (const std::string p : {"c", "d", "e"}) {
      EXPECT_LT(PlaceOf(story, p + "x3"), PlaceOf(story, p + "y1"));
      EXPECT_LT(PlaceOf(story, p + "y3"), PlaceOf(story, p + "z1"));
    }
    for (const std::string p : {"a", "b"}) {
      const size_t first_end = std::min(PlaceOf(story, p + "x3"), PlaceOf(story, p + "y3"));
      EXPECT_LT(first_end, PlaceOf(story, p + "z1"));
    }
    if (PlaceOf(story, "ay1") < PlaceOf(story, "ax3")) commits_overlapped++;
    if (PlaceOf(story, "ex1") < PlaceOf(story, "dx3")) priorities_overlapped++;
  }
  EXPECT_GT(commits_overlapped, 20);
  EXPECT_GT(priorities_overlapped, 20);
}

TEST(SimulatedEnvironment, DelaysEndInOrderAndTimeJumpsWhenNothingElseIsLeft) {
  constexpr int64_t kHourNs = 3'600'000'000'000;
  SimulatedEnvironment simulated(7);
  const Environment environment = simulated.environment();
  const int64_t start_ns = environment.clock.NowNanos();
  std::vector<int64_t> ran_ns(3);
  for (const size_t i : {size_t{2}, size_t{0}, size_t{1}}) {
    environment.executor.PostAfter(
        Priority::kFlush, static_cast<int64_t>(i + 1) * kHourNs,
        Do([&environment, &ran_ns, i] { ran_ns[i] = environment.clock.NowNanos(); }));
  }
  Completion now;
  environment.executor.Post(Priority::kFlush, Do([&] { now.Fire(); }));
  environment.executor.Await(now);
  EXPECT_LT(environment.clock.NowNanos(), start_ns + kHourNs);
  simulated.RunUntilIdle();
  for (size_t i = 0; i < 3; i++) {
    EXPECT_GE(ran_ns[i], start_ns + static_cast<int64_t>(i + 1) * kHourNs);
    EXPECT_LT(ran_ns[i], start_ns + static_cast<int64_t>(i + 1) * kHourNs + kHourNs / 2);
  }
  EXPECT_FALSE(simulated.RunOne());
}

TEST(SimulatedEnvironment, EveryPieceTakesALittleTime) {
  SimulatedEnvironment simulated(1);
  const Environment environment = simulated.environment();
  std::vector<std::string> story;
  environment.executor.Post(Priority::kFlush, std::make_unique<Narrator>("s", 100, story));
  int64_t before_ns = environment.clock.NowNanos();
  while (simulated.RunOne()) {
    const int64_t now_ns = environment.clock.NowNanos();
    EXPECT_GT(now_ns, before_ns);
    EXPECT_LE(now_ns, before_ns + 10'000);
    before_ns = now_ns;
  }
  EXPECT_EQ(story.size(), 100u);
}

TEST(SimulatedEnvironment, SleepMovesTimeAndRunsNothing) {
  SimulatedEnvironment simulated(1);
  const Environment environment = simulated.environment();
  bool ran = false;
  environment.executor.PostAfter(Priority::kFlush, 1000, Do([&] { ran = true; }));
  const int64_t before_ns = environment.clock.NowNanos();
  environment.clock.SleepNanos(5000);
  environment.clock.SleepNanos(-1);
  EXPECT_EQ(environment.clock.NowNanos(), before_ns + 5000);
  EXPECT_FALSE(ran);
  EXPECT_TRUE(simulated.RunOne());
  EXPECT_TRUE(ran);
}

TEST(SimulatedEnvironment, AwaitRunsNoMoreThanItNeeds) {
  SimulatedEnvironment simulated(3);
  Executor& executor = simulated.environment().executor;
  EXPECT_FALSE(executor.threaded());
  std::vector<std::string> story;
  Completion done;
  executor.Post(Priority::kFlush, Do([&] { done.Fire(); }));
  executor.Post(Priority::kFlush, std::make_unique<Narrator>("later", 1, story));
  executor.Await(done);
  EXPECT_TRUE(story.empty());
  executor.Await(done);
}

TEST(SimulatedEnvironment, StepsMayPostFromRunAndFromTheirDestructor) {
  SimulatedEnvironment simulated(5);
  Executor& executor = simulated.environment().executor;
  int ran = 0;
  std::function<void(int)> post = [&](int left) {
    auto posting = std::shared_ptr<void>(nullptr, [&, left](void*) {
      if (left > 0) post(left - 1);
    });
    executor.Post(static_cast<Priority>(left % kPriorities), Do([&, left, posting] {
                    ran++;
                    for (int i = 0; i < 10; i++)
                      executor.Post(Priority::kCommit, Do([&] { ran++; }));
                    executor.PostAfter(Priority::kFlush, left, Do([&] { ran++; }));
                  }));
  };
  post(20);
  simulated.RunUntilIdle();
  EXPECT_EQ(ran, 21 * 12);
}

TEST(SimulatedEnvironment, DestructionDropsWhatIsLeftEvenIfThatPosts) {
  int dropped = 0;
  {
    SimulatedEnvironment simulated(5);
    Executor& executor = simulated.environment().executor;
    for (const Priority priority : {Priority::kCommit, Priority::kCompaction}) {
      auto guard = std::shared_ptr<void>(nullptr, [&](void*) {
        dropped++;
        executor.Post(Priority::kFlush, Do([] { FAIL() << "started"; }));
      });
      executor.Post(priority, Do([guard] { FAIL() << "started"; }));
      executor.PostAfter(priority, 1000, Do([guard] { FAIL() << "started"; }));
    }
  }
  EXPECT_EQ(dropped, 2);
}

TEST(SimulatedEnvironmentDeath, AwaitingWhatNothingCanFireNamesTheStepsThatRan) {
  SimulatedEnvironment simulated(1);
  std::vector<std::string> story;
  Completion never;
  simulated.environment().executor.Post(Priority::kFlush,
                                        std::make_unique<Narrator>("flush", 2, story));
  EXPECT_DEATH(simulated.environment().executor.Await(never),
               "nothing is left that could fire the completion. Ran last: flush flush. Pending:");
}

class ForeverStep final : public Step {
 public:
  StepResult Run(int64_t) override { return StepResult::kMore; }
  std::string_view name() const override { return "forever"; }
};

TEST(SimulatedEnvironmentDeath, GoingInCirclesEndsAndNamesThePendingSteps) {
  const auto await_forever = [] {
    SimulatedEnvironment simulated(1);
    Completion never;
    simulated.environment().executor.Post(Priority::kFlush, std::make_unique<ForeverStep>());
    simulated.environment().executor.PostAfter(Priority::kCommit, int64_t{1} << 60,
                                               std::make_unique<ForeverStep>());
    simulated.environment().executor.Await(never);
  };
  EXPECT_DEATH(await_forever(), "never fired. Ran last: .*Pending: forever forever .delayed.");
}

TEST(SimulatedEnvironmentDeath, AStepMustNotAwait) {
  const auto nested = [] {
    SimulatedEnvironment simulated(1);
    Executor& executor = simulated.environment().executor;
    Completion never;
    executor.Post(Priority::kFlush, Do([&] { executor.Await(never); }));
    executor.Post(Priority::kCompaction, Do([] {}));
    simulated.RunUntilIdle();
  };
  EXPECT_DEATH(nested(), "CHECK failed: !running_");
}

TEST(SimulatedEnvironment, UsesTheFileSystemItIsGiven) {
  MemoryFileSystem memory;
  SimulatedEnvironment given(1, memory), own(1);
  EXPECT_EQ(&given.environment().file_system, &memory);
  EXPECT_TRUE(own.environment().file_system.CreateDirectory("d").ok());
  EXPECT_FALSE(*memory.Exists("d"));
}

// The published test vector of SplitMix64 begins so for the state 0.
TEST(SeededRandom, IsSplitMix64) {
  SeededRandom random(0);
  EXPECT_EQ(random.Next64(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(random.Next64(), 0x6e789e6aa1b965f4u);
}

TEST(SeededRandom, BelowReachesEveryNumberAndStaysBelow) {
  SeededRandom random(9);
  std::vector<int> counts(7);
  for (int i = 0; i < 7000; i++) counts.at(random.Below(7))++;
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(SeededRandom, StreamsOfOneSeedDiffer) {
  EXPECT_NE(SeededRandom(3, 0).Next64(), SeededRandom(3, 1).Next64());
}

}  // namespace
}  // namespace lumen
