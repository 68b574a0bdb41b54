// Goal: in simulation an engine does the same file operations, byte for byte, whenever it is opened
// with the same seed and given the same calls; another seed interleaves them otherwise. Method: a
// long workload over a traced file system; whole traces compared, within a process and with another
// process, whose addresses and hash seeds differ.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/engine.h"
#include "engine/env/seeded_random.h"
#include "engine/env/temporary_directory.h"
#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"
#include "engine/tracing_file_system.h"

namespace lumen {
namespace {

constexpr int kCalls = 4000;
constexpr char kTraceTo[] = "LUMEN_DETERMINISM_TRACE_TO";

Options TinyOptions() {
  Options options;
  options.memory_budget_bytes = 64 << 10;
  options.memtable_bytes = 8 << 10;
  options.immutable_memtables = 2;
  options.wal_segment_bytes = 64 << 10;
  options.wal_lz4 = true;
  options.block_bytes = 1024;
  options.lz4_from_level = 1;
  options.table_bytes = 4 << 10;
  options.level0_runs = 2;
  options.base_level_bytes = 8 << 10;
  options.level_fanout = 3;
  return options;
}

// The same calls every time; only the simulation's seed varies.
class Workload {
 public:
  explicit Workload(uint64_t simulation_seed)
      : traced_(memory_, "/db", [this](std::string_view line) { trace_.append(line) += '\n'; }),
        environment_(simulation_seed, traced_) {
    Open();
  }

  std::string Run() {
    for (int call = 0; call < kCalls; ++call) Call(call);
    Close();
    return std::move(trace_);
  }
  uint64_t flushes() const { return flushes_; }
  uint64_t compactions() const { return compactions_; }
  uint64_t reopens() const { return reopens_; }

 private:
  void Open() {
    auto opened = Engine::Open(TinyOptions(), "/db", environment_.environment());
    CHECK(opened.ok());
    engine_ = *std::move(opened);
  }
  void Close() {
    snapshot_.reset();
    const Stats stats = engine_->GetStats();
    flushes_ += stats.flushes;
    compactions_ += stats.compactions;
    CHECK(engine_->Close().ok());
    engine_.reset();
  }

  std::string Key() { return "key" + std::to_string(calls_.Below(500)); }
  WriteBatch Batch() {
    WriteBatch batch;
    for (uint64_t i = 0; i <= calls_.Below(4); ++i) {
      if (calls_.Below(4) == 0) {
        batch.Delete(Key());
      } else {
        batch.Put(Key(), std::string(calls_.Below(300), static_cast<char>(calls_.Below(256))));
      }
    }
    return batch;
  }
  WriteOptions HowToWrite() {
    WriteOptions options;
    options.durability = calls_.Below(2) == 0 ? Durability::kSync : Durability::kAsync;
    if (calls_.Below(3) == 0) {
      options.preconditions.push_back({Precondition::Kind::kPresent, Key(), 0, {}});
    }
    options.report_existed = calls_.Below(3) == 0;
    return options;
  }

  void Call(int call) {
    if (call % 400 == 399) {
      Close();
      Open();
      ++reopens_;
      return;
    }
    const uint64_t kind = calls_.Below(100);
    if (kind < 40) {
      CHECK(engine_->Write(Batch(), HowToWrite()).ok());
    } else if (kind < 65) {
      engine_->WriteAsync(Batch(), HowToWrite(),
                          [](const absl::StatusOr<WriteResult>& result) { CHECK(result.ok()); });
    } else if (kind < 85) {
      CHECK(engine_->Get(Key(), snapshot_.get()).ok());
    } else if (kind < 90) {
      const auto iterator = engine_->NewIterator({});
      iterator->Seek(Key());
      for (int steps = 0; iterator->valid() && steps < 30; ++steps) iterator->Next();
    } else if (kind < 94) {
      snapshot_ = snapshot_ == nullptr ? engine_->TakeSnapshot() : nullptr;
    } else if (kind < 97) {
      CHECK(engine_->Flush().ok());
    } else if (kind < 98) {
      CHECK(engine_->Compact().ok());
    } else if (kind < 99) {
      CHECK(engine_->WaitForQuiescence().ok());
    } else {
      CHECK(engine_->Checkpoint("/checkpoint" + std::to_string(call)).ok());
    }
  }

  MemoryFileSystem memory_;
  std::string trace_;
  TracingFileSystem traced_;
  SimulatedEnvironment environment_;
  SeededRandom calls_{42};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Snapshot> snapshot_;
  uint64_t flushes_ = 0;
  uint64_t compactions_ = 0;
  uint64_t reopens_ = 0;
};

std::string TraceOf(uint64_t simulation_seed) { return Workload(simulation_seed).Run(); }

// Where two traces part, with what led there; empty where they do not.
std::string FirstDifference(const std::string& a, const std::string& b) {
  if (a == b) return {};
  std::istringstream lines_a(a);
  std::istringstream lines_b(b);
  std::string before;
  for (int number = 1;; ++number) {
    std::string line_a;
    std::string line_b;
    const bool more_a = static_cast<bool>(std::getline(lines_a, line_a));
    const bool more_b = static_cast<bool>(std::getline(lines_b, line_b));
    if (line_a != line_b || more_a != more_b) {
      return "after " + before + "\nline " + std::to_string(number) + " is\n  " +
             (more_a ? line_a : "(the end)") + "\nand\n  " + (more_b ? line_b : "(the end)");
    }
    before = line_a;
  }
}

TEST(Determinism, OneSeedGivesOneSequenceOfFileOperations) {
  Workload workload(7);
  const std::string trace = workload.Run();
  EXPECT_GE(workload.flushes(), 50u);
  EXPECT_GE(workload.compactions(), 20u);
  EXPECT_GE(workload.reopens(), 9u);
  EXPECT_GE(std::count(trace.begin(), trace.end(), '\n'), 10'000);
  EXPECT_EQ(FirstDifference(trace, TraceOf(7)), "");
}

// The database's epoch is drawn from the seed, and is in every checksum; that alone is no other
// order.
std::string WithoutChecksums(const std::string& trace) {
  std::istringstream lines(trace);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    result.append(line.substr(0, line.find(" crc="))) += '\n';
  }
  return result;
}

TEST(Determinism, AnotherSeedInterleavesOtherwise) {
  EXPECT_NE(WithoutChecksums(TraceOf(7)), WithoutChecksums(TraceOf(8)));
}

// Starts itself in another process, which leaves its trace in a file.
TEST(Determinism, AnotherProcessDoesTheSame) {
  if (const char* path = std::getenv(kTraceTo)) {
    std::ofstream(path) << TraceOf(7);
    return;
  }
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace";
  const std::string command =
      std::string(kTraceTo) + "=" + path + " /proc/" + std::to_string(::getpid()) +
      "/exe --gtest_filter=Determinism.AnotherProcessDoesTheSame > " + path + ".out";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream file(path);
  const std::string other((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(FirstDifference(TraceOf(7), other), "");
}

}  // namespace
}  // namespace lumen
