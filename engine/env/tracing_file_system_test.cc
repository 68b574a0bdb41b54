// Goal: a trace says what happened, in lines that a person reads and that never depend on where the
// files are. Method: whole traces compared with the expected text.

#include "engine/tracing_file_system.h"

#include <string>

#include "engine/memory_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;

class Traces : public testing::Test {
 protected:
  Traces() { EXPECT_TRUE(memory_.CreateDirectory("/db").ok()); }

  MemoryFileSystem memory_;
  std::vector<std::string> lines_;
  TracingFileSystem fs_{memory_, "/db",
                        [this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(Traces, EveryOperationIsOneLine) {
  {
    auto log = *fs_.CreateLogFile("/db/1.wal");
    ASSERT_TRUE(log->Allocate(65536).ok());
    ASSERT_TRUE(log->Append("123456789").ok());
    ASSERT_TRUE(log->Append("123456789").ok());
    ASSERT_TRUE(log->Sync().ok());
    EXPECT_EQ(log->offset(), 18u);
    EXPECT_EQ(log->durable_offset(), 18u);
  }
  ASSERT_TRUE(fs_.SyncDirectory("/db").ok());
  ASSERT_TRUE(fs_.Rename("/db/1.wal", "/db/2.wal").ok());
  ASSERT_TRUE(fs_.Link("/db/2.wal", "/db/3.wal").ok());
  ASSERT_TRUE(fs_.Remove("/db/3.wal").ok());
  ASSERT_TRUE(fs_.CreateDirectory("/db/d").ok());
  ASSERT_TRUE(fs_.RemoveDirectory("/db/d").ok());
  ASSERT_TRUE(fs_.List("/db").ok());
  ASSERT_TRUE(*fs_.Exists("/db/2.wal"));
  ASSERT_FALSE(*fs_.Exists("/elsewhere"));
  ASSERT_EQ(*fs_.FileSize("/db/2.wal"), 65536u);
  memory_.SetCapacity(65536 + 100);
  ASSERT_EQ(*fs_.FreeSpace("/db"), 100u);
  { auto lock = fs_.Lock("/db/LOCK", "me"); }
  auto file = *fs_.OpenReadFile("/db/2.wal");
  std::string out(4, '?');
  ASSERT_TRUE(file->ReadAt(65534, out).ok());
  ASSERT_TRUE(file->View(0, 10).has_value());
  ASSERT_FALSE(file->View(0, 70000).has_value());
  EXPECT_EQ(file->size(), 65536u);
  EXPECT_THAT(
      lines_,
      ElementsAre("create 1.wal", "allocate 1.wal 65536",
                  "append 1.wal @0 +9 crc=e3069283",  // CRC-32C's check value
                  "append 1.wal @9 +9 crc=e3069283", "sync 1.wal @18", "close 1.wal", "syncdir .",
                  "rename 1.wal -> 2.wal", "link 2.wal -> 3.wal", "remove 3.wal", "mkdir d",
                  "rmdir d", "list . = 1 names", "exists 2.wal = yes", "exists /elsewhere = no",
                  "size 2.wal = 65536", "free . = 100", "lock LOCK", "unlock LOCK", "open 2.wal",
                  "read 2.wal @65534 +4 = 2", "view 2.wal @0 +10", "view 2.wal @0 +70000 = none"));
}

TEST_F(Traces, ErrorsAreShownAndPassedOn) {
  auto log = *fs_.CreateLogFile("/db/f");
  memory_.SetHook([](MemoryFileSystem::Operation, const std::string&) {
    return absl::InternalError("planted");
  });
  EXPECT_EQ(log->Append("123456789"), absl::InternalError("planted"));
  EXPECT_EQ(log->Sync(), absl::InternalError("planted"));
  EXPECT_FALSE(fs_.CreateLogFile("/db/g").ok());
  EXPECT_FALSE(fs_.OpenReadFile("/db/f").ok());
  EXPECT_FALSE(fs_.Lock("/db/LOCK", "me").ok());
  EXPECT_FALSE(fs_.FileSize("/db/f").ok());
  EXPECT_FALSE(fs_.Remove("/db/f").ok());
  EXPECT_THAT(lines_,
              ElementsAre("create f", "append f @0 +9 crc=e3069283 ! INTERNAL",
                          "sync f @0 ! INTERNAL", "create g ! INTERNAL", "open f ! INTERNAL",
                          "lock LOCK ! INTERNAL", "size f ! INTERNAL", "remove f ! INTERNAL"));
}

TEST_F(Traces, OnlyAWholeComponentIsTheRoot) {
  EXPECT_FALSE(*fs_.Exists("/dbx"));
  EXPECT_TRUE(*fs_.Exists("/db"));
  EXPECT_THAT(lines_, ElementsAre("exists /dbx = no", "exists . = yes"));
}

}  // namespace
}  // namespace lumen
