// Goal: a row says whether its floor was met, in the direction of the floor, and JSON stays JSON.
// Method: rows just at, above and below their bounds; texts with what JSON must escape.
#include "bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Row RowWithFloor(Floor::Kind kind, double value) {
  return {.name = "put",
          .value = value,
          .unit = "/s",
          .floor = Floor{.kind = kind, .bound = 1000, .reason = "0.85 x raw"},
          .detail = ""};
}

TEST(FormatRow, AValueAtItsFloorMeetsItInBothDirections) {
  for (const auto kind : {Floor::Kind::kAtLeast, Floor::Kind::kAtMost}) {
    EXPECT_THAT(FormatRow(RowWithFloor(kind, 1000)), HasSubstr("1.0 k/s, 0.85 x raw: met]"));
  }
}

TEST(FormatRow, TheWrongSideOfTheFloorIsMissed) {
  EXPECT_THAT(FormatRow(RowWithFloor(Floor::Kind::kAtLeast, 999)), HasSubstr("MISSED"));
  EXPECT_THAT(FormatRow(RowWithFloor(Floor::Kind::kAtMost, 1001)), HasSubstr("MISSED"));
}

TEST(FormatRow, WithoutAFloorThereIsNoVerdict) {
  const Row row{.name = "scan", .value = 2.5e6, .unit = "/s", .floor = {}, .detail = "p50 1 us"};
  EXPECT_THAT(FormatRow(row), HasSubstr("2.50 M/s  p50 1 us"));
  EXPECT_THAT(FormatRow(row), Not(HasSubstr("met")));
}

TEST(QuoteJson, EscapesQuotesBackslashesAndControls) {
  EXPECT_EQ(QuoteJson("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
}

}  // namespace
}  // namespace lumen::bench
