// Goal: a command that is told to stop ends at its next file operation, and what it leaves is what
// it says. Method: an import and a repair on files in memory, stopped before each of their file
// operations in turn.
#include "client/offline/stoppable_file_system.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "client/legacy_import.h"
#include "engine/database_inspect.h"
#include "engine/engine.h"
#include "engine/memory_file_system.h"
#include "engine/repair.h"
#include "engine/simulated_environment.h"

namespace lumen {
namespace {

constexpr uint64_t kMostOperations = 10'000;

std::string ReadTestFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// What works on `files` until it has done `allowed` file operations.
template <typename Work>
void RunUntil(MemoryFileSystem& files, uint64_t allowed, Work work) {
  uint64_t done = 0;
  StoppableFileSystem stoppable(files, [&] { return done++ >= allowed; });
  SimulatedEnvironment simulated(1, stoppable);
  work(simulated.environment());
}

Options SmallFiles() {
  Options options;
  options.wal_segment_bytes = uint64_t{64} << 10;
  options.memtable_bytes = uint64_t{64} << 10;
  return options;
}

uint64_t CountKeys(MemoryFileSystem& files, const std::string& directory) {
  SimulatedEnvironment simulated(1, files);
  const auto engine = Engine::Open(SmallFiles(), directory, simulated.environment());
  EXPECT_TRUE(engine.ok()) << engine.status();
  if (!engine.ok()) return 0;
  uint64_t keys = 0;
  const std::unique_ptr<Iterator> all = (*engine)->NewIterator({});
  for (all->SeekToFirst(); all->valid(); all->Next()) ++keys;
  EXPECT_TRUE(all->status().ok()) << all->status();
  return keys;
}

TEST(StoppableFileSystemTest, AnImportThatIsStoppedLeavesNothingOrAll) {
  const std::string log = ReadTestFile(LUMEN_LEGACY_LOG);
  bool imported = false;
  uint64_t untouched = 0;
  for (uint64_t allowed = 0; !imported && allowed < kMostOperations; ++allowed) {
    SCOPED_TRACE(allowed);
    MemoryFileSystem files;
    ASSERT_TRUE(files.WriteWhole("/wal.log", log).ok());
    RunUntil(files, allowed, [&](const Environment& environment) {
      LegacyImport import(environment, {.log = "/wal.log", .directory = "/db"});
      imported = import.Run().ok();
      ASSERT_NE(import.state(), LegacyImport::State::kLeftover);
      const bool named = import.state() == LegacyImport::State::kNamed;
      ASSERT_EQ(named || imported, *files.Exists("/db"));
      ASSERT_FALSE(*files.Exists("/db.importing"));
      if (!named) ++untouched;
    });
    if (!*files.Exists("/db")) continue;
    EXPECT_EQ(CountKeys(files, "/db"), uint64_t{LUMEN_LEGACY_KEYS});
  }
  EXPECT_TRUE(imported);
  EXPECT_GT(untouched, 30u);
}

// A database with a damaged table.
void MakeDamaged(MemoryFileSystem& files) {
  ASSERT_TRUE(files.CreateDirectory("/db").ok());
  for (const auto& entry : std::filesystem::directory_iterator(LUMEN_FROZEN)) {
    const std::string name = entry.path().filename().string();
    ASSERT_TRUE(files.WriteWhole("/db/" + name, ReadTestFile(entry.path())).ok());
  }
  ASSERT_TRUE(files.Overwrite("/db/00000083.sst", 600, "!").ok());
}

absl::Status RepairIn(const Environment& environment) {
  auto repair = Repair::Prepare(SmallFiles(), "/db", environment);
  return repair.ok() ? (*repair)->Apply() : repair.status();
}

TEST(StoppableFileSystemTest, ARepairThatIsStoppedIsDoneByTheNext) {
  bool repaired = false;
  uint64_t stopped = 0;
  uint64_t expected_keys = 0;
  {
    MemoryFileSystem files;
    MakeDamaged(files);
    RunUntil(files, kMostOperations,
             [](const Environment& environment) { ASSERT_TRUE(RepairIn(environment).ok()); });
    expected_keys = CountKeys(files, "/db");
  }
  for (uint64_t allowed = 0; !repaired && allowed < kMostOperations; ++allowed) {
    SCOPED_TRACE(allowed);
    MemoryFileSystem files;
    MakeDamaged(files);
    RunUntil(files, allowed,
             [&](const Environment& environment) { repaired = RepairIn(environment).ok(); });
    if (repaired) continue;
    ++stopped;
    RunUntil(files, kMostOperations, [](const Environment& environment) {
      const absl::Status again = RepairIn(environment);
      ASSERT_TRUE(again.ok()) << again;
    });
    ASSERT_TRUE(VerifyDatabase(files, "/db")->verdict().ok());
    ASSERT_EQ(CountKeys(files, "/db"), expected_keys);
  }
  EXPECT_TRUE(repaired);
  EXPECT_GT(stopped, 60u);
}

}  // namespace
}  // namespace lumen
