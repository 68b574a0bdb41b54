// Which keys a scan's start, end and prefix mean, against their definition, for every combination
// of short strings over the bytes that are special: the smallest, the largest and one between.
#include "server/scan_range.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lumen {
namespace {

std::vector<std::string> StringsUpTo(size_t length) {
  std::vector<std::string> all = {""};
  for (size_t i = 0; all[i].size() < length; ++i) {
    for (const char byte : {'\x00', 'a', '\xff'}) all.push_back(all[i] + byte);
  }
  return all;
}

bool IsMeant(const std::string& key, const v1::ScanRequest& request) {
  return key >= request.start() && (request.end().empty() || key < request.end()) &&
         key.starts_with(request.prefix());
}

bool IsWithin(const std::string& key, const ScanRange& range) {
  return (!range.lower || key >= *range.lower) && (!range.upper || key < *range.upper);
}

TEST(ScanRange, HoldsExactlyTheKeysThatStartEndAndPrefixMean) {
  const std::vector<std::string> bounds = StringsUpTo(2);
  const std::vector<std::string> keys = StringsUpTo(4);
  for (const std::string& start : bounds) {
    for (const std::string& end : bounds) {
      for (const std::string& prefix : bounds) {
        v1::ScanRequest request;
        request.set_start(start);
        request.set_end(end);
        request.set_prefix(prefix);
        const ScanRange range = RangeOf(request);
        for (const std::string& key : keys) {
          if (key.empty()) continue;
          ASSERT_EQ(IsWithin(key, range), IsMeant(key, request))
              << testing::PrintToString(key) << " and " << request.ShortDebugString();
        }
        // What an iterator wants.
        if (range.lower && range.upper) {
          ASSERT_LE(*range.lower, *range.upper);
        }
      }
    }
  }
}

TEST(ScanRange, NoBoundsMeanNone) {
  const ScanRange range = RangeOf({});
  EXPECT_FALSE(range.lower.has_value());
  EXPECT_FALSE(range.upper.has_value());
}

TEST(ScanRange, AfterAPrefixComesTheNextLargerString) {
  EXPECT_EQ(AfterPrefix("a"), "b");
  EXPECT_EQ(AfterPrefix("a\xff"), "b");
  EXPECT_EQ(AfterPrefix("a\xfe\xff"), "a\xff");
  EXPECT_EQ(AfterPrefix("\x7f"), "\x80");
  EXPECT_EQ(AfterPrefix(""), std::nullopt);
  EXPECT_EQ(AfterPrefix("\xff\xff"), std::nullopt);
}

}  // namespace
}  // namespace lumen
