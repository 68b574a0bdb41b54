// The judge of the quickstart: it accepts the last acknowledged outcome and a later one in doubt,
// and nothing else.
#include "client/quickstart/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <string>

namespace lumen::quickstart {
namespace {

using ::testing::HasSubstr;

constexpr Version kFirst{.client = 1, .counter = 1, .is_put = true};
constexpr Version kSecond{.client = 1, .counter = 2, .is_put = true};
constexpr Version kRemoval{.client = 1, .counter = 3, .is_put = false};

History After(std::initializer_list<Version> acknowledged) {
  History history("k");
  for (const Version& version : acknowledged) {
    history.Issue(version);
    history.Acknowledge();
  }
  return history;
}

TEST(History, NothingWrittenMeansNothingFound) {
  EXPECT_EQ(After({}).Settle(std::nullopt), std::nullopt);
  EXPECT_THAT(*After({}).Settle("x"), HasSubstr("found: 1 bytes"));
}

TEST(History, OnlyTheLastAcknowledgedPutIsLegal) {
  EXPECT_EQ(After({kFirst, kSecond}).Settle(ValueOf("k", kSecond)), std::nullopt);
  EXPECT_THAT(*After({kFirst, kSecond}).Settle(ValueOf("k", kFirst)), HasSubstr("counter 1"));
  EXPECT_THAT(*After({kFirst, kSecond}).Settle(std::nullopt), HasSubstr("found: nothing"));
  std::string damaged = ValueOf("k", kSecond);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_TRUE(After({kFirst, kSecond}).Settle(damaged).has_value());
  EXPECT_TRUE(After({kSecond}).Settle(ValueOf("other key", kSecond)).has_value());
}

TEST(History, AnAcknowledgedDeleteDoesNotComeBack) {
  EXPECT_EQ(After({kFirst, kRemoval}).Settle(std::nullopt), std::nullopt);
  EXPECT_TRUE(After({kFirst, kRemoval}).Settle(ValueOf("k", kFirst)).has_value());
}

TEST(History, AWriteInDoubtMayHaveHappenedOrNot) {
  for (const Version& doubtful : {kSecond, kRemoval}) {
    const auto outcome = doubtful.is_put ? std::optional(ValueOf("k", doubtful)) : std::nullopt;
    History history = After({kFirst});
    history.Issue(doubtful);
    history.LeaveInDoubt();
    EXPECT_EQ(History(history).Settle(ValueOf("k", kFirst)), std::nullopt);
    EXPECT_EQ(History(history).Settle(outcome), std::nullopt);
    EXPECT_TRUE(History(history).Settle("x").has_value());
  }
}

TEST(History, WhatARestartShowedMustStay) {
  History history = After({kFirst});
  history.Issue(kSecond);
  history.LeaveInDoubt();
  EXPECT_EQ(history.Settle(ValueOf("k", kSecond)), std::nullopt);
  EXPECT_TRUE(history.present());
  EXPECT_TRUE(history.Settle(ValueOf("k", kFirst)).has_value());

  History undone = After({kFirst});
  undone.Issue(kRemoval);
  undone.LeaveInDoubt();
  EXPECT_EQ(undone.Settle(ValueOf("k", kFirst)), std::nullopt);
  EXPECT_TRUE(undone.Settle(std::nullopt).has_value());
}

}  // namespace
}  // namespace lumen::quickstart
