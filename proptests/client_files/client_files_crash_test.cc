// Goal: what `lumen export` and `lumen import-legacy` make is under its final name whole or not at
// all, whenever the power goes, and is there once they said so. Method: the history of one run on a
// simulated disk; at every point of it, disks as a power loss or a kill may leave them. The same
// with a step left out must be noticed.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/legacy_import.h"
#include "client/replacing_file.h"
#include "engine/engine.h"
#include "engine/simulated_environment.h"
#include "faultfs/crash_space.h"
#include "faultfs/disk_state.h"
#include "faultfs/profile.h"
#include "faultfs/volume.h"

namespace lumen {
namespace {

using faultfs::CrashImage;
using faultfs::CrashSpace;
using faultfs::DiskImage;
using faultfs::DiskState;
using faultfs::Profile;
using faultfs::Volume;

constexpr uint64_t kImagesPerPoint = 300;
constexpr uint64_t kSamplesPerPoint = 50;

// A disk that says "synced" and does not do it cannot be survived.
constexpr Profile kHonestProfiles[] = {
    Profile::kKill,          Profile::kDropUnsynced, Profile::kExt4Ordered,
    Profile::kExt4Writeback, Profile::kXfs,          Profile::kBtrfs,
    Profile::kStrictPosix,   Profile::kTornPage,     Profile::kZombie};

// What is wrong with a disk that a crash left; empty: nothing. `done`: it came after the end.
using Judgement = std::function<std::string(const DiskImage& image, bool done)>;

struct Verdict {
  uint64_t states = 0;
  std::string first_violation;
};

// Judges every disk that a crash at any point of `history` may leave, or, where these are too many,
// a plan's choice and random ones.
Verdict CrashAtEachPoint(Profile profile, const DiskImage& start,
                         const std::vector<faultfs::Operation>& history, const Judgement& judge) {
  Verdict verdict;
  std::set<uint64_t> seen;
  DiskState state(profile, start);
  for (size_t point = 0;; ++point) {
    const bool done = point == history.size();
    if (!done) state.Begin(history[point]);
    const CrashSpace space(state, point, state.unlinked());
    seen.clear();
    const auto take = [&](const CrashImage& crash) {
      if (!seen.insert(crash.image.hash()).second) return true;
      ++verdict.states;
      const std::string wrong = judge(crash.image, done);
      if (wrong.empty()) return true;
      verdict.first_violation = absl::StrCat(
          std::string(ProfileName(profile)), ": crash before operation ", point, " of ",
          history.size(), ": ", ExplainSurvivors(state, crash.survivors), ": ", wrong);
      return false;
    };
    if (!space.Enumerate(kImagesPerPoint, take) && verdict.first_violation.empty()) {
      for (uint64_t i = 0; i < kSamplesPerPoint && verdict.first_violation.empty(); ++i) {
        take(space.Sample(point * 1000 + i));
      }
    }
    if (done || !verdict.first_violation.empty()) return verdict;
    state.Apply(history[point]);
  }
}

std::optional<std::string> ContentOf(const DiskImage& image, const std::string& path) {
  const faultfs::FileBytes* const file = image.File(image.Find(path));
  if (file == nullptr) return std::nullopt;
  return file->ToString();
}

std::string Export(size_t bytes, char seed) {
  std::string content;
  while (content.size() < bytes) {
    absl::StrAppend(&content, "{\"key\":\"", content.size(), std::string(1, seed), "\"}\n");
  }
  return content;
}

class ClientFilesCrashTest : public testing::TestWithParam<Profile> {};

TEST_P(ClientFilesCrashTest, AnExportIsThereWholeOrNotAtAll) {
  const std::string whole = Export(150'000, 'n');
  uint64_t states = 0;
  for (const std::optional<std::string>& old :
       {std::optional<std::string>(), std::optional<std::string>(Export(3'000, 'o'))}) {
    faultfs::PlainImage content = {{"/out", std::nullopt}};
    if (old) content["/out/x.jsonl"] = *old;
    const DiskImage start = DiskImage::FromPlain(content);
    Volume volume(start);
    const std::unique_ptr<Volume::Process> process = volume.Start();
    ReplacingFile file(*process, "/out/x.jsonl", "/out/x.jsonl.tmp-1");
    ASSERT_TRUE(file.Create().ok());
    for (size_t at = 0; at < whole.size(); at += 70) {
      ASSERT_TRUE(file.Append(std::string_view(whole).substr(at, 70)).ok());
    }
    ASSERT_TRUE(file.Keep().ok());
    const Verdict verdict = CrashAtEachPoint(
        GetParam(), start, volume.history(), [&](const DiskImage& image, bool done) {
          const std::optional<std::string> found = ContentOf(image, "/out/x.jsonl");
          if (found == whole || (!done && found == old)) return std::string();
          return found ? absl::StrCat("the file has ", found->size(), " other bytes")
                       : std::string("the file is gone");
        });
    EXPECT_EQ(verdict.first_violation, "");
    states += verdict.states;
  }
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GE(states, 8u);
}

constexpr char kLog[] = "/old/wal.log";

// Many flushes and compactions of little data.
Options SmallFiles() {
  Options options;
  options.memory_budget_bytes = 256 << 10;
  options.memtable_bytes = 8 << 10;
  options.wal_segment_bytes = 64 << 10;
  options.block_bytes = 1024;
  options.table_bytes = 8 << 10;
  return options;
}

using Content = std::map<std::string, std::string>;

absl::StatusOr<Content> ReadDatabase(const DiskImage& image, const std::string& directory) {
  Volume volume(image);
  const std::unique_ptr<Volume::Process> process = volume.Start();
  SimulatedEnvironment environment(2, *process);
  Options options = SmallFiles();
  options.create_if_missing = false;
  const absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::Open(options, directory, environment.environment());
  if (!engine.ok()) return engine.status();
  Content content;
  const std::unique_ptr<Iterator> all = (*engine)->NewIterator({});
  for (all->SeekToFirst(); all->valid(); all->Next()) {
    content.emplace(all->key(), all->value());
  }
  if (!all->status().ok()) return all->status();
  return content;
}

absl::Status ImportOn(Volume& volume) {
  const std::unique_ptr<Volume::Process> process = volume.Start();
  SimulatedEnvironment environment(1, *process);
  return LegacyImport(environment.environment(),
                      {.log = kLog, .directory = "/new/db", .engine = SmallFiles()})
      .Run();
}

// The same records over and over, which end with the same content: enough for tables of theirs.
std::string LegacyLog() {
  std::ifstream file(LUMEN_LEGACY_LOG, std::ios::binary);
  EXPECT_TRUE(file.good());
  const std::string once(std::istreambuf_iterator<char>(file), {});
  std::string log;
  for (int i = 0; i < 6; ++i) log += once;
  return log;
}

TEST_P(ClientFilesCrashTest, AnImportOfTheOldLogIsThereWholeOrNotAtAll) {
  uint64_t states = 0;
  uint64_t named = 0;
  for (const bool empty_directory : {false, true}) {
    faultfs::PlainImage content = {
        {"/old", std::nullopt}, {kLog, LegacyLog()}, {"/new", std::nullopt}};
    if (empty_directory) content["/new/db"] = std::nullopt;
    const DiskImage start = DiskImage::FromPlain(content);
    Volume volume(start);
    const absl::Status imported = ImportOn(volume);
    ASSERT_TRUE(imported.ok()) << imported;
    DiskState after(Profile::kKill, start);
    for (const faultfs::Operation& operation : volume.history()) after.Apply(operation);
    const auto whole = ReadDatabase(CrashSpace(after, 1).Sample(1).image, "/new/db");
    ASSERT_TRUE(whole.ok()) << whole.status();
    ASSERT_EQ(whole->size(), size_t{LUMEN_LEGACY_KEYS});
    const Verdict verdict = CrashAtEachPoint(
        GetParam(), start, volume.history(), [&](const DiskImage& image, bool done) {
          const DiskImage::Entries* const directory = image.Directory(image.Find("/new/db"));
          if (directory == nullptr || (empty_directory && directory->empty())) {
            return std::string(done ? "the directory is not there" : "");
          }
          ++named;
          const auto found = ReadDatabase(image, "/new/db");
          if (!found.ok()) return found.status().ToString();
          return std::string(*found == *whole ? "" : "the database has another content");
        });
    EXPECT_EQ(verdict.first_violation, "");
    states += verdict.states;
  }
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GE(states, 100u);
  EXPECT_GE(named, 2u);
}

INSTANTIATE_TEST_SUITE_P(Profiles, ClientFilesCrashTest, testing::ValuesIn(kHonestProfiles),
                         [](const auto& parameter) {
                           std::string name(ProfileName(parameter.param));
                           std::erase(name, '-');
                           return name;
                         });

// The violation that strict-posix, which promises least, finds in a program's files.
std::string WhatIsWrong(const std::function<void(FileSystem& files)>& program,
                        const std::string& whole) {
  const DiskImage start = DiskImage::FromPlain({{"/out", std::nullopt}});
  Volume volume(start);
  program(*volume.Start());
  return CrashAtEachPoint(Profile::kStrictPosix, start, volume.history(),
                          [&](const DiskImage& image, bool done) {
                            const auto found = ContentOf(image, "/out/x");
                            if (found == whole || (!done && !found)) return std::string();
                            return std::string(found ? "other bytes" : "gone");
                          })
      .first_violation;
}

// The test of the tests: with a step left out.
TEST(ClientFilesCrash, AStepLeftOutIsNoticed) {
  const std::string whole(2'000, 'x');
  const auto program = [&whole](bool sync_file, bool sync_directory) {
    return [&whole, sync_file, sync_directory](FileSystem& files) {
      auto file = *files.CreateLogFile("/out/x.tmp");
      EXPECT_TRUE(file->Append(whole).ok());
      EXPECT_TRUE(!sync_file || file->Sync().ok());
      EXPECT_TRUE(files.Rename("/out/x.tmp", "/out/x").ok());
      EXPECT_TRUE(!sync_directory || files.SyncDirectory("/out").ok());
    };
  };
  EXPECT_EQ(WhatIsWrong(program(true, true), whole), "");
  EXPECT_TRUE(WhatIsWrong(program(false, true), whole).ends_with("other bytes"));
  EXPECT_TRUE(WhatIsWrong(program(true, false), whole).ends_with("gone"));
}

}  // namespace
}  // namespace lumen
