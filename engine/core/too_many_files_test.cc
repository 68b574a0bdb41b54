// Goal: an engine that may open no more files says so, rather than that its disk is full, loses
// nothing, and goes on by itself once it may. Method: a hook that fails what opens a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"
#include "engine/errno_status.h"

namespace lumen {
namespace {

using testing::HasSubstr;
using testing::Not;
using Operation = MemoryFileSystem::Operation;

class TooManyFilesTest : public testing::Test {
 protected:
  TooManyFilesTest() {
    EXPECT_TRUE(database_.Open().ok());
    database_.environment().RunUntilIdle();  // the next WAL segment is made
  }

  void ForbidOpening() {
    files_.SetHook([](Operation operation, const std::string& path) {
      const bool opens = operation == Operation::kCreate || operation == Operation::kOpen;
      return opens ? ErrnoStatus(path, "open", EMFILE) : absl::OkStatus();
    });
  }
  // Until it is refused.
  absl::Status Fill() {
    absl::Status status;
    for (int i = 0; status.ok() && i < 2000; ++i) {
      status =
          database_.Write({{absl::StrCat("fill", i), std::string(300, 'f')}}, Durability::kSync);
    }
    return status;
  }

  MemoryFileSystem files_;
  TestDatabase database_{files_, 41};
};

TEST_F(TooManyFilesTest, PutsAndDeletesAreToldSoAndNothingElse) {
  ForbidOpening();
  for (const absl::Status& status :
       {Fill(), database_.Write({{"fill1", std::nullopt}}, Durability::kSync)}) {
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_TRUE(IsTooManyFiles(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("nothing was written"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("LimitNOFILE"));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("disk full")));
  }
  EXPECT_EQ(database_.engine().GetStats().sticky_error, "");
  EXPECT_THAT(database_.engine().GetStats().background_error, HasSubstr("Too many open files"));
}

TEST_F(TooManyFilesTest, WritesGoOnOnceFilesMayBeOpened) {
  ForbidOpening();
  ASSERT_TRUE(IsTooManyFiles(Fill()));
  files_.SetHook({});
  while (!database_.Write({{"again", "1"}}, Durability::kSync).ok()) {
    ASSERT_TRUE(database_.environment().RunOne());
  }
  database_.environment().RunUntilIdle();
  EXPECT_EQ(database_.engine().GetStats().background_error, "");
  const auto content = ReadContent(database_.engine());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, database_.history().Visible());
  const auto copy = files_.CrashCopy(Crash::kPowerLoss);
  EXPECT_EQ(ProveRecovery(*copy, database_.history(), Crash::kPowerLoss, 5), "");
}

}  // namespace
}  // namespace lumen
