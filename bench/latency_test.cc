// Goal: the percentiles that are printed are those of the samples, at the edges too.
// Method: samples whose ranks are known by construction, recorded out of order and in two parts.
#include "bench/latency.h"

#include <gtest/gtest.h>

namespace lumen::bench {
namespace {

TEST(LatencyRecorder, PercentilesAreSamplesByRank) {
  LatencyRecorder all;
  LatencyRecorder part;
  for (int64_t i = 1000; i > 500; --i) all.Record(i);
  for (int64_t i = 1; i <= 500; ++i) part.Record(i);
  all.Merge(part);
  EXPECT_EQ(all.PercentileNanos(0), 1);
  EXPECT_EQ(all.PercentileNanos(50), 500);
  EXPECT_EQ(all.PercentileNanos(99), 990);
  EXPECT_EQ(all.PercentileNanos(99.9), 999);
  EXPECT_EQ(all.PercentileNanos(100), 1000);
}

TEST(LatencyRecorder, OneSampleIsEveryPercentileAndNoneIsZero) {
  LatencyRecorder recorder;
  EXPECT_EQ(recorder.PercentileNanos(50), 0);
  recorder.Record(7);
  EXPECT_EQ(recorder.PercentileNanos(0.1), 7);
  EXPECT_EQ(recorder.PercentileNanos(99.9), 7);
}

TEST(LatencyRecorder, ADurationPastItsRangeIsTheLongestNotAWrappedOne) {
  LatencyRecorder recorder;
  recorder.Record(int64_t{1} << 40);
  recorder.Record(-5);
  EXPECT_EQ(recorder.PercentileNanos(100), int64_t{0xffffffff});
  EXPECT_EQ(recorder.PercentileNanos(1), 0);
}

TEST(Median, OfAnEvenNumberIsTheMiddleOfTheTwo) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Median({}), 0);
}

}  // namespace
}  // namespace lumen::bench
