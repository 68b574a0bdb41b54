// Goal: one I/O error, wherever it strikes, is reported or healed and loses nothing that was
// acknowledged: not while the engine goes on, not after a process crash, not after a power loss.
// Method: the scripted workload, run once for every file operation it issues, with that operation
// failing before its effect; copies of the disk are recovered at several moments afterwards.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/core/crash_testing.h"

namespace lumen {
namespace {

using Operation = MemoryFileSystem::Operation;

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

constexpr char kScript[] =
    "pamdwpFpawmpdwQpwKpaw"
    "wGRpamwwwFpdwCpGwKmww"
    "RGapwwmFwwawpCwwQdwG";

// A disk on which one operation fails, once.
class FlawedDisk {
 public:
  FlawedDisk(uint64_t fail_at, absl::StatusCode code) : fail_at_(fail_at), code_(code) {
    files_->SetHook([this](Operation operation, const std::string& path) -> absl::Status {
      if (!Counts(operation) || operations_++ != fail_at_) return absl::OkStatus();
      failed_ = absl::StrCat("operation ", static_cast<int>(operation), " on ", path);
      return absl::Status(code_, path + ": injected");
    });
  }

  MemoryFileSystem& files() { return *files_; }
  bool fired() const { return !failed_.empty(); }
  const std::string& failed() const { return failed_; }
  uint64_t operations() const { return operations_; }

 private:
  // Reads from tables are many and alike: every eighth stands for them. No read fills a disk.
  bool Counts(Operation operation) {
    if (Changes(operation)) return true;
    if (code_ == absl::StatusCode::kResourceExhausted) return false;
    return operation != Operation::kRead || ++reads_ % 8 == 0;
  }

  const std::unique_ptr<MemoryFileSystem> files_ = std::make_unique<MemoryFileSystem>();
  const uint64_t fail_at_;
  const absl::StatusCode code_;
  std::string failed_;
  uint64_t operations_ = 0;
  uint64_t reads_ = 0;
};

struct Run {
  Run(uint64_t fail_at, absl::StatusCode code)
      : disk(fail_at, code), database(disk.files(), /*seed=*/23), workload(database, kScript) {}

  // Recovers what crashes now would leave. Empty: all is well.
  std::string ProveNow() {
    for (const Crash crash : {Crash::kProcess, Crash::kPowerLoss}) {
      const auto copy = disk.files().CrashCopy(crash);
      std::string wrong = ProveRecovery(*copy, database.history(), crash, disk.operations());
      if (wrong.empty()) {
        wrong = ProveCheckpoints(*copy, workload.checkpoints(), disk.operations());
      }
      if (!wrong.empty()) {
        return absl::StrCat(crash == Crash::kProcess ? "process crash: " : "power loss: ", wrong);
      }
    }
    return "";
  }

  // What an operator does once the engine has become read-only.
  void ReopenIfReadOnly() {
    if (!database.engine_is_read_only()) return;
    workload.CompareReads();  // what failed must not show
    EXPECT_FALSE(database.engine().Close().ok());
    database.Leave();
  }

  FlawedDisk disk;
  TestDatabase database;
  Workload workload;
};

// Steps of the script between the error and the moments at which the disk is examined.
bool ExamineAfter(int steps) { return steps == 0 || steps == 5; }

std::string RunWithError(Run& run) {
  int steps_since = 0;
  while (run.workload.Step()) {
    if (!run.disk.fired()) continue;
    if (ExamineAfter(steps_since++)) {
      if (std::string wrong = run.ProveNow(); !wrong.empty()) return wrong;
    }
    run.ReopenIfReadOnly();
  }
  if (!run.workload.errors().empty()) return run.workload.errors().front();
  if (!run.workload.EnsureOpen()) {
    return absl::StrCat("does not open: ", run.workload.last_error().ToString());
  }
  if (absl::IsDataLoss(run.workload.last_error())) return run.workload.last_error().ToString();
  const bool already = run.disk.fired();
  if (const absl::Status closed = run.database.engine().Close(); !closed.ok() && already) {
    return absl::StrCat("close: ", closed.ToString());
  }
  run.database.Leave();
  if (std::string wrong = run.ProveNow(); !wrong.empty()) return wrong;
  return run.database.history().contradiction();
}

void FailEveryOperation(absl::StatusCode code) {
  Run none(kNever, code);
  ASSERT_EQ(RunWithError(none), "");
  ASSERT_TRUE(none.workload.last_error().ok()) << none.workload.last_error();
  const uint64_t operations = none.disk.operations();
  ASSERT_GT(operations, 500u);
  for (uint64_t k = 0; k < operations; ++k) {
    Run run(k, code);
    ASSERT_EQ(RunWithError(run), "") << "after the failure of operation " << k << " of "
                                     << operations << ": " << run.disk.failed();
    ASSERT_TRUE(run.disk.fired());
  }
}

TEST(ErrorTest, AnIoErrorAnywhereLosesNothing) { FailEveryOperation(absl::StatusCode::kInternal); }

TEST(ErrorTest, AFullDiskAnywhereLosesNothing) {
  FailEveryOperation(absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace lumen
