// What a person may write for a size or a duration, and how everything else is refused.
#include "engine/base/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace lumen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::string Why(const absl::Status& status) { return std::string(status.message()); }

TEST(Bytes, UnitsMeanWhatTheySay) {
  const std::map<std::string, uint64_t> sizes = {{"0", 0},
                                                 {"0B", 0},
                                                 {"4096B", 4096},
                                                 {"7 B", 7},
                                                 {"1KiB", 1024},
                                                 {"64MiB", 64u << 20},
                                                 {"2 GiB", uint64_t{2} << 30},
                                                 {"1kB", 1000},
                                                 {"1KB", 1000},
                                                 {"3MB", 3'000'000},
                                                 {"2GB", 2'000'000'000},
                                                 {"1TB", 1'000'000'000'000},
                                                 {"1TiB", uint64_t{1} << 40},
                                                 {"18446744073709551615B", UINT64_MAX}};
  for (const auto& [text, bytes] : sizes) {
    const auto parsed = ParseBytes(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(Bytes, WhatIsNoSizeIsRefused) {
  for (const char* text : {"",
                           " ",
                           "-1",
                           "-1MiB",
                           "-0",
                           "MiB",
                           "1mb",
                           "1M",
                           "1.5MiB",
                           "1MiBx",
                           "1  MiB",
                           "0x10",
                           "+1B",
                           "18446744073709551616B",
                           "16777216TiB",
                           "1e3",
                           "nan",
                           "inf",
                           "64",
                           " 1B",
                           "1B "}) {
    EXPECT_EQ(ParseBytes(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Bytes, RefusalsSayWhatIsWrong) {
  EXPECT_EQ(Why(ParseBytes("-1MiB").status()), "'-1MiB' is not a size: it is negative");
  EXPECT_THAT(Why(ParseBytes("64").status()), HasSubstr("it has no unit; there are B KiB MiB"));
  EXPECT_THAT(Why(ParseBytes("nan").status()), HasSubstr("a whole number and a unit, as in 64MiB"));
  EXPECT_THAT(Why(ParseBytes("1.5MiB").status()), HasSubstr("expected a whole number"));
  EXPECT_THAT(Why(ParseBytes("1mb").status()), HasSubstr("the unit must be one of B KiB"));
  EXPECT_THAT(Why(ParseBytes("16777216TiB").status()), HasSubstr("above 16 EiB"));
}

TEST(Bytes, FormattedSizesReadBack) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, uint64_t{1024},
                               uint64_t{4063232}, uint64_t{64} << 20, UINT64_MAX}) {
    EXPECT_EQ(*ParseBytes(FormatBytes(bytes)), bytes);
  }
  EXPECT_EQ(FormatBytes(uint64_t{64} << 20), "64MiB");
  EXPECT_EQ(FormatBytes(1001), "1001B");
}

TEST(Duration, UnitsMeanWhatTheySay) {
  EXPECT_EQ(*ParseDuration("0"), milliseconds(0));
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("5s"), milliseconds(5000));
  EXPECT_EQ(*ParseDuration("5 s"), milliseconds(5000));
  EXPECT_EQ(*ParseDuration("2m"), milliseconds(120'000));
  EXPECT_EQ(*ParseDuration("8760h"), std::chrono::hours(8760));
}

TEST(Duration, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", "5", "-5s", "s", "5  s", "1.5s", "5S", "5sec", "8761h", "inf",
                           "nans", "99999999999999999999s", "18446744073709551615ms"}) {
    EXPECT_EQ(ParseDuration(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_THAT(Why(ParseDuration("5").status()), HasSubstr("it has no unit; there are ms s m h"));
  EXPECT_THAT(Why(ParseDuration("8761h").status()), HasSubstr("longer than a year"));
}

TEST(Duration, FormattedDurationsReadBack) {
  EXPECT_EQ(FormatDuration(milliseconds(5000)), "5s");
  EXPECT_EQ(FormatDuration(milliseconds(0)), "0");
  for (const int64_t count :
       {int64_t{0}, int64_t{1}, int64_t{1500}, int64_t{60'000}, int64_t{86'400'000}}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(milliseconds(count))), milliseconds(count));
  }
}

}  // namespace
}  // namespace lumen
