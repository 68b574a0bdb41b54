// Goal: around real files, each fault does what the model says and nothing else, and each is
// counted as changed or observed exactly where it was. Method: one plan a test, a few calls on
// POSIX files.
#include "faultfs/faulting_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/forwarding_file_system.h"
#include "engine/posix_environment.h"
#include "faultfs/fault_plan.h"
#include "faultfs/plan/real_directory_testing.h"

namespace lumen::faultfs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class FaultingFileSystemTest : public testing::Test {
 protected:
  // From now on these faults; their counts begin anew.
  void Plan(std::string_view text) {
    auto plan = FaultPlan::Parse(text);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_TRUE(FaultingFileSystem::CheckSupports(*plan).ok());
    injector_ = std::make_unique<PlannedFaults>(*std::move(plan), 7);
    files_ = std::make_unique<FaultingFileSystem>(
        real_, *injector_, [this](int64_t nanoseconds) { passed_ns_ += nanoseconds; });
  }
  FaultCount count(size_t rule = 0) const { return injector_->counts().at(rule); }

  // Past the faults.
  void Write(const std::string& name, std::string_view content) {
    auto file = real_.CreateLogFile(directory_ / name);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append(content).ok());
  }
  std::string Real(const std::string& name) { return ReadFrom(real_, name).value_or("?"); }
  // Through them.
  absl::StatusOr<std::string> Read(const std::string& name) { return ReadFrom(*files_, name); }

  absl::StatusOr<std::string> ReadFrom(FileSystem& files, const std::string& name) {
    auto file = files.OpenReadFile(directory_ / name);
    if (!file.ok()) return file.status();
    std::string content((*file)->size(), '?');
    const auto bytes = (*file)->ReadAt(0, {content.data(), content.size()});
    if (!bytes.ok()) return bytes.status();
    content.resize(*bytes);
    return content;
  }
  std::vector<std::string> Names() { return *real_.List(directory_.path()); }

  RealDirectory directory_;
  PosixEnvironment environment_;
  FileSystem& real_ = environment_.environment().file_system;
  int64_t passed_ns_ = 0;
  std::unique_ptr<PlannedFaults> injector_;
  std::unique_ptr<FaultingFileSystem> files_;
};

// Every call that changes something, with what tells whether it happened.
struct Change {
  std::string call;
  std::function<absl::Status(FileSystem&, const RealDirectory&)> run;
  std::function<bool(FileSystem&, const RealDirectory&)> happened;
};
void PrintTo(const Change& change, std::ostream* out) { *out << change.call; }

bool Exists(FileSystem& files, const std::string& path) { return *files.Exists(path); }

const Change kChanges[] = {
    {"create", [](auto& files, auto& at) { return files.CreateLogFile(at / "new").status(); },
     [](auto& files, auto& at) { return Exists(files, at / "new"); }},
    {"rename", [](auto& files, auto& at) { return files.Rename(at / "old", at / "new"); },
     [](auto& files, auto& at) { return Exists(files, at / "new"); }},
    {"link", [](auto& files, auto& at) { return files.Link(at / "old", at / "new"); },
     [](auto& files, auto& at) { return Exists(files, at / "new"); }},
    {"remove", [](auto& files, auto& at) { return files.Remove(at / "old"); },
     [](auto& files, auto& at) { return !Exists(files, at / "old"); }},
    {"mkdir", [](auto& files, auto& at) { return files.CreateDirectory(at / "new"); },
     [](auto& files, auto& at) { return Exists(files, at / "new"); }},
    {"rmdir", [](auto& files, auto& at) { return files.RemoveDirectory(at / "empty"); },
     [](auto& files, auto& at) { return !Exists(files, at / "empty"); }},
    {"lock", [](auto& files, auto& at) { return files.Lock(at / "new", "me").status(); },
     [](auto& files, auto& at) { return Exists(files, at / "new"); }},
};

class ChangeTest : public FaultingFileSystemTest, public testing::WithParamInterface<Change> {
 protected:
  void SetUp() override {
    Write("old", "content");
    ASSERT_TRUE(real_.CreateDirectory(directory_ / "empty").ok());
  }
};

TEST_P(ChangeTest, FailsBeforeItsEffect) {
  Plan("eio-before on " + GetParam().call);
  const absl::Status status = GetParam().run(*files_, directory_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), StartsWith(directory_.path() + "/"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(GetParam().call + ": Input/output error (injected)"));
  EXPECT_FALSE(GetParam().happened(real_, directory_));
  EXPECT_EQ(count().changed, 1u);
  EXPECT_EQ(count().observed, 1u);
}

TEST_P(ChangeTest, FailsAfterItsEffect) {
  Plan("eio-after on " + GetParam().call);
  EXPECT_EQ(GetParam().run(*files_, directory_).code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(GetParam().happened(real_, directory_));
  EXPECT_EQ(count().changed, 0u);
  EXPECT_EQ(count().observed, 1u);
}

TEST_P(ChangeTest, WorksWithoutAFault) {
  Plan("eio-before on " + GetParam().call + " nth 2");
  EXPECT_TRUE(GetParam().run(*files_, directory_).ok());
  EXPECT_TRUE(GetParam().happened(real_, directory_));
  EXPECT_EQ(count().armed, 1u);
  EXPECT_EQ(count().fired, 0u);
}

TEST_P(ChangeTest, AGenuineErrorIsNotTakenForAnInjectedOne) {
  ASSERT_TRUE(real_.Remove(directory_ / "old").ok());
  ASSERT_TRUE(real_.RemoveDirectory(directory_ / "empty").ok());
  ASSERT_TRUE(real_.CreateDirectory(directory_ / "new").ok());
  const absl::Status genuine = GetParam().run(real_, directory_);
  ASSERT_FALSE(genuine.ok());
  Plan("eio-after on " + GetParam().call);
  EXPECT_EQ(GetParam().run(*files_, directory_), genuine);
  EXPECT_EQ(count().observed, 0u);
}

INSTANTIATE_TEST_SUITE_P(Calls, ChangeTest, testing::ValuesIn(kChanges),
                         [](const auto& test) { return test.param.call; });

TEST_F(FaultingFileSystemTest, QuestionsFailToo) {
  Write("a", "content");
  Plan(
      "eio-before on exists\neio-before on size\neio-after on list\neio-before on free\n"
      "emfile-before on open\neio-after on read");
  EXPECT_FALSE(files_->Exists(directory_ / "a").ok());
  EXPECT_FALSE(files_->FileSize(directory_ / "a").ok());
  EXPECT_FALSE(files_->List(directory_.path()).ok());
  EXPECT_FALSE(files_->FreeSpace(directory_.path()).ok());
  EXPECT_EQ(Read("a").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Read("a").status().code(), absl::StatusCode::kInternal);
  for (const FaultCount& each : injector_->counts()) {
    EXPECT_EQ(each.observed, 1u);
    EXPECT_EQ(each.changed, 0u);
  }
  EXPECT_EQ(*Read("a"), "content");
}

TEST_F(FaultingFileSystemTest, AFailedAppendPoisonsTheFile) {
  for (const auto& [plan, left] : std::vector<std::pair<std::string, std::string>>{
           {"enospc-before on append nth 2", "abc"},
           {"enospc-after on append nth 2", "abcdefgh"},
           {"short-write nth 2 amount 2", "abcde"},
           {"short-write nth 2 amount 7", "abcde"},  // modulo the length
           {"short-write nth 2 amount 0", "abc"}}) {
    Plan(plan);
    auto file = files_->CreateLogFile(directory_ / plan);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append("abc").ok());
    const absl::Status failed = (*file)->Append("defgh");
    EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ((*file)->Append("i"), failed);
    EXPECT_EQ((*file)->Sync(), failed);
    EXPECT_EQ((*file)->Allocate(4096), failed);
    EXPECT_EQ(Real(plan), left) << plan;
    EXPECT_EQ(count().fired, 1u);
  }
}

TEST_F(FaultingFileSystemTest, AFailedAllocatePoisonsTheFile) {
  for (const auto& [plan, size_bytes] : std::vector<std::pair<std::string, uint64_t>>{
           {"enospc-before on allocate", 0}, {"enospc-after on allocate", 4096}}) {
    Plan(plan);
    auto file = files_->CreateLogFile(directory_ / plan);
    ASSERT_TRUE(file.ok()) << file.status();
    const absl::Status failed = (*file)->Allocate(4096);
    EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ((*file)->Append("i"), failed);
    EXPECT_EQ(*real_.FileSize(directory_ / plan), size_bytes);
  }
}

// Wraps the real files and counts the syncs that reach them.
class CountingFileSystem final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  int syncs = 0;

  absl::StatusOr<std::unique_ptr<LogFile>> CreateLogFile(const std::string& path) override {
    auto file = target().CreateLogFile(path);
    if (!file.ok()) return file;
    return std::make_unique<CountingLogFile>(*std::move(file), syncs);
  }
  absl::Status SyncDirectory(const std::string& directory) override {
    ++syncs;
    return target().SyncDirectory(directory);
  }

 private:
  class CountingLogFile final : public LogFile {
   public:
    CountingLogFile(std::unique_ptr<LogFile> target, int& syncs)
        : target_(std::move(target)), syncs_(syncs) {}
    absl::Status Allocate(uint64_t size_bytes) override { return target_->Allocate(size_bytes); }
    absl::Status Append(std::string_view data) override { return target_->Append(data); }
    absl::Status Sync() override {
      ++syncs_;
      return target_->Sync();
    }
    uint64_t offset() const override { return target_->offset(); }
    uint64_t durable_offset() const override { return target_->durable_offset(); }

   private:
    const std::unique_ptr<LogFile> target_;
    int& syncs_;
  };
};

struct SyncMode {
  std::string fault;
  bool says_ok = false;
  bool reaches_the_disk = false;
  bool next_says_ok = false;  // of a directory: a file repeats its error
};

const SyncMode kSyncModes[] = {
    {"eio-before", false, false, true},         {"eio-after", false, true, true},
    {"sync-marked-clean", false, false, true},  {"sync-late", true, false, false},
    {"sync-failed-durable", false, true, true}, {"sync-failed-partly", false, false, true},
    {"sync-lied", true, false, true},
};

TEST_F(FaultingFileSystemTest, EverySyncModeOfAFile) {
  CountingFileSystem counting(real_);
  for (const SyncMode& mode : kSyncModes) {
    Plan(mode.fault + " on sync");
    FaultingFileSystem files(counting, *injector_);
    counting.syncs = 0;
    auto file = files.CreateLogFile(directory_ / mode.fault);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append("abc").ok());
    EXPECT_EQ((*file)->Sync().ok(), mode.says_ok) << mode.fault;
    EXPECT_EQ(counting.syncs, mode.reaches_the_disk ? 1 : 0) << mode.fault;
    EXPECT_EQ((*file)->durable_offset(), mode.says_ok ? 3u : 0u) << mode.fault;
    EXPECT_EQ(count().changed, mode.reaches_the_disk ? 0u : 1u) << mode.fault;
    EXPECT_EQ((*file)->Sync().ok(), mode.says_ok && mode.next_says_ok) << mode.fault;
    // A file that has told its error does nothing any more.
    EXPECT_EQ(counting.syncs, mode.says_ok || mode.reaches_the_disk ? 1 : 0) << mode.fault;
    EXPECT_EQ(count().observed, mode.fault == "sync-lied" ? 0u : 1u) << mode.fault;
  }
}

TEST_F(FaultingFileSystemTest, EverySyncModeOfADirectory) {
  CountingFileSystem counting(real_);
  for (const SyncMode& mode : kSyncModes) {
    Plan(mode.fault + " on syncdir");
    FaultingFileSystem files(counting, *injector_);
    counting.syncs = 0;
    EXPECT_EQ(files.SyncDirectory(directory_.path()).ok(), mode.says_ok) << mode.fault;
    EXPECT_EQ(counting.syncs, mode.reaches_the_disk ? 1 : 0) << mode.fault;
    EXPECT_EQ(files.SyncDirectory(directory_.path()).ok(), mode.next_says_ok) << mode.fault;
    EXPECT_EQ(counting.syncs, mode.reaches_the_disk ? 2 : 1) << mode.fault;
    EXPECT_TRUE(files.SyncDirectory(directory_.path()).ok()) << mode.fault;
  }
}

TEST_F(FaultingFileSystemTest, AFlippedBitIsReadFlippedAndTheFileIsNotTouched) {
  Write("a", "abcdef");
  Plan("bit-flip on open amount 17");  // bit 1 of byte 2
  EXPECT_EQ(*Read("a"), "abadef");
  EXPECT_EQ(*Read("a"), "abadef");
  EXPECT_EQ(Real("a"), "abcdef");
  EXPECT_EQ(count().changed, 1u);
  EXPECT_EQ(count().observed, 1u);
}

TEST_F(FaultingFileSystemTest, DamageThatIsNotReadIsNotObserved) {
  Write("a", "abcdef");
  Plan("bit-flip on open amount 40");  // byte 5
  auto file = files_->OpenReadFile(directory_ / "a");
  char out[5];
  ASSERT_EQ(*(*file)->ReadAt(0, out), 5u);
  EXPECT_EQ(count().changed, 1u);
  EXPECT_EQ(count().observed, 0u);
  ASSERT_EQ(*(*file)->ReadAt(3, out), 3u);
  EXPECT_EQ(count().observed, 1u);
}

TEST_F(FaultingFileSystemTest, AnEmptyFileCannotBeDamaged) {
  Write("a", "");
  Plan("bit-flip on open\nsector-garbage on open\ntruncated on open");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*Read("a"), "");
  for (const FaultCount& each : injector_->counts()) {
    EXPECT_EQ(each.fired, 1u);
    EXPECT_EQ(each.changed, 0u);
  }
}

TEST_F(FaultingFileSystemTest, GarbageFillsOneSector) {
  const std::string content(1300, 'x');
  Write("a", content);
  for (const auto& [sector, begin, end] :
       std::vector<std::tuple<int, size_t, size_t>>{{1, 512, 1024}, {5, 1024, 1300}}) {
    Plan(absl::StrCat("sector-garbage on open amount ", sector));
    const std::string read = *Read("a");
    ASSERT_EQ(read.size(), content.size());
    EXPECT_EQ(read.substr(0, begin), content.substr(0, begin));
    EXPECT_EQ(read.substr(end), content.substr(end));
    const std::string garbage = read.substr(begin, end - begin);
    // 'x' now and then, as any byte.
    EXPECT_LT(std::count(garbage.begin(), garbage.end(), 'x'), 20);
    EXPECT_EQ(*Read("a"), read);
  }
}

TEST_F(FaultingFileSystemTest, ATruncatedFileHasLostItsEnd) {
  Write("a", "abcdef");
  Plan("truncated on open amount 4");
  EXPECT_EQ(*Read("a"), "abcd");
  EXPECT_EQ(*files_->FileSize(directory_ / "a"), 4u);
  EXPECT_EQ(*real_.FileSize(directory_ / "a"), 6u);
}

TEST_F(FaultingFileSystemTest, DamageBelongsToTheFileNotToItsName) {
  ASSERT_TRUE(real_.CreateDirectory(directory_ / "d.tmp").ok());
  Write("d.tmp/a", "abcdef");
  Plan("truncated on open amount 4");
  EXPECT_EQ(*Read("d.tmp/a"), "abcd");
  ASSERT_TRUE(files_->Rename(directory_ / "d.tmp", directory_ / "d").ok());
  ASSERT_TRUE(files_->Link(directory_ / "d/a", directory_ / "b").ok());
  ASSERT_TRUE(files_->Remove(directory_ / "d/a").ok());
  EXPECT_EQ(*Read("b"), "abcd");
  ASSERT_TRUE(files_->Rename(directory_ / "b", directory_ / "c").ok());
  Write("b", "another");
  EXPECT_EQ(*Read("b"), "another");
  EXPECT_EQ(*Read("c"), "abcd");
  ASSERT_TRUE(files_->Remove(directory_ / "c").ok());
  Write("c", "another");
  EXPECT_EQ(*Read("c"), "another");
}

TEST_F(FaultingFileSystemTest, ALostWriteReadsAsZerosOnceASyncSaidThatItIsThere) {
  Plan("lost-write nth 2");
  auto file = files_->CreateLogFile(directory_ / "a");
  for (const char* part : {"ab", "cd", "ef"}) ASSERT_TRUE((*file)->Append(part).ok());
  EXPECT_EQ(*Read("a"), "abcdef");
  EXPECT_EQ(count().changed, 0u);
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*Read("a"), std::string("ab\0\0ef", 6));
  EXPECT_EQ(count().changed, 1u);
}

TEST_F(FaultingFileSystemTest, ASyncThatFailsAndIsDurableLosesTheLostWriteToo) {
  Plan("lost-write\nsync-failed-durable on sync");
  auto file = files_->CreateLogFile(directory_ / "a");
  ASSERT_TRUE((*file)->Append("ab").ok());
  ASSERT_FALSE((*file)->Sync().ok());
  EXPECT_EQ(*Read("a"), std::string("\0\0", 2));
}

TEST_F(FaultingFileSystemTest, AReadErrorIsOnceOrStaysWithTheSector) {
  Write("a", std::string(2048, 'x'));
  const auto read = [&](uint64_t offset) {
    char out[10];
    return (*files_->OpenReadFile(directory_ / "a"))->ReadAt(offset, out).ok();
  };
  Plan("read-eio");
  EXPECT_FALSE(read(600));
  EXPECT_TRUE(read(600));
  Plan("read-eio-sticky");
  EXPECT_FALSE(read(600));
  EXPECT_FALSE(read(600));
  EXPECT_FALSE(read(1023));
  EXPECT_FALSE(read(510));
  EXPECT_TRUE(read(0));
  EXPECT_TRUE(read(1024));
  EXPECT_EQ(count().fired, 1u);
  EXPECT_EQ(count().observed, 1u);
  EXPECT_EQ(count().changed, 0u);
}

TEST_F(FaultingFileSystemTest, LatencyTakesTimeAndChangesNothing) {
  Write("a", "abc");
  Plan("latency on read amount 20ms times 2");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*Read("a"), "abc");
  EXPECT_EQ(passed_ns_, 40'000'000);
  EXPECT_EQ(count().observed, 0u);
}

TEST_F(FaultingFileSystemTest, AHangLastsUntilItIsCancelled) {
  Plan("hang on create times 2");
  std::atomic<bool> returned = false;
  std::thread hanging([&] {
    EXPECT_EQ(files_->CreateLogFile(directory_ / "a").status().code(), absl::StatusCode::kInternal);
    returned = true;
  });
  while (count().fired == 0) std::this_thread::yield();
  EXPECT_FALSE(returned);
  files_->CancelHangs();
  hanging.join();
  EXPECT_FALSE(files_->CreateLogFile(directory_ / "a").ok());
  EXPECT_TRUE(Names().empty());
  EXPECT_TRUE(files_->CreateLogFile(directory_ / "a").ok());
}

TEST_F(FaultingFileSystemTest, WhatItCannotDoIsRefusedLoudly) {
  for (const char* plan : {"sync-reverted", "eio-before\nmisdirected-write", "stale-read"}) {
    EXPECT_EQ(FaultingFileSystem::CheckSupports(*FaultPlan::Parse(plan)).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(FaultingFileSystem::CheckSupports(*FaultPlan::Parse("stale-read")).message(),
            "stale-read needs a simulated volume: on real files nothing knows what they held "
            "before");
  for (const std::string_view name : FaultNames()) {
    const bool refused =
        name == "sync-reverted" || name == "misdirected-write" || name == "stale-read";
    EXPECT_EQ(FaultingFileSystem::Supports(RuleNamed(name)->fault.kind), !refused) << name;
  }
}

TEST_F(FaultingFileSystemTest, AnInjectorThatAsksForItNeverthelessEndsTheProgram) {
  PlannedFaults faults(*FaultPlan::Parse("sync-reverted"), 1);
  FaultingFileSystem files(real_, faults);
  EXPECT_DEATH((void)files.SyncDirectory(directory_.path()), "Supports");
}

// For ThreadSanitizer: files of different threads, and one that all read.
TEST_F(FaultingFileSystemTest, ThreadsShareIt) {
  constexpr int kThreads = 4, kRounds = 50;
  Write("shared", std::string(4096, 'x'));
  Plan(
      "eio-before probability 0.05 times always\n"
      "lost-write probability 0.1 times always\n"
      "bit-flip on read probability 0.1 times always\n"
      "read-eio-sticky in \"**/own-*\" probability 0.05 times always\n"
      "sync-late on syncdir probability 0.2 times always");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string name = absl::StrCat("own-", thread, "-", round);
        if (auto file = files_->CreateLogFile(directory_ / name); file.ok()) {
          (void)(*file)->Append("content");
          (void)(*file)->Sync();
        }
        (void)files_->Rename(directory_ / name, directory_ / (name + "-renamed"));
        (void)files_->SyncDirectory(directory_.path());
        (void)Read(name + "-renamed");
        (void)Read("shared");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const FaultCount& each : injector_->counts()) EXPECT_GT(each.fired, 0u);
}

}  // namespace
}  // namespace lumen::faultfs
