// Goal: whoever listens at debug level learns when background work begins and ends, and of what
// size it is. Method: a database in simulation that flushes, compacts and rotates its WAL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"

namespace lumen {
namespace {

using testing::Contains;
using testing::MatchesRegex;

TEST(Events, BackgroundWorkTellsWhatItDoesWithItsSizes) {
  std::vector<std::string> told;
  Options options = TinyOptions();
  options.on_event = [&](EventLevel level, std::string_view message) {
    if (level == EventLevel::kDebug) told.emplace_back(message);
  };
  MemoryFileSystem files;
  TestDatabase database(files, 5, options);
  ASSERT_TRUE(database.Open().ok());
  EXPECT_THAT(told, testing::IsEmpty());
  for (int i = 0; i < 200; ++i) {
    const std::string key = absl::StrCat("key", i % 50);
    ASSERT_TRUE(database.Write({{key, std::string(300, 'v')}}, Durability::kSync).ok());
  }
  ASSERT_TRUE(database.engine().Compact().ok());
  for (const char* line : {
           "flushing a memtable of [1-9][0-9]* entries and [1-9][0-9]* bytes",
           "flushed into [0-9]*\\.sst of [1-9][0-9]* bytes",
           "compacting [1-9][0-9]* tables of level 0, [1-9][0-9]* bytes, with [0-9]* tables of "
           "level "
           "[0-9], [0-9]* bytes",
           "compacted into [1-9][0-9]* tables of level [1-9], [1-9][0-9]* bytes",
           "the WAL goes on in segment [0-9]* from sequence [0-9]*",
       }) {
    EXPECT_THAT(told, Contains(MatchesRegex(line)));
  }
}

}  // namespace
}  // namespace lumen
