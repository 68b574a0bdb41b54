// Cases as stories, on workloads written by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "proptests/harness/explorer.h"
#include "proptests/harness/failure.h"
#include "proptests/harness/recording.h"
#include "proptests/harness/workload.h"

namespace lumen::crash {
namespace {

using faultfs::Profile;

// A process that dies in the middle of an append: each part of it is recovered, can be replayed,
// and is told as what it is.
TEST(Timeline, AKillInTheMiddleOfAnAppendIsTested) {
  Case one;
  one.profile = Profile::kKill;
  one.workload = *Workload::Parse("write relaxed k01=3000\nwrite durable k02=20\n");
  const Recording recording = Record(one.workload, {});
  faultfs::DiskState state(Profile::kKill, recording.start);
  uint64_t parts = 0;
  for (uint64_t point = 0; point < recording.history.size(); ++point) {
    state.Begin(recording.history[point]);
    faultfs::CrashSpace(state, one.seed).Enumerate(1000, [&](const faultfs::CrashImage& image) {
      if (image.survivors.sizes.empty()) return true;
      ++parts;
      one.crashes = {{point, image.survivors}};
      const absl::StatusOr<Timeline> timeline = MakeTimeline(one);
      EXPECT_TRUE(timeline.ok()) << timeline.status();
      EXPECT_FALSE(timeline->outcome.violation.has_value()) << timeline->outcome.violation->what;
      EXPECT_THAT(timeline->survivors[0], testing::HasSubstr("which was under way"));
      const auto died_in = std::find_if(
          timeline->entries.begin(), timeline->entries.end(),
          [](const TimelineEntry& entry) { return entry.fate == TimelineEntry::Fate::kPartly; });
      EXPECT_TRUE(died_in != timeline->entries.end() && died_in->index == point);
      return true;
    });
    state.Apply(recording.history[point]);
  }
  EXPECT_GE(parts, 3000 / faultfs::kSectorBytes);
  ExploreSettings settings;
  settings.profile = Profile::kKill;
  const Totals totals = ExploreCase(one, settings, {});
  EXPECT_EQ(totals.violations, 0U);
  EXPECT_GE(totals.generated, recording.history.size() + 1 + parts);
}

}  // namespace
}  // namespace lumen::crash
