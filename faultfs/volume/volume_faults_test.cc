// Goal: each fault of docs/fault_model.md does to a Volume what the page says, leaves the history
// from which a DiskState can tell the same, and is counted where it changed or was noticed.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faultfs/volume.h"
#include "faultfs/volume/volume_tree.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lumen::faultfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSeed = 0x5555555555555555;  // every other sector

// Injects one fault on the nth call of a kind.
class OneFault final : public FaultInjector {
 public:
  OneFault(CallKind call, Fault fault, int nth = 1) : call_(call), fault_(fault), nth_(nth) {
    fault_.rule = 7;
  }

  Fault Decide(const Call& call) override {
    roles.push_back(call.role);
    return call.kind == call_ && --nth_ == 0 ? fault_ : Fault{};
  }
  void Changed(const Fault& fault) override { changed += fault.rule == 7; }
  void Observed(const Fault& fault) override { observed += fault.rule == 7; }

  int changed = 0;
  int observed = 0;
  std::vector<FileRole> roles;

 private:
  const CallKind call_;
  Fault fault_;
  int nth_;
};

Fault Failing(FaultKind kind, const char* text = "sync: Input/output error (injected)") {
  return {.kind = kind, .error = absl::InternalError(text), .seed = kSeed};
}

std::string ReadAll(FileSystem& files, const std::string& path) {
  const auto file = files.OpenReadFile(path);
  if (!file.ok()) return file.status().ToString();
  std::string bytes((*file)->size(), '?');
  const auto read = (*file)->ReadAt(0, bytes);
  return read.ok() ? bytes.substr(0, *read) : read.status().ToString();
}

std::vector<OperationKind> Kinds(const Volume& volume) {
  std::vector<OperationKind> kinds;
  for (const Operation& operation : volume.history()) kinds.push_back(operation.kind);
  return kinds;
}

// A volume with a file of four synced sectors, "aaaa...", and two more that are not, "bbbb...".
struct HalfSynced {
  HalfSynced() {
    log = *files->CreateLogFile("/1.wal");
    EXPECT_TRUE(log->Append(synced).ok());
    EXPECT_TRUE(log->Sync().ok());
  }
  void AppendMore() { EXPECT_TRUE(log->Append(more).ok()); }

  const std::string synced = std::string(4 * kSectorBytes, 'a');
  const std::string more = std::string(2 * kSectorBytes, 'b');
  Volume volume;
  std::unique_ptr<Volume::Process> files = volume.Start();
  std::unique_ptr<LogFile> log;
};

TEST(Faults, AnErrorBeforeHasNoEffect) {
  Volume volume;
  OneFault faults(CallKind::kCreate, Failing(FaultKind::kErrorBefore, "create: no (injected)"));
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  const absl::Status status = files->CreateLogFile("/1.wal").status();
  EXPECT_EQ(status.message(), "/1.wal: create: no (injected)");
  EXPECT_THAT(Kinds(volume), IsEmpty());
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
  EXPECT_THAT(faults.roles, ElementsAre(FileRole::kWal));
  EXPECT_TRUE(files->CreateLogFile("/1.wal").ok());
}

TEST(Faults, AnErrorAfterHasItsEffect) {
  Volume volume;
  OneFault faults(CallKind::kRename, Failing(FaultKind::kErrorAfter, "rename: no (injected)"));
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  ASSERT_TRUE(files->CreateLogFile("/a").ok());
  EXPECT_EQ(files->Rename("/a", "/b").message(), "/a: rename: no (injected)");
  EXPECT_TRUE(*files->Exists("/b"));
  EXPECT_EQ(faults.changed, 0);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, AGenuineErrorComesFirst) {
  Volume volume;
  OneFault faults(CallKind::kRemove, Failing(FaultKind::kErrorAfter, "remove: no (injected)"));
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  EXPECT_TRUE(absl::IsNotFound(files->Remove("/a")));
  EXPECT_EQ(faults.observed, 0);
}

TEST(Faults, ALockThatFailedAfterwardsIsFree) {
  Volume volume;
  OneFault faults(CallKind::kLock, Failing(FaultKind::kErrorAfter, "lock: no (injected)"));
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  EXPECT_FALSE(files->Lock("/LOCK", "a").ok());
  EXPECT_TRUE(*files->Exists("/LOCK"));
  EXPECT_TRUE(files->Lock("/LOCK", "a").ok());
}

TEST(Faults, AShortWriteIsAnAppendOfAPart) {
  HalfSynced disk;
  Fault fault = Failing(FaultKind::kShortWrite, "append: full (injected)");
  fault.amount = 100;
  OneFault faults(CallKind::kAppend, fault);
  disk.volume.SetFaults(&faults);
  EXPECT_EQ(disk.log->Append(disk.more).message(), "/1.wal: append: full (injected)");
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced + std::string(100, 'b'));
  EXPECT_EQ(disk.volume.history().back().data->size(), 100u);
  EXPECT_EQ(disk.log->Sync().message(), "/1.wal: append: full (injected)");  // poisoned
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
}

struct SyncCase {
  FaultKind kind;
  SyncEffect effect;
  bool fails;
  int changed;
  bool reverts = false;
};

TEST(Faults, EachSyncFailureIsInTheHistory) {
  for (const SyncCase& each :
       {SyncCase{FaultKind::kSyncMarkedClean, SyncEffect::kMarkedClean, true, 1},
        SyncCase{FaultKind::kSyncReverted, SyncEffect::kReverted, true, 1, true},
        SyncCase{FaultKind::kSyncFailedDurable, SyncEffect::kFailedDurable, true, 0},
        SyncCase{FaultKind::kErrorAfter, SyncEffect::kFailedDurable, true, 0},
        SyncCase{FaultKind::kSyncFailedPartly, SyncEffect::kFailedPartly, true, 1},
        SyncCase{FaultKind::kSyncLied, SyncEffect::kLied, false, 1}}) {
    HalfSynced disk;
    disk.AppendMore();
    OneFault faults(CallKind::kSync, Failing(each.kind));
    disk.volume.SetFaults(&faults);
    const absl::Status status = disk.log->Sync();
    EXPECT_EQ(status.message(), each.fails ? "/1.wal: sync: Input/output error (injected)" : "");
    EXPECT_EQ(disk.volume.history().back().kind, OperationKind::kSync);
    EXPECT_EQ(disk.volume.history().back().effect, each.effect);
    EXPECT_EQ(disk.volume.history().back().seed, kSeed);
    EXPECT_EQ(faults.changed, each.changed);
    EXPECT_EQ(faults.observed, each.fails ? 1 : 0);
    EXPECT_EQ(disk.log->durable_offset(), each.fails ? disk.synced.size() : disk.log->offset());
    EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), each.reverts ? disk.synced : disk.synced + disk.more);
  }
}

TEST(Faults, ASyncThatHadNothingToDoChangesNothing) {
  HalfSynced disk;
  OneFault faults(CallKind::kSync, Failing(FaultKind::kSyncMarkedClean));
  disk.volume.SetFaults(&faults);
  EXPECT_FALSE(disk.log->Sync().ok());
  EXPECT_EQ(faults.changed, 0);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, ALateSyncFailureIsToldByTheNextSync) {
  HalfSynced disk;
  disk.AppendMore();
  OneFault faults(CallKind::kSync, Failing(FaultKind::kSyncLate));
  disk.volume.SetFaults(&faults);
  EXPECT_TRUE(disk.log->Sync().ok());
  EXPECT_EQ(disk.volume.history().back().effect, SyncEffect::kMarkedClean);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 0);
  disk.AppendMore();
  EXPECT_FALSE(disk.log->Sync().ok());
  EXPECT_EQ(disk.volume.history().back().effect, SyncEffect::kFailedDurable);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, ARevertGoesBackToWhatOtherSyncsReallyDid) {
  HalfSynced disk;
  OneFault lie(CallKind::kSync, Failing(FaultKind::kSyncLied));
  disk.volume.SetFaults(&lie);
  disk.AppendMore();
  ASSERT_TRUE(disk.log->Sync().ok());
  OneFault revert(CallKind::kSync, Failing(FaultKind::kSyncReverted));
  disk.volume.SetFaults(&revert);
  EXPECT_FALSE(disk.log->Sync().ok());
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced);
  EXPECT_EQ(disk.volume.current().Plain().at("/1.wal"), disk.synced);
}

// A log file is poisoned by the first failure, so this goes past it.
TEST(Faults, ARevertKeepsWhatAPartlyFailedSyncSaved) {
  VolumeTree tree((DiskImage()));
  InodeNumber inode = 0;
  ASSERT_EQ(tree.CreateFile("/f", &inode), 0);
  const std::string saved(kSectorBytes, 'a'), lost(kSectorBytes, 'b'), late(kSectorBytes, 'c');
  ASSERT_EQ(tree.Append(inode, 0, saved + lost), 0);
  tree.Sync(inode, SyncEffect::kFailedPartly, kSeed);  // its bits: sector 0, not sector 1
  ASSERT_EQ(tree.Append(inode, 2 * kSectorBytes, late), 0);
  EXPECT_EQ(tree.current().File(inode)->ToString(), saved + lost + late);
  tree.Sync(inode, SyncEffect::kReverted, 0);
  EXPECT_EQ(tree.current().File(inode)->ToString(), saved + std::string(kSectorBytes, '\0'));
}

TEST(Faults, ARevertForgetsWhatAnEarlierSyncMarkedClean) {
  VolumeTree tree((DiskImage()));
  InodeNumber inode = 0;
  ASSERT_EQ(tree.CreateFile("/f", &inode), 0);
  ASSERT_EQ(tree.Append(inode, 0, std::string(kSectorBytes, 'a')), 0);
  tree.Sync(inode, SyncEffect::kMarkedClean, 0);
  ASSERT_EQ(tree.Append(inode, kSectorBytes, "b"), 0);
  tree.Sync(inode, SyncEffect::kDurable, 0);
  tree.Sync(inode, SyncEffect::kReverted, 0);
  EXPECT_EQ(tree.current().File(inode)->ToString(), std::string(kSectorBytes, '\0') + "b");
}

TEST(Faults, SyncsOfDirectoriesFailToo) {
  for (const SyncCase& each :
       {SyncCase{FaultKind::kSyncMarkedClean, SyncEffect::kMarkedClean, true, 1},
        SyncCase{FaultKind::kSyncReverted, SyncEffect::kReverted, true, 1},
        SyncCase{FaultKind::kSyncFailedDurable, SyncEffect::kFailedDurable, true, 0},
        SyncCase{FaultKind::kErrorAfter, SyncEffect::kFailedDurable, true, 0},
        SyncCase{FaultKind::kSyncFailedPartly, SyncEffect::kFailedPartly, true, 1},
        SyncCase{FaultKind::kSyncLied, SyncEffect::kLied, false, 1}}) {
    Volume volume;
    OneFault faults(CallKind::kSyncDirectory, Failing(each.kind));
    volume.SetFaults(&faults);
    const auto files = volume.Start();
    ASSERT_TRUE(files->CreateLogFile("/a").ok());
    EXPECT_EQ(files->SyncDirectory("/").ok(), !each.fails);
    EXPECT_EQ(volume.history().back().effect, each.effect);
    EXPECT_EQ(volume.history().back().seed, kSeed);
    EXPECT_EQ(faults.changed, each.changed);
    EXPECT_EQ(faults.observed, each.fails ? 1 : 0);
    EXPECT_TRUE(*files->Exists("/a"));
    EXPECT_TRUE(files->SyncDirectory("/").ok());
  }
}

// What the first one lost is lost: the second has nothing to lose.
TEST(Faults, ASecondFailureOfADirectorySyncChangesNothing) {
  for (const bool creates_more : {false, true}) {
    Volume volume;
    const auto files = volume.Start();
    ASSERT_TRUE(files->CreateLogFile("/a").ok());
    OneFault first(CallKind::kSyncDirectory, Failing(FaultKind::kSyncMarkedClean));
    volume.SetFaults(&first);
    EXPECT_FALSE(files->SyncDirectory("/").ok());
    if (creates_more) {
      ASSERT_TRUE(files->CreateLogFile("/b").ok());
    }
    OneFault second(CallKind::kSyncDirectory, Failing(FaultKind::kSyncMarkedClean));
    volume.SetFaults(&second);
    EXPECT_FALSE(files->SyncDirectory("/").ok());
    EXPECT_EQ(first.changed, 1);
    EXPECT_EQ(second.changed, creates_more ? 1 : 0);
    EXPECT_EQ(second.observed, 1);
  }
}

TEST(Faults, ALateFailureOfADirectorySyncIsToldByTheNext) {
  Volume volume;
  OneFault faults(CallKind::kSyncDirectory, Failing(FaultKind::kSyncLate));
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  ASSERT_TRUE(files->CreateLogFile("/a").ok());
  EXPECT_TRUE(files->SyncDirectory("/").ok());
  EXPECT_EQ(volume.history().back().effect, SyncEffect::kMarkedClean);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 0);
  EXPECT_FALSE(files->SyncDirectory("/").ok());
  EXPECT_EQ(volume.history().back().effect, SyncEffect::kFailedDurable);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, DamageStrikesSyncedBytesAndIsInTheHistory) {
  HalfSynced disk;
  Fault fault{.kind = FaultKind::kBitFlip, .amount = 8 * 5000 + 3};  // modulo 2048 bytes: byte 904
  OneFault faults(CallKind::kOpen, fault);
  disk.volume.SetFaults(&faults);
  std::string expected = disk.synced;
  expected[5000 % 2048] = static_cast<char>('a' ^ 8);
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), expected);
  const Operation& damage = disk.volume.history().back();
  EXPECT_EQ(damage.kind, OperationKind::kDamage);
  EXPECT_EQ(damage.offset, 904u);
  EXPECT_EQ(damage.size, disk.synced.size());
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
  EXPECT_EQ(disk.volume.current().Plain().at("/1.wal"), expected);
}

TEST(Faults, DamageIsObservedOnlyWhereItIsRead) {
  HalfSynced disk;
  OneFault faults(CallKind::kOpen, {.kind = FaultKind::kSectorGarbage, .amount = 3, .seed = 1});
  disk.volume.SetFaults(&faults);
  const auto file = *disk.files->OpenReadFile("/1.wal");
  std::string out(3 * kSectorBytes, '?');
  ASSERT_TRUE(file->ReadAt(0, out).ok());
  EXPECT_EQ(out, std::string(3 * kSectorBytes, 'a'));
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 0);
  ASSERT_TRUE(file->ReadAt(kSectorBytes, out).ok());
  EXPECT_NE(out, std::string(3 * kSectorBytes, 'a'));
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, DamageSparesWhatIsPending) {
  HalfSynced disk;
  disk.AppendMore();
  OneFault faults(CallKind::kOpen, {.kind = FaultKind::kTruncated, .amount = 10});
  disk.volume.SetFaults(&faults);
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced + disk.more);
  EXPECT_EQ(faults.changed, 0);
  EXPECT_EQ(faults.observed, 0);
}

TEST(Faults, ATruncatedFileIsShorter) {
  HalfSynced disk;
  OneFault faults(CallKind::kOpen, {.kind = FaultKind::kTruncated, .amount = 2048 + 10});
  disk.volume.SetFaults(&faults);
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), "aaaaaaaaaa");
  EXPECT_EQ(disk.volume.history().back().size, 10u);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, ALostWriteIsGoneAfterASyncThatSaidOk) {
  HalfSynced disk;
  OneFault faults(CallKind::kAppend, {.kind = FaultKind::kLostWrite});
  disk.volume.SetFaults(&faults);
  disk.AppendMore();
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced + disk.more);
  EXPECT_EQ(faults.changed, 0);
  ASSERT_TRUE(disk.log->Sync().ok());
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced + std::string(disk.more.size(), '\0'));
  EXPECT_EQ(disk.volume.history().back().kind, OperationKind::kDamage);
  EXPECT_EQ(faults.changed, 1);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, ALostWriteWaitsForASyncThatIsTrue) {
  HalfSynced disk;
  OneFault faults(CallKind::kAppend, {.kind = FaultKind::kLostWrite});
  disk.volume.SetFaults(&faults);
  disk.AppendMore();
  ASSERT_TRUE(disk.log->Append("later").ok());
  EXPECT_EQ(faults.changed, 0);
  ASSERT_TRUE(disk.log->Sync().ok());
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"),
            disk.synced + std::string(disk.more.size(), '\0') + "later");
  ASSERT_TRUE(disk.log->Sync().ok());
  EXPECT_EQ(faults.changed, 1);  // once is enough
}

TEST(Faults, AFailureOfWhatWouldHaveChangedNothingChangesNothing) {
  for (const CallKind call : {CallKind::kSyncDirectory, CallKind::kList, CallKind::kLock}) {
    Volume volume;
    const auto files = volume.Start();
    ASSERT_TRUE(files->Lock("/LOCK", "").ok());
    ASSERT_TRUE(files->SyncDirectory("/").ok());
    OneFault faults(call, Failing(FaultKind::kErrorBefore));
    volume.SetFaults(&faults);
    EXPECT_EQ(files->SyncDirectory("/").ok(), call != CallKind::kSyncDirectory);
    EXPECT_EQ(files->List("/").ok(), call != CallKind::kList);
    EXPECT_EQ(files->Lock("/LOCK", "").ok(), call != CallKind::kLock);
    EXPECT_EQ(faults.changed, 0);
    EXPECT_EQ(faults.observed, 1);
  }
}

TEST(Faults, AMisdirectedWriteLandsOnOtherSectors) {
  HalfSynced disk;
  // Six sectors in all: those for 4 and 5 land on 1 and 2.
  OneFault faults(CallKind::kAppend, {.kind = FaultKind::kMisdirectedWrite, .amount = 3});
  disk.volume.SetFaults(&faults);
  disk.AppendMore();
  ASSERT_TRUE(disk.log->Sync().ok());
  const std::string a(kSectorBytes, 'a'), zeros(2 * kSectorBytes, '\0');
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), a + disk.more + a + zeros);
  EXPECT_GE(faults.changed, 1);
  EXPECT_GE(faults.observed, 1);
}

TEST(Faults, AStaleReadSeesTheVersionBefore) {
  HalfSynced disk;
  ASSERT_TRUE(disk.log->Append("tail").ok());
  ASSERT_TRUE(disk.log->Append("more").ok());
  OneFault faults(CallKind::kRead, {.kind = FaultKind::kStaleRead});
  disk.volume.SetFaults(&faults);
  const std::string stale = ReadAll(*disk.files, "/1.wal");
  EXPECT_EQ(stale, disk.synced + "tail" + std::string(4, '\0'));
  EXPECT_EQ(ReadAll(*disk.files, "/1.wal"), disk.synced + "tailmore");
  EXPECT_EQ(faults.changed, 0);
  EXPECT_EQ(faults.observed, 1);
}

TEST(Faults, AStaleReadOfWhatTheDiskHeldFromTheStartLacksTheLastSectorInUse) {
  Volume before;
  {
    const auto files = before.Start();
    const auto log = *files->CreateLogFile("/1.wal");
    ASSERT_TRUE(log->Append(std::string(600, 'a')).ok());
    ASSERT_TRUE(log->Allocate(2048).ok());
  }
  Volume volume(before.current());
  OneFault faults(CallKind::kRead, {.kind = FaultKind::kStaleRead});
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  EXPECT_EQ(ReadAll(*files, "/1.wal"), std::string(512, 'a') + std::string(2048 - 512, '\0'));
  EXPECT_EQ(faults.observed, 1);
  ASSERT_EQ(volume.stale_reads().size(), 1u);
  EXPECT_EQ(volume.stale_reads()[0].offset, 512u);
  EXPECT_EQ(volume.stale_reads()[0].bytes, std::string(88, '\0')) << "what differs";
  EXPECT_EQ(ReadAll(*files, "/1.wal"), std::string(600, 'a') + std::string(2048 - 600, '\0'));
  EXPECT_EQ(volume.stale_reads().size(), 1u);
}

// A new one on each of the first reads.
class StickyErrors final : public FaultInjector {
 public:
  explicit StickyErrors(uint64_t times) : times_(times) {}
  Fault Decide(const Call& call) override {
    if (call.kind != CallKind::kRead || fired_ == times_) return {};
    Fault fault = Failing(FaultKind::kReadErrorSticky);
    fault.firing = ++fired_;
    return fault;
  }
  void Changed(const Fault&) override {}
  void Observed(const Fault& fault) override { observed.push_back(fault.firing); }

  std::vector<uint64_t> observed;

 private:
  const uint64_t times_;
  uint64_t fired_ = 0;
};

TEST(Faults, ASecondErrorOfAnUnreadableSectorIsTold) {
  HalfSynced disk;
  StickyErrors faults(2);
  disk.volume.SetFaults(&faults);
  for (int i = 0; i < 3; ++i) ReadAll(*disk.files, "/1.wal");
  EXPECT_THAT(faults.observed, ElementsAre(1, 2, 1));
}

TEST(Faults, AReadErrorStaysWhereItIsSticky) {
  for (const FaultKind kind : {FaultKind::kReadErrorOnce, FaultKind::kReadErrorSticky}) {
    HalfSynced disk;
    OneFault faults(CallKind::kRead, Failing(kind, "read: bad (injected)"));
    disk.volume.SetFaults(&faults);
    const auto file = *disk.files->OpenReadFile("/1.wal");
    std::string out(100, '?');
    EXPECT_EQ(file->View(0, 100), std::nullopt);
    EXPECT_EQ(file->ReadAt(600, out).status().message(), "/1.wal: read: bad (injected)");
    EXPECT_TRUE(file->ReadAt(412, out).ok());
    EXPECT_TRUE(file->ReadAt(1024, out).ok());
    const bool sticky = kind == FaultKind::kReadErrorSticky;
    EXPECT_EQ(file->ReadAt(413, out).ok(), !sticky);
    EXPECT_EQ(file->ReadAt(1023, out).ok(), !sticky);
    // What such a read asked for beside is no worse for it.
    EXPECT_TRUE(file->ReadAt(412, out).ok());
    EXPECT_EQ(faults.observed, sticky ? 3 : 1);
  }
}

TEST(Faults, LatencyAndHangsTakeVirtualTime) {
  int64_t passed_ns = 0;
  OneFault slow(CallKind::kCreate, {.kind = FaultKind::kLatency, .amount = 20});
  Volume volume(DiskImage(), {.faults = &slow, .pass_time = [&](int64_t ns) { passed_ns += ns; }});
  const auto files = volume.Start();
  EXPECT_TRUE(files->CreateLogFile("/a").ok());
  EXPECT_EQ(passed_ns, 20);
  OneFault hang(CallKind::kCreate, {.kind = FaultKind::kHang, .amount = 300});
  volume.SetFaults(&hang);
  EXPECT_EQ(files->CreateLogFile("/b").status().message(), "/b: create: Input/output error");
  EXPECT_FALSE(*files->Exists("/b"));
  EXPECT_EQ(passed_ns, 320);
  EXPECT_EQ(hang.observed, 1);
}

TEST(FaultsDeathTest, AFaultThatCannotMeetItsCallIsAMistake) {
  Volume volume;
  OneFault faults(CallKind::kCreate, {.kind = FaultKind::kShortWrite});
  volume.SetFaults(&faults);
  const auto files = volume.Start();
  EXPECT_DEATH((void)files->CreateLogFile("/a"), "Fits");
}

}  // namespace
}  // namespace lumen::faultfs
