#include "faultfs/file_role.h"

#include "faultfs/profile.h"
#include "faultfs/volume/operation_tag.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

TEST(FileRole, ComesFromTheLastName) {
  EXPECT_EQ(RoleOf("/db/00000003.wal"), FileRole::kWal);
  EXPECT_EQ(RoleOf("/db/MANIFEST-2"), FileRole::kManifest);
  EXPECT_EQ(RoleOf("CURRENT"), FileRole::kCurrent);
  EXPECT_EQ(RoleOf("/db/000000007.sst"), FileRole::kSst);
  EXPECT_EQ(RoleOf("/db/CURRENT.tmp"), FileRole::kTemp);
  EXPECT_EQ(RoleOf("/checkpoint.tmp/"), FileRole::kTemp);
  EXPECT_EQ(RoleOf("/checkpoint.tmp/00000001.sst"), FileRole::kSst);
  EXPECT_EQ(RoleOf("/db/LOCK"), FileRole::kLock);
  for (const char* path : {"", "/", "/db", "/db/", "x.wal", ".wal", "MANIFEST-", "MANIFEST-x",
                           "MANIFEST", "1.walx", "CURRENT2", "1x.sst"}) {
    EXPECT_EQ(RoleOf(path), FileRole::kOther) << path;
  }
}

TEST(FileRole, NamesParseBack) {
  for (int i = 0; i <= static_cast<int>(FileRole::kOther); ++i) {
    const auto role = static_cast<FileRole>(i);
    EXPECT_EQ(ParseRole(RoleName(role)), role);
  }
  EXPECT_EQ(ParseRole("waL"), std::nullopt);
  EXPECT_EQ(ParseRole(""), std::nullopt);
}

TEST(FileRole, TagsNameTheFileForPeople) {
  EXPECT_EQ(TagOf("/db1/00000003.wal", false), "wal 3");
  EXPECT_EQ(TagOf("/db/00000120.sst", false), "sst 120");
  EXPECT_EQ(TagOf("MANIFEST-2", false), "manifest 2");
  EXPECT_EQ(TagOf("/db/0.wal", false), "wal 0");
  EXPECT_EQ(TagOf("/db/CURRENT", false), "current");
  EXPECT_EQ(TagOf("/db/CURRENT.tmp", false), "temp");
  EXPECT_EQ(TagOf("/db", true), "directory");
}

TEST(Profile, NamesParseBack) {
  for (const Profile profile : kProfiles) {
    EXPECT_EQ(ParseProfile(ProfileName(profile)), profile);
    EXPECT_FALSE(ProfileSummary(profile).empty());
  }
  EXPECT_EQ(ProfileName(Profile::kStrictPosix), "strict-posix");
  EXPECT_EQ(ParseProfile("ext3"), std::nullopt);
}

}  // namespace
}  // namespace lumen::faultfs
