// Goal: what only a kernel can do to PosixFileSystem: other processes at the lock, and every error,
// short count and signal of a system call. Method: forked children; this program's own definitions
// of the calls stand before the C library's and fail when told to.

#include "engine/env/posix_file_system.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "engine/env/temporary_directory.h"
#include "engine/errno_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

// What the next calls do instead of their work. Each test arms what it needs.
struct Faults {
  int interrupts = 0;        // of pwrite, pread, fallocate: so many EINTR first
  size_t most_bytes = 0;     // of pwrite, pread: no more per call; 0: no limit
  int append_error = 0;      // of pwrite, once most_bytes have been written
  int sync_error = 0;        // of fdatasync and fsync, once
  int allocate_error = 0;    // of fallocate
  int write_back_error = 0;  // of sync_file_range
  bool zero_writes = false;  // pwrite returns 0
  int syncs = 0;             // calls of fdatasync and fsync
  std::vector<std::pair<off_t, off_t>> write_backs;  // {offset, length} of sync_file_range
  std::vector<std::pair<off_t, size_t>> writes;      // {offset, length} of pwrite
};
Faults faults;

bool Interrupted() {
  if (faults.interrupts == 0) return false;
  faults.interrupts--;
  errno = EINTR;
  return true;
}

int Fail(int error_number) {
  errno = error_number;
  return -1;
}

size_t Limited(size_t bytes) {
  return faults.most_bytes == 0 ? bytes : std::min(bytes, faults.most_bytes);
}

int CountedSync(long call, int descriptor) {
  faults.syncs++;
  if (faults.sync_error != 0) return Fail(std::exchange(faults.sync_error, 0));
  return static_cast<int>(::syscall(call, descriptor));
}

}  // namespace

extern "C" {

ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  if (Interrupted()) return -1;
  if (faults.zero_writes) return 0;
  if (faults.append_error != 0 && faults.most_bytes == 0) return Fail(faults.append_error);
  const size_t limited = Limited(bytes);
  if (faults.append_error != 0) faults.most_bytes = 0;
  faults.writes.emplace_back(offset, limited);
  return ::syscall(SYS_pwrite64, descriptor, data, limited, offset);
}

ssize_t pread(int descriptor, void* data, size_t bytes, off_t offset) {
  if (Interrupted()) return -1;
  return ::syscall(SYS_pread64, descriptor, data, Limited(bytes), offset);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  if (Interrupted()) return -1;
  if (faults.allocate_error != 0) return Fail(faults.allocate_error);
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, length));
}

int fdatasync(int descriptor) { return CountedSync(SYS_fdatasync, descriptor); }
int fsync(int descriptor) { return CountedSync(SYS_fsync, descriptor); }

int sync_file_range(int descriptor, off_t offset, off_t length, unsigned flags) {
  faults.write_backs.emplace_back(offset, length);
  if (faults.write_back_error != 0) return Fail(faults.write_back_error);
  return static_cast<int>(::syscall(SYS_sync_file_range, descriptor, offset, length, flags));
}

}  // extern "C"

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PosixFiles : public testing::Test {
 protected:
  PosixFiles() { faults = Faults(); }
  ~PosixFiles() override { faults = Faults(); }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::unique_ptr<LogFile> Create() { return *fs_.CreateLogFile(Path("f")); }
  std::string Read() {
    auto file = *fs_.OpenReadFile(Path("f"));
    std::string content(file->size(), '?');
    EXPECT_EQ(*file->ReadAt(0, content), content.size());
    return content;
  }

  TemporaryDirectory directory_;
  PosixFileSystem fs_;
};

TEST_F(PosixFiles, ErrnosMapAsTheHeaderSays) {
  const auto code = [](int error_number) { return ErrnoStatus("p", "o", error_number).code(); };
  EXPECT_EQ(code(ENOENT), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(EEXIST), absl::StatusCode::kAlreadyExists);
  for (int full : {ENOSPC, EDQUOT, EMFILE, ENFILE}) {
    EXPECT_EQ(code(full), absl::StatusCode::kResourceExhausted);
  }
  for (int denied : {EACCES, EPERM, EROFS}) {
    EXPECT_EQ(code(denied), absl::StatusCode::kPermissionDenied);
  }
  for (int other : {EIO, ENOTDIR, EISDIR, EINTR}) {
    EXPECT_EQ(code(other), absl::StatusCode::kInternal);
  }
  EXPECT_EQ(ErrnoStatus("a/b", "sync", EIO).message(), "a/b: sync: Input/output error");
  EXPECT_EQ(ErrnoStatus("a", "open", EMFILE).message(),
            "a: open: Too many open files; raise this process's limit: LimitNOFILE in its systemd "
            "unit, or ulimit -n");
  EXPECT_EQ(ErrnoStatus("a", "open", ENFILE).message(),
            "a: open: Too many open files in system; raise the system's limit: sysctl fs.file-max");
  for (int files : {EMFILE, ENFILE}) {
    const absl::Status error = WithPrefix("before ", ErrnoStatus("a", "open", files));
    EXPECT_EQ(error.message().substr(0, 13), "before a: ope");
    EXPECT_TRUE(IsTooManyFiles(error));
    EXPECT_FALSE(IsDiskFull(error));
  }
  for (int full : {ENOSPC, EDQUOT}) {
    const absl::Status error = WithPrefix("before ", ErrnoStatus("a", "open", full));
    EXPECT_FALSE(IsTooManyFiles(error));
    EXPECT_TRUE(IsDiskFull(error));
  }
  EXPECT_TRUE(IsSyncNotBegun(WithPrefix("before ", SyncNotBegun(absl::InternalError("x")))));
}

TEST_F(PosixFiles, ShortCountsAndInterruptsAreInvisible) {
  auto file = Create();
  faults.interrupts = 2;
  faults.most_bytes = 3;
  ASSERT_TRUE(file->Append("0123456789").ok());
  EXPECT_EQ(faults.interrupts, 0);
  EXPECT_EQ(file->offset(), 10u);
  faults.interrupts = 2;
  EXPECT_EQ(Read(), "0123456789");
  EXPECT_EQ(faults.interrupts, 0);
}

TEST_F(PosixFiles, AFailedAppendPoisonsTheFile) {
  auto file = Create();
  ASSERT_TRUE(file->Append("abc").ok());
  faults.most_bytes = 2;
  faults.append_error = ENOSPC;
  const absl::Status error = file->Append("defg");
  EXPECT_EQ(error.ToString(),
            "RESOURCE_EXHAUSTED: " + Path("f") + ": append: No space left on device");
  faults = Faults();
  EXPECT_EQ(file->Append("x"), error);
  EXPECT_EQ(file->Sync(), error);
  EXPECT_EQ(file->Allocate(100), error);
  EXPECT_EQ(faults.syncs, 0);
  EXPECT_EQ(file->offset(), 3u);
  EXPECT_EQ(Read(), "abcde");
}

TEST_F(PosixFiles, AWriteOfNothingIsAnErrorNotALoop) {
  auto file = Create();
  faults.zero_writes = true;
  EXPECT_TRUE(absl::IsInternal(file->Append("abc")));
}

TEST_F(PosixFiles, AFailedSyncIsNeverTriedAgain) {
  for (int error_number : {EIO, EINTR, ENOSPC}) {
    faults = Faults();
    auto file = Create();
    ASSERT_TRUE(file->Append("abc").ok());
    faults.sync_error = error_number;
    const absl::Status error = file->Sync();
    EXPECT_FALSE(error.ok());
    EXPECT_EQ(file->Sync(), error);
    EXPECT_EQ(file->Append("d"), error);
    EXPECT_EQ(faults.syncs, 1);
    EXPECT_EQ(file->durable_offset(), 0u);
    ASSERT_TRUE(fs_.Remove(Path("f")).ok());
  }
}

TEST_F(PosixFiles, AFailedDirectorySyncIsReportedOnceAndNotTriedAgain) {
  faults.sync_error = EINTR;
  const absl::Status status = fs_.SyncDirectory(directory_.path());
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_FALSE(IsSyncNotBegun(status));
  EXPECT_EQ(faults.syncs, 1);
}

TEST_F(PosixFiles, ADirectoryIsItsOwnersOnly) {
  ASSERT_TRUE(fs_.CreateDirectory(Path("d")).ok());
  struct stat made = {};
  ASSERT_EQ(stat(Path("d").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 077, 0u);
}

TEST_F(PosixFiles, ADirectoryThatCannotBeOpenedIsSaidNotToBeSynced) {
  faults.sync_error = 0;
  const absl::Status status = fs_.SyncDirectory(Path("never"));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(IsSyncNotBegun(status));
}

TEST_F(PosixFiles, AllocateIsTriedAgainAfterASignalOnly) {
  auto file = Create();
  faults.interrupts = 2;
  EXPECT_TRUE(file->Allocate(10'000).ok());
  EXPECT_EQ(*fs_.FileSize(Path("f")), 10'000u);
  faults.allocate_error = ENOSPC;
  const absl::Status error = file->Allocate(20'000);
  EXPECT_TRUE(absl::IsResourceExhausted(error)) << error;
  EXPECT_EQ(file->Append("x"), error);
}

TEST_F(PosixFiles, WithoutFallocateTheFileIsStillMadeLonger) {
  auto file = Create();
  ASSERT_TRUE(file->Append("abc").ok());
  faults.allocate_error = EOPNOTSUPP;
  EXPECT_TRUE(file->Allocate(10).ok());
  EXPECT_TRUE(file->Allocate(5).ok());
  EXPECT_EQ(Read(), std::string("abc\0\0\0\0\0\0\0", 10));
}

TEST_F(PosixFiles, ZerosGoAheadOfAppendsBetweenSyncsInsideTheReservation) {
  auto file = Create();
  ASSERT_TRUE(file->Allocate(600'000).ok());
  ASSERT_TRUE(file->Append("header").ok());
  ASSERT_TRUE(file->Append("more").ok());
  EXPECT_THAT(faults.writes, ElementsAre(Pair(0, 6), Pair(6, 4))) << "not synced: no zeros";
  ASSERT_TRUE(file->Sync().ok());
  faults.writes.clear();
  ASSERT_TRUE(file->Append(std::string(100, 'a')).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append(std::string(100, 'b')).ok());
  EXPECT_THAT(faults.writes, ElementsAre(Pair(10, 100), Pair(110, 262'144 - 110), Pair(110, 100)));
  EXPECT_EQ(file->offset(), 210u);
  ASSERT_TRUE(file->Append(std::string(550'000, 'c')).ok());
  faults.writes.clear();
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append("d").ok());
  EXPECT_THAT(faults.writes, ElementsAre(Pair(550'210, 1)))
      << "the zeros behind the long append reach the end of the reservation";
  EXPECT_EQ(Read(), "headermore" + std::string(100, 'a') + std::string(100, 'b') +
                        std::string(550'000, 'c') + "d" + std::string(600'000 - 550'211, '\0'));
}

TEST_F(PosixFiles, ZerosThatCannotBeWrittenPoisonTheFile) {
  auto file = Create();
  ASSERT_TRUE(file->Allocate(600'000).ok());
  ASSERT_TRUE(file->Sync().ok());
  faults.most_bytes = 3;  // the append itself; the zeros fail
  faults.append_error = EIO;
  EXPECT_FALSE(file->Append("abc").ok());
  faults = Faults();
  EXPECT_FALSE(file->Append("d").ok());
}

TEST_F(PosixFiles, WriteBackStartsAboutEveryMebibyteInWholePages) {
  auto file = Create();
  ASSERT_TRUE(file->Append(std::string((1 << 20) - 1, 'x')).ok());
  EXPECT_THAT(faults.write_backs, IsEmpty());
  ASSERT_TRUE(file->Append(std::string(5000, 'x')).ok());
  ASSERT_TRUE(file->Append(std::string(1 << 20, 'x')).ok());
  EXPECT_THAT(faults.write_backs,
              ElementsAre(Pair(0, (1 << 20) + 4096), Pair((1 << 20) + 4096, 1 << 20)));
  EXPECT_EQ(file->durable_offset(), 0u);
}

TEST_F(PosixFiles, AnErrorOfEarlyWriteBackCounts) {
  auto file = Create();
  faults.write_back_error = EIO;
  const absl::Status error = file->Append(std::string(2 << 20, 'x'));
  EXPECT_TRUE(absl::IsInternal(error)) << error;
  EXPECT_EQ(file->Sync(), error);
}

TEST_F(PosixFiles, AFileSystemWithoutEarlyWriteBackIsAskedOnce) {
  auto file = Create();
  faults.write_back_error = ENOSYS;
  for (int i = 0; i < 3; i++) ASSERT_TRUE(file->Append(std::string(1 << 20, 'x')).ok());
  EXPECT_EQ(faults.write_backs.size(), 1u);
  EXPECT_TRUE(file->Sync().ok());
}

TEST_F(PosixFiles, RunningOutOfDescriptorsIsResourceExhausted) {
  // UndefinedBehaviorSanitizer, too, wants descriptors when it sees a kind of object for the first
  // time: everything is touched before there are none.
  FileSystem& files = fs_;
  const std::string path = Path("g");
  ASSERT_TRUE(files.CreateLogFile(Path("f")).ok());
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = files.CreateLogFile(path).status();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(IsTooManyFiles(status)) << status;
}

// Takes the lock in a forked process, which then waits until it is killed.
pid_t HoldInChild(const std::string& path) {
  int ready[2];
  if (::pipe(ready) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    PosixFileSystem fs;
    auto lock = fs.Lock(path, "the child");
    const char told = lock.ok() ? 'y' : 'n';
    if (::write(ready[1], &told, 1) == 1) ::pause();
    ::_exit(0);
  }
  char told = '?';
  EXPECT_EQ(::read(ready[0], &told, 1), 1);
  EXPECT_EQ(told, 'y');
  ::close(ready[0]);
  ::close(ready[1]);
  return child;
}

TEST_F(PosixFiles, ALockOfAnotherProcessHoldsUntilThatDies) {
  const pid_t child = HoldInChild(Path("LOCK"));
  ASSERT_GT(child, 0);
  const absl::Status held = fs_.Lock(Path("LOCK"), "me").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(held)) << held;
  EXPECT_EQ(held.message(), Path("LOCK") + ": lock: held by \"the child\"");
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(fs_.Lock(Path("LOCK"), "me").ok());
}

TEST_F(PosixFiles, ALockOfThisProcessExcludesOthers) {
  auto lock = fs_.Lock(Path("LOCK"), "the parent");
  ASSERT_TRUE(lock.ok());
  const pid_t child = ::fork();
  if (child == 0) {
    PosixFileSystem fs;
    ::_exit(absl::IsFailedPrecondition(fs.Lock(Path("LOCK"), "the child").status()) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace lumen
