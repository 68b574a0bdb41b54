// How a campaign shares its budgets out, ends, and gives up: explorers that do as they are told,
// and some that do not.
#include "proptests/lumen_crash/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <set>

namespace lumen::crash {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMinuteNs = 60'000'000'000;

CampaignSettings SettingsFor(std::vector<faultfs::Profile> profiles) {
  CampaignSettings settings;
  settings.profiles = std::move(profiles);
  settings.hang_ns = kMinuteNs;
  return settings;
}

// Tests `states` states, or one where there is no such limit; their hashes come from the profile.
Totals TestStates(const ExploreSettings& settings, const ExploreEvents& events) {
  Totals totals;
  totals.cases = 1;
  totals.distinct = std::max<uint64_t>(settings.states, 1);
  totals.generated = 2 * totals.distinct;
  for (uint64_t i = 0; i < totals.distinct; ++i) {
    events.distinct(static_cast<uint64_t>(settings.profile) * 1000 + i);
  }
  return totals;
}

void WaitForStop(const ExploreSettings& settings, const ExploreEvents& events) {
  while (!*settings.stop) events.progress(Totals{});
}

TEST(Campaign, SharesStatesOutEvenly) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kKill, faultfs::Profile::kXfs});
  settings.states = 100;
  const CampaignResult result = RunCampaign(settings, TestStates, {});
  ASSERT_EQ(result.profiles.size(), 2);
  EXPECT_EQ(result.profiles[0].profile, "kill");
  EXPECT_EQ(result.profiles[0].totals.distinct, 50);
  EXPECT_EQ(result.profiles[1].profile, "xfs");
  EXPECT_EQ(result.profiles[1].hashes.size(), 50);
  EXPECT_THAT(result.problems, IsEmpty());
}

TEST(Campaign, PassesShareByWeight) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kXfs});
  settings.states = 100;
  settings.passes = {{8, 16, 3}, {200, 1000, 1}};
  std::vector<std::pair<uint32_t, uint64_t>> seen;
  RunCampaign(settings,
              [&seen](const ExploreSettings& explore, const ExploreEvents& events) {
                seen.emplace_back(explore.most_steps, explore.states);
                return TestStates(explore, events);
              },
              {});
  EXPECT_THAT(seen, ElementsAre(std::pair(16u, 75), std::pair(1000u, 25)));
}

TEST(Campaign, ThreadsOfOneProfileShareItsShardAndCountAStateOnce) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kXfs});
  settings.jobs = 3;
  settings.states = 30;
  settings.shard = {.index = 1, .count = 2};
  std::mutex mutex;
  std::set<std::pair<uint64_t, uint64_t>> shards;
  const CampaignResult result =
      RunCampaign(settings,
                  [&](const ExploreSettings& explore, const ExploreEvents& events) {
                    const std::lock_guard lock(mutex);
                    shards.emplace(explore.shard, explore.shards);
                    return TestStates(explore, events);
                  },
                  {});
  EXPECT_THAT(shards, ElementsAre(std::pair(1, 6), std::pair(3, 6), std::pair(5, 6)));
  EXPECT_EQ(result.profiles[0].totals.generated, 60);
  EXPECT_EQ(result.profiles[0].totals.distinct, 10) << "all three met the same ten";
}

TEST(Campaign, TimeIsSharedOut) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kKill, faultfs::Profile::kXfs});
  settings.time_ns = 10 * kMinuteNs;
  std::vector<int64_t> slices;
  RunCampaign(settings,
              [&slices](const ExploreSettings& explore, const ExploreEvents& events) {
                slices.push_back(explore.time_ns);
                return TestStates(explore, events);
              },
              {});
  ASSERT_EQ(slices.size(), 2);
  EXPECT_LE(slices[0], 5 * kMinuteNs);
  // What the first did not use. (It took no time that this could notice.)
  EXPECT_GT(slices[1], 9 * kMinuteNs);
}

TEST(Campaign, EndsWithTheLastFailureThatIsWanted) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kKill, faultfs::Profile::kXfs});
  settings.max_failures = 2;
  size_t told = 0;
  size_t explored = 0;
  CampaignEvents events;
  events.failure = [&told](const Failure&) { ++told; };
  RunCampaign(
      settings,
      [&explored](const ExploreSettings& explore, const ExploreEvents& explore_events) {
        ++explored;
        for (int i = 0; i < 5; ++i) explore_events.failure({});
        EXPECT_TRUE(*explore.stop);
        return TestStates(explore, explore_events);
      },
      events);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(explored, 1) << "the second profile is not begun";
}

TEST(Campaign, ASignalEndsItWithWhatThereIs) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kXfs});
  std::atomic<int> signal = 0;
  settings.signal = &signal;
  const CampaignResult result =
      RunCampaign(settings,
                  [&signal](const ExploreSettings& explore, const ExploreEvents& events) {
                    signal = 15;
                    WaitForStop(explore, events);
                    return TestStates(explore, events);
                  },
                  {});
  EXPECT_FALSE(result.abandoned);
  EXPECT_EQ(result.profiles[0].totals.distinct, 1);
  ASSERT_EQ(result.problems.size(), 1);
  EXPECT_THAT(result.problems[0], HasSubstr("stopped by signal 15"));
}

TEST(Campaign, AnExplorerThatForgetsTheTimeIsStopped) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kXfs});
  settings.time_ns = 1;
  const CampaignResult result =
      RunCampaign(settings,
                  [](const ExploreSettings& explore, const ExploreEvents& events) {
                    WaitForStop(explore, events);
                    return TestStates(explore, events);
                  },
                  {});
  EXPECT_THAT(result.problems, IsEmpty());
}

// Stays until it is let go, which is after the campaign has given it up.
TEST(Campaign, AThreadThatHangsIsLeftBehindAndItsCountsKept) {
  CampaignSettings settings = SettingsFor({faultfs::Profile::kXfs});
  settings.hang_ns = 1'000'000;
  const auto let_go = std::make_shared<std::promise<void>>();
  const auto gone = std::make_shared<std::promise<void>>();
  const CampaignResult result =
      RunCampaign(settings,
                  [let_go, gone](const ExploreSettings&, const ExploreEvents& events) {
                    Totals totals;
                    totals.cases = 41;
                    totals.distinct = 7;
                    events.progress(totals);
                    let_go->get_future().wait();
                    gone->set_value();
                    return totals;
                  },
                  {});
  EXPECT_TRUE(result.abandoned);
  EXPECT_EQ(result.profiles[0].totals.distinct, 7);
  ASSERT_EQ(result.problems.size(), 1);
  EXPECT_THAT(result.problems[0], HasSubstr("xfs: no sign of life for 1 ms, in or after case 41"));
  let_go->set_value();
  gone->get_future().wait();
}

TEST(Campaign, AProfileOfWhichNothingWasTestedIsAProblem) {
  const CampaignResult result =
      RunCampaign(SettingsFor({faultfs::Profile::kXfs}),
                  [](const ExploreSettings&, const ExploreEvents&) { return Totals{}; }, {});
  EXPECT_THAT(result.problems, ElementsAre("xfs: no state was tested"));
}

}  // namespace
}  // namespace lumen::crash
