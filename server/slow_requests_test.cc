// Warnings about slow calls: one for each, at most one a second, with stages that add up.
#include "server/slow_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lumen {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Judges calls that arrive at moments of its own choosing.
class Judged {
 public:
  explicit Judged(milliseconds longer_than)
      : slow_({.longer_than = longer_than,
               .warn = [this](std::string_view warning) { warnings_.emplace_back(warning); }}) {}

  void Call(milliseconds arrived, milliseconds handed, milliseconds answered, milliseconds done) {
    const CallTimes::Time start{std::chrono::hours(1)};
    slow_.Judge("kv.KeyValueStore/Get",
                {.arrived = start + arrived,
                 .handed = start + arrived + handed,
                 .answered = start + arrived + handed + answered,
                 .done = start + arrived + handed + answered + done},
                [this] {
                  ++described_;
                  return std::string("key \"k\"");
                });
  }

  std::vector<std::string> warnings_;
  int described_ = 0;

 private:
  SlowRequests slow_;
};

TEST(SlowRequests, AWarningNamesTheCallAndWhereItsTimeWent) {
  Judged judged(milliseconds(100));
  judged.Call(milliseconds(0), milliseconds(20), milliseconds(70), milliseconds(10));
  EXPECT_THAT(judged.warnings_,
              ElementsAre("slow request: kv.KeyValueStore/Get took 100.0 ms: 20.0 ms until it was "
                          "handed on, 70.0 ms in the engine, 10.0 ms until the answer was sent; "
                          "key \"k\""));
}

TEST(SlowRequests, AFastCallIsNotEvenDescribed) {
  Judged judged(milliseconds(100));
  judged.Call(milliseconds(0), milliseconds(20), milliseconds(70), milliseconds(9));
  EXPECT_THAT(judged.warnings_, ElementsAre());
  EXPECT_EQ(judged.described_, 0);
}

TEST(SlowRequests, OneWarningASecondCountsTheOthers) {
  Judged judged(milliseconds(100));
  const auto slow_call_at = [&judged](int at_ms) {
    judged.Call(milliseconds(at_ms), milliseconds(0), milliseconds(100), milliseconds(0));
  };
  slow_call_at(0);
  slow_call_at(1);
  slow_call_at(999);
  slow_call_at(1000);
  slow_call_at(2500);
  ASSERT_EQ(judged.warnings_.size(), 3u);
  EXPECT_EQ(judged.described_, 3);
  EXPECT_THAT(judged.warnings_[0], Not(HasSubstr("more since")));
  EXPECT_THAT(judged.warnings_[1], HasSubstr("; 2 more since the last such warning"));
  EXPECT_THAT(judged.warnings_[2], Not(HasSubstr("more since")));
}

TEST(SlowRequests, ZeroMeansNever) {
  Judged judged(milliseconds(0));
  judged.Call(milliseconds(0), milliseconds(0), milliseconds(100'000), milliseconds(0));
  EXPECT_THAT(judged.warnings_, ElementsAre());
}

}  // namespace
}  // namespace lumen
