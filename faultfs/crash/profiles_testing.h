#pragma once

#include <initializer_list>
#include <set>
#include <string>

#include "faultfs/crash/script_testing.h"
#include "faultfs/crash_space.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The exact set of images that a small history may leave, by profile.
namespace lumen::faultfs {

using Images = std::set<std::string>;

inline constexpr Profile kJournals[] = {Profile::kExt4Ordered, Profile::kExt4Writeback,
                                        Profile::kXfs, Profile::kTornPage};
inline constexpr Profile kAnyOrder[] = {Profile::kStrictPosix, Profile::kZombie,
                                        Profile::kLyingDisk};

inline std::string A(size_t count, char letter = 'a') { return std::string(count, letter); }

inline void Expect(const Script& script, std::initializer_list<Profile> profiles,
                   const Images& expected, const FileBytes* unlinked = nullptr) {
  for (const Profile profile : profiles) {
    EXPECT_THAT(AllImages(script.State(profile), 100'000, unlinked), testing::ContainerEq(expected))
        << ProfileName(profile);
  }
}

template <size_t n>
void Expect(const Script& script, const Profile (&profiles)[n], const Images& expected) {
  for (const Profile profile : profiles) Expect(script, {profile}, expected);
}

// A file whose name, and so many bytes of allocated zeros, are durable.
inline InodeNumber DurableFile(Script& script, const std::string& name, uint64_t allocated) {
  const InodeNumber file = script.Create(name);
  if (allocated != 0) script.Allocate(file, allocated);
  script.Sync(file);
  script.SyncDirectory();
  return file;
}

}  // namespace lumen::faultfs
