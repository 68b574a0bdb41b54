// Every way to get at an image agrees with the others: what is sampled, systematic or made from
// survivors is among what is enumerated, for random histories under every profile.

#include "faultfs/crash_space.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "faultfs/crash/random.h"
#include "faultfs/crash/script_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

// Few names, small files and every kind of operation, so that a handful of operations meets.
class RandomHistory {
 public:
  RandomHistory(uint64_t seed, size_t operations) : random_(seed) {
    directory_ = script_.MakeDirectory("d");
    if (random_.Below(2) == 0) script_.SyncDirectory();
    while (script_.history().size() < operations + 2) Step();
  }

  const Script& script() const { return script_; }

 private:
  struct Name {
    std::string name;
    InodeNumber directory = 0;
    InodeNumber inode = 0;
  };

  void Step() {
    switch (random_.Below(9)) {
      case 0:
        return Create();
      case 1:
        return Unlink();
      case 2:
        return Rename();
      case 3:
        return Allocate();
      case 4:
      case 5:
      case 6:
        return Append();
      case 7:
        return Sync();
      default:
        return script_.SyncDirectory(random_.Below(2) == 0 ? kRootInode : directory_);
    }
  }

  Name* Any() { return names_.empty() ? nullptr : &names_[random_.Below(names_.size())]; }

  Name* Find(const std::string& name, InodeNumber directory) {
    for (Name& known : names_) {
      if (known.name == name && known.directory == directory) return &known;
    }
    return nullptr;
  }

  void Create() {
    const Name name{.name = random_.Below(2) == 0 ? "1.wal" : "b",
                    .directory = random_.Below(2) == 0 ? kRootInode : directory_};
    if (Find(name.name, name.directory) != nullptr) return;
    names_.push_back(name);
    names_.back().inode = script_.Create(name.name, name.directory);
    ends_.resize(names_.back().inode + 1);
  }

  void Unlink() {
    Name* name = Any();
    if (name == nullptr || random_.Below(2) == 0) return;
    script_.Unlink(name->inode, name->name, name->directory);
    names_.erase(names_.begin() + (name - names_.data()));
  }

  void Rename() {
    Name* from = Any();
    if (from == nullptr) return;
    const std::string to = random_.Below(2) == 0 ? "b" : "c";
    const InodeNumber directory = random_.Below(2) == 0 ? kRootInode : directory_;
    const Name* replaced = Find(to, directory);
    if (replaced == from) return;
    const InodeNumber replaced_inode = replaced == nullptr ? 0 : replaced->inode;
    script_.Rename(from->inode, from->name, to, replaced_inode, from->directory, directory);
    from->name = to;
    from->directory = directory;
    if (replaced != nullptr) names_.erase(names_.begin() + (replaced - names_.data()));
  }

  void Allocate() {
    const Name* name = Any();
    if (name != nullptr) script_.Allocate(name->inode, 1 + random_.Below(2000));
  }

  void Append() {
    const Name* name = Any();
    if (name == nullptr) return;
    const uint64_t length = 1 + random_.Below(3) * 400;
    const char letter = static_cast<char>('a' + random_.Below(26));
    script_.Append(name->inode, ends_[name->inode], std::string(length, letter));
    ends_[name->inode] += length;
  }

  void Sync() {
    const Name* name = Any();
    if (name == nullptr) return;
    const bool fails = random_.Below(3) == 0;
    const auto effect = fails ? static_cast<SyncEffect>(random_.Below(6)) : SyncEffect::kDurable;
    script_.Sync(name->inode, effect, random_.Next());
  }

  Script script_;
  Random random_;
  InodeNumber directory_ = 0;
  std::vector<Name> names_;
  std::vector<uint64_t> ends_;  // append positions, by inode
};

FileBytes Stale() {
  FileBytes bytes;
  bytes.Write(0, std::string(700, 'S'));
  return bytes;
}

bool Equal(const CrashImage& a, const CrashImage& b) {
  if (a.image.Plain() != b.image.Plain() || a.image.hash() != b.image.hash()) return false;
  if (a.zombies.size() != b.zombies.size()) return false;
  for (size_t i = 0; i < a.zombies.size(); ++i) {
    if (a.zombies[i].inode != b.zombies[i].inode || a.zombies[i].sector != b.zombies[i].sector ||
        *a.zombies[i].bytes != *b.zombies[i].bytes) {
      return false;
    }
  }
  return true;
}

class CrashSpaceTest : public testing::TestWithParam<Profile> {};

INSTANTIATE_TEST_SUITE_P(AllProfiles, CrashSpaceTest, testing::ValuesIn(kProfiles),
                         [](const testing::TestParamInfo<Profile>& tested) {
                           std::string name(ProfileName(tested.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(CrashSpaceTest, WhatIsMadeFromSurvivorsOrFromTheirTextIsTheImageTheyCameWith) {
  const FileBytes stale = Stale();
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const DiskState state = RandomHistory(seed, 5 + seed % 30).script().State(GetParam());
    const CrashSpace space(state, seed, &stale);
    for (uint64_t i = 0; i < 10; ++i) {
      const CrashImage sample = space.Sample(i);
      const auto parsed = Survivors::Parse(sample.survivors.ToString());
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_EQ(parsed->ToString(), sample.survivors.ToString());
      const auto made = space.Make(*parsed);
      ASSERT_TRUE(made.ok()) << made.status() << " seed " << seed << ", sample " << i << ": "
                             << sample.survivors.ToString();
      EXPECT_TRUE(Equal(*made, sample))
          << "seed " << seed << ", sample " << i << ": " << sample.survivors.ToString();
      EXPECT_FALSE(ExplainSurvivors(state, sample.survivors).empty());
    }
  }
}

TEST_P(CrashSpaceTest, SampledAndSystematicImagesAreEnumeratedOnes) {
  constexpr uint64_t kLimit = 20'000;
  const FileBytes stale = Stale();
  int complete = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const DiskState state = RandomHistory(seed, 3 + seed % 8).script().State(GetParam());
    const CrashSpace space(state, seed, &stale);
    absl::flat_hash_set<uint64_t> images;
    const auto take = [&](const CrashImage& image) {
      EXPECT_TRUE(images.insert(image.image.hash()).second) << "an image came twice";
      return true;
    };
    if (!space.Enumerate(kLimit, take)) continue;
    ++complete;
    for (uint64_t i = 0; i < 100; ++i) {
      const CrashImage sample = space.Sample(i);
      EXPECT_TRUE(images.contains(sample.image.hash()))
          << "seed " << seed << ", sample " << i << ": " << sample.survivors.ToString();
    }
    space.Systematic([&](const CrashImage& image) {
      EXPECT_TRUE(images.contains(image.image.hash())) << image.survivors.ToString();
      return true;
    });
  }
  EXPECT_GT(complete, 30);
}

TEST_P(CrashSpaceTest, EnumeratedSurvivorsMakeTheirImage) {
  const FileBytes stale = Stale();
  for (uint64_t seed = 100; seed < 130; ++seed) {
    const DiskState state = RandomHistory(seed, 3 + seed % 8).script().State(GetParam());
    const CrashSpace space(state, seed, &stale);
    space.Enumerate(300, [&](const CrashImage& image) {
      const auto made = space.Make(image.survivors);
      EXPECT_TRUE(made.ok()) << made.status() << " seed " << seed << ": "
                             << image.survivors.ToString();
      EXPECT_TRUE(!made.ok() || Equal(*made, image)) << image.survivors.ToString();
      return true;
    });
  }
}

TEST_P(CrashSpaceTest, ACopyOfAStateIsNotChangedByWhatHappensToTheOther) {
  for (uint64_t seed = 200; seed < 230; ++seed) {
    const Script script = RandomHistory(seed, 30).script();
    DiskState state(GetParam(), {});
    for (size_t i = 0; i < script.history().size(); ++i) {
      const DiskState before = state;
      const CrashImage first = CrashSpace(before, 1).Sample(7);
      state.Apply(script.history()[i]);
      EXPECT_TRUE(Equal(CrashSpace(before, 1).Sample(7), first)) << "seed " << seed;
    }
  }
}

// Two sectors of a durable file, one of which grows it, a new name and one that goes.
Script SmallHistory() {
  Script script;
  const InodeNumber file = script.Create("1.wal");
  const InodeNumber gone = script.Create("x");
  script.Allocate(file, 512);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(8, 'a'));
  script.Append(file, 8, std::string(600, 'b'));
  script.Unlink(gone, "x");
  script.Create("y");
  return script;
}

TEST_P(CrashSpaceTest, SamplingReachesEveryImage) {
  const DiskState state = SmallHistory().State(GetParam());
  const FileBytes stale = Stale();
  const CrashSpace space(state, 1, &stale);
  absl::flat_hash_set<uint64_t> all;
  const bool complete = space.Enumerate(4000, [&](const CrashImage& image) {
    all.insert(image.image.hash());
    return true;
  });
  absl::flat_hash_set<uint64_t> sampled;
  for (uint64_t seed = 0; seed < 200'000 && sampled.size() < all.size(); ++seed) {
    sampled.insert(space.Sample(seed).image.hash());
  }
  if (complete) {
    EXPECT_EQ(sampled.size(), all.size());
  } else {
    EXPECT_EQ(GetParam(), Profile::kTornPage);  // 2^64 mixtures of words
    EXPECT_EQ(sampled.size(), 4000u);
  }
}

TEST(CrashSpace, SamplingReachesEveryCombinationOfZombies) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Allocate(file, 1024);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a'));
  script.Append(file, 512, std::string(512, 'b'));
  const DiskState before = script.State(Profile::kZombie);
  const auto crash = CrashSpace(before, 1).Make(Survivors());
  ASSERT_TRUE(crash.ok());
  const DiskState after(Profile::kZombie, crash->image, crash->zombies);
  const CrashSpace space(after, 1);
  EXPECT_EQ(space.choices(), 2u);
  absl::flat_hash_set<uint64_t> sampled;
  for (uint64_t seed = 0; seed < 200; ++seed) sampled.insert(space.Sample(seed).image.hash());
  EXPECT_EQ(sampled.size(), 4u);
  std::vector<std::string> systematic;
  space.Systematic([&](const CrashImage& image) {
    systematic.push_back(Show(image.image));
    return true;
  });
  EXPECT_THAT(systematic, testing::ElementsAre("/f[0*1024]", "/f[a*512 b*512]"));
}

// 2^64 ways to choose, most of which are the same to look at: this test ends.
TEST(CrashSpace, ChoicesOfEqualBytesAreOne) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Allocate(file, 64 * 512);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a') + std::string(63 * 512, '\0'));
  std::vector<std::string> images;
  const auto take = [&](const CrashImage& image) {
    images.push_back(Show(image.image));
    return true;
  };
  EXPECT_TRUE(CrashSpace(script.State(Profile::kXfs), 1).Enumerate(10, take));
  EXPECT_THAT(images, testing::ElementsAre("/f[0*32768]", "/f[a*512 0*32256]"));
}

std::vector<std::string> Systematic(const DiskState& state) {
  std::vector<std::string> images;
  CrashSpace(state, 1).Systematic([&](const CrashImage& image) {
    images.push_back(Show(image.image));
    return true;
  });
  return images;
}

TEST(CrashSpace, SystematicImagesComeFamilyByFamily) {
  Script script;
  for (const char* name : {"a", "b", "c", "d", "e"}) script.Create(name);
  EXPECT_THAT(Systematic(script.State(Profile::kStrictPosix)),
              testing::ElementsAre(
                  // none, all, prefixes, but one and only one, but two and only two
                  "", "/a[] /b[] /c[] /d[] /e[]", "/a[]", "/a[] /b[]", "/a[] /b[] /c[]",
                  "/a[] /b[] /c[] /d[]", "/b[] /c[] /d[] /e[]", "/a[] /c[] /d[] /e[]", "/b[]",
                  "/a[] /b[] /d[] /e[]", "/c[]", "/a[] /b[] /c[] /e[]", "/d[]", "/e[]",
                  "/c[] /d[] /e[]", "/b[] /d[] /e[]", "/a[] /c[]", "/b[] /c[] /e[]", "/a[] /d[]",
                  "/b[] /c[] /d[]", "/a[] /e[]", "/a[] /d[] /e[]", "/b[] /c[]", "/a[] /c[] /e[]",
                  "/b[] /d[]", "/a[] /c[] /d[]", "/b[] /e[]", "/a[] /b[] /e[]", "/c[] /d[]",
                  "/a[] /b[] /d[]", "/c[] /e[]", "/d[] /e[]"));
}

TEST(CrashSpace, SystematicImagesTearAppends) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Allocate(file, 2048);
  script.Sync(file);
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a'));
  script.Append(file, 512, std::string(1536, 'b'));
  EXPECT_THAT(Systematic(script.State(Profile::kStrictPosix)),
              testing::ElementsAre("/f[0*2048]", "/f[a*512 b*1536]", "/f[a*512 0*1536]",
                                   "/f[0*512 b*1536]",  // the first append is lost
                                   "/f[a*512 0*512 b*1024]", "/f[a*512 b*512 0*1024]",
                                   "/f[a*512 b*512 0*512 b*512]", "/f[a*512 b*1024 0*512]"));
}

TEST(CrashSpace, SystematicImagesEndFilesWithinAppends) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.SyncDirectory();
  script.Append(file, 0, std::string(512, 'a'));
  script.Append(file, 512, std::string(1536, 'b'));
  EXPECT_THAT(Systematic(script.State(Profile::kExt4Ordered)),
              testing::ElementsAre("/f[]", "/f[a*512 b*1536]", "/f[a*512]", "/f[a*512 b*512]",
                                   "/f[a*512 b*1024]"));
  EXPECT_THAT(Systematic(script.StateInLast(Profile::kKill)),
              testing::ElementsAre("/f[a*512]", "/f[a*512 b*512]", "/f[a*512 b*1024]"));
}

TEST(CrashSpace, InKillSamplingReachesEveryPartOfTheAppendUnderWay) {
  Script script;
  const InodeNumber file = script.Create("f");
  script.Append(file, 0, std::string(5000, 'a'));
  const DiskState state = script.StateInLast(Profile::kKill);
  const CrashSpace space(state, 1);
  std::set<std::string> sampled;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const CrashImage sample = space.Sample(seed);
    sampled.insert(Show(sample.image));
    EXPECT_TRUE(Equal(*space.Make(sample.survivors), sample));
  }
  EXPECT_EQ(sampled, AllImages(state));
  EXPECT_EQ(sampled.size(), 10u);
}

TEST_P(CrashSpaceTest, EnumerationStopsAtItsLimitAndWhenItIsTold) {
  Script script;
  const InodeNumber file = script.Create("a");
  script.Create("b");
  script.Append(file, 0, std::string(3000, 'a'));
  const DiskState state = script.State(GetParam());
  const CrashSpace space(state, 1);
  uint64_t all = 0;
  ASSERT_TRUE(space.Enumerate(1'000'000, [&](const CrashImage&) { return ++all != 0; }));
  uint64_t taken = 0;
  EXPECT_EQ(space.Enumerate(all - 1, [&](const CrashImage&) { return ++taken != 0; }), false);
  EXPECT_EQ(taken, all - 1);
  taken = 0;
  EXPECT_TRUE(space.Enumerate(all, [&](const CrashImage&) { return ++taken != 1; }));
  EXPECT_EQ(taken, 1u);
}

}  // namespace
}  // namespace lumen::faultfs
