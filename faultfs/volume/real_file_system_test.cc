// Goal: programs cannot tell a Volume from a real file system, as long as nothing crashes; and the
// history tells everything that happened.
// Method: random sequences of calls on few names, on a Volume and on the file system of this
// machine; every status, message, name, size and byte must be the same. Then the history is carried
// out on the start image by the few lines of Replay() below, and must give what programs see.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/check.h"
#include "engine/posix_environment.h"
#include "faultfs/volume.h"
#include "gtest/gtest.h"
#include "rapidcheck.h"

namespace lumen::faultfs {
namespace {

constexpr int kSequences = 150;
constexpr int kMostLength = 2000;
constexpr size_t kSlots = 4;
constexpr const char* kKindNames[] = {
    "append", "append", "append", "append", "allocate", "sync",   "close",   "create",
    "create", "create", "open",   "open",   "read",     "read",   "view",    "rename",
    "rename", "rename", "link",   "remove", "remove",   "mkdir",  "mkdir",   "rmdir",
    "list",   "exists", "size",   "lock",   "held",     "unlock", "syncdir", "kill"};
constexpr size_t kKinds = std::size(kKindNames);

struct Command {
  size_t kind = 0;
  std::string path, other;
  size_t slot = 0;
  uint64_t offset = 0;
  size_t length = 0;

  std::string name() const { return kKindNames[kind]; }
};

std::ostream& operator<<(std::ostream& out, const Command& command) {
  return out << command.name() << " " << command.path.substr(0, 20) << " "
             << command.other.substr(0, 20) << " slot " << command.slot << " @" << command.offset
             << " +" << command.length;
}

// An empty directory, in memory where this machine has that, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    path_ = (usable ? memory : std::filesystem::temp_directory_path()) / "faultfs_test_XXXXXX";
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Carries commands out on one file system, and says in text what came of each.
class Runner {
 public:
  Runner(FileSystem* files, std::string root) : files_(files), root_(std::move(root)) {}

  std::string Run(const Command& command);
  void Close(const Command& command) { logs_[command.slot].reset(); }
  void CloseAll();
  void Use(FileSystem* files) { files_ = files; }

 private:
  std::string Path(const std::string& name) const { return root_ + "/" + name; }
  // Without the root, which differs.
  std::string Show(const absl::Status& status) const {
    std::string text = status.ToString();
    while (!root_.empty() && text.find(root_) != std::string::npos) {
      text.erase(text.find(root_), root_.size());
    }
    return text;
  }
  template <typename Slot, typename Result>
  std::string Keep(Slot& slot, Result result) {
    if (result.ok()) slot = *std::move(result);
    return Show(result.status());
  }
  std::string RunOnLog(const Command& command);
  std::string Read(const Command& command);
  std::string List(const std::string& name);

  FileSystem* files_;
  const std::string root_;
  std::unique_ptr<LogFile> logs_[kSlots];
  std::unique_ptr<ReadFile> readers_[kSlots];
  std::unique_ptr<FileLock> locks_[kSlots];
};

void Runner::CloseAll() {
  for (auto& log : logs_) log.reset();
  for (auto& reader : readers_) reader.reset();
  for (auto& lock : locks_) lock.reset();
}

std::string Runner::Run(const Command& command) {
  const std::string name = command.name();
  const std::string path = Path(command.path), other = Path(command.other);
  if (name == "append" || name == "allocate" || name == "sync") return RunOnLog(command);
  if (name == "close") return Close(command), "closed";
  if (name == "create") return Keep(logs_[command.slot], files_->CreateLogFile(path));
  if (name == "open") return Keep(readers_[command.slot], files_->OpenReadFile(path));
  if (name == "read" || name == "view") return Read(command);
  if (name == "rename") return Show(files_->Rename(path, other));
  if (name == "link") return Show(files_->Link(path, other));
  if (name == "remove") return Show(files_->Remove(path));
  if (name == "mkdir") return Show(files_->CreateDirectory(path));
  if (name == "rmdir") return Show(files_->RemoveDirectory(path));
  if (name == "list") return List(command.path == "d" ? "" : command.path);
  if (name == "lock") {
    return Keep(locks_[command.slot], files_->Lock(path, "owner of " + command.other));
  }
  if (name == "held") {
    const FileLock* lock = locks_[command.slot].get();
    return lock == nullptr ? "no lock" : Show(lock->StillHeld());
  }
  if (name == "unlock") return locks_[command.slot].reset(), "unlocked";
  if (name == "syncdir") return Show(files_->SyncDirectory(path));
  if (name == "exists") {
    const auto exists = files_->Exists(path);
    return exists.ok() ? (*exists ? "yes" : "no") : Show(exists.status());
  }
  CHECK(name == "size");
  const auto size = files_->FileSize(path);
  return size.ok() ? std::to_string(*size) : Show(size.status());
}

std::string Runner::RunOnLog(const Command& command) {
  LogFile* log = logs_[command.slot].get();
  if (log == nullptr) return Keep(logs_[command.slot], files_->CreateLogFile(Path(command.path)));
  absl::Status status;
  if (command.name() == "append") {
    status = log->Append(std::string(command.length, static_cast<char>('a' + command.offset % 26)));
  } else {
    status = command.name() == "sync" ? log->Sync() : log->Allocate(command.offset);
  }
  return Show(status) + " at " + std::to_string(log->offset()) + ", durable " +
         std::to_string(log->durable_offset());
}

std::string Runner::Read(const Command& command) {
  const ReadFile* reader = readers_[command.slot].get();
  if (reader == nullptr) {
    return Keep(readers_[command.slot], files_->OpenReadFile(Path(command.path)));
  }
  std::string out(command.length, '?');
  const auto bytes = reader->ReadAt(command.offset, out);
  if (!bytes.ok()) return Show(bytes.status());
  const auto view = reader->View(command.offset, command.length);
  RC_ASSERT(!view.has_value() || *view == out);
  return std::to_string(*bytes) + " of " + std::to_string(reader->size()) + ": " + out;
}

std::string Runner::List(const std::string& name) {
  const auto names = files_->List(Path(name));
  if (!names.ok()) return Show(names.status());
  std::string text = "names:";
  for (const std::string& each : *names) text += " " + each;
  return text;
}

rc::Gen<Command> AnyCommand() {
  static const std::vector<std::string> kPaths = {
      "a",    "b",   "c",       "d",     "e",
      "f",    "g",   "h",       "a/a",   "a/b",
      "a//b", "b/a", "./a/./a", "a/b/a", std::string(256, 'n')};
  // Two in three stay within a chunk of the image, or a page of the kernel's.
  const auto amount =
      rc::gen::oneOf(rc::gen::inRange<uint64_t>(0, 2000), rc::gen::inRange<uint64_t>(0, 2000),
                     rc::gen::inRange<uint64_t>(0, 50'000));
  const auto command =
      rc::gen::build<Command>(rc::gen::set(&Command::kind, rc::gen::inRange<size_t>(0, kKinds)),
                              rc::gen::set(&Command::path, rc::gen::elementOf(kPaths)),
                              rc::gen::set(&Command::other, rc::gen::elementOf(kPaths)),
                              rc::gen::set(&Command::slot, rc::gen::inRange<size_t>(0, kSlots)),
                              rc::gen::set(&Command::offset, amount),
                              rc::gen::set(&Command::length, rc::gen::cast<size_t>(amount)));
  return rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, command));
}

// What a history does, in as few lines as possible.
DiskImage Replay(DiskImage image, const std::vector<Operation>& history) {
  for (const Operation& operation : history) {
    const InodeNumber inode = operation.inode;
    switch (operation.kind) {
      case OperationKind::kCreate:
        image.AddFile(inode);
        image.SetEntry(operation.directory, operation.name, inode);
        break;
      case OperationKind::kMakeDirectory:
        image.AddDirectory(inode);
        image.SetEntry(operation.directory, operation.name, inode);
        break;
      case OperationKind::kLink:
        image.SetEntry(operation.directory, operation.name, inode);
        break;
      case OperationKind::kUnlink:
      case OperationKind::kRemoveDirectory:
        RC_ASSERT(image.Entry(operation.directory, operation.name) == inode);
        image.SetEntry(operation.directory, operation.name, 0);
        break;
      case OperationKind::kRename:
        RC_ASSERT(image.Entry(operation.directory, operation.name) == inode);
        RC_ASSERT(image.Entry(operation.to_directory, operation.to_name) == operation.replaced);
        image.SetEntry(operation.directory, operation.name, 0);
        image.SetEntry(operation.to_directory, operation.to_name, inode);
        break;
      case OperationKind::kAllocate:
        RC_ASSERT(operation.size > image.File(inode)->size());
        image.MutableFile(inode).Resize(operation.size);
        break;
      case OperationKind::kAppend:
        image.MutableFile(inode).Write(operation.offset, *operation.data);
        RC_ASSERT(operation.size == image.File(inode)->size());
        break;
      case OperationKind::kSync:
      case OperationKind::kSyncDirectory:
        break;
      case OperationKind::kDamage:
        RC_FAIL("damage without a fault");
    }
  }
  return image;
}

uint64_t Seed() {
  const char* given = std::getenv("LUMEN_PROPTEST_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

struct Tally {
  uint64_t operations = 0;
  uint64_t not_modelled = 0;
  std::map<std::string, uint64_t> answers;  // by their first word
};

// A Volume and the machine, given the same commands.
class Comparison {
 public:
  explicit Comparison(Tally& tally) : tally_(tally) {}

  void Run(const Command& command);
  void CheckHistory() const;

 private:
  void Kill();

  Tally& tally_;
  ScratchDirectory directory_;
  PosixEnvironment posix_;
  Volume volume_;
  std::unique_ptr<Volume::Process> process_ = volume_.Start();
  Runner real_{&posix_.environment().file_system, directory_.path()};
  Runner simulated_{process_.get(), ""};
};

void Comparison::Kill() {
  process_->Kill();
  std::unique_ptr<Volume::Process> next = volume_.Start();
  simulated_.Use(next.get());
  for (Runner* runner : {&real_, &simulated_}) runner->CloseAll();
  process_ = std::move(next);
}

void Comparison::Run(const Command& command) {
  ++tally_.operations;
  if (command.name() == "kill") return Kill();
  const std::string answer = simulated_.Run(command);
  ++tally_.answers[answer.substr(0, answer.find_first_of(": "))];
  if (answer.starts_with("UNIMPLEMENTED")) {
    ++tally_.not_modelled;
    for (Runner* runner : {&real_, &simulated_}) runner->Close(command);
    return;
  }
  RC_ASSERT(answer == real_.Run(command));
}

void Comparison::CheckHistory() const {
  const DiskImage replayed = Replay(volume_.start(), volume_.history());
  RC_ASSERT(replayed.Plain() == volume_.current().Plain());
  RC_ASSERT(replayed.hash() == volume_.current().hash());
  RC_ASSERT(DiskImage::FromPlain(replayed.Plain()).hash() == replayed.hash());
}

void Print(const Tally& tally) {
  std::printf("%llu operations, %llu of them not modelled\n",
              static_cast<unsigned long long>(tally.operations),
              static_cast<unsigned long long>(tally.not_modelled));
  for (const auto& [answer, count] : tally.answers) {
    if (count < 100) continue;
    std::printf("  %s %llu\n", answer.c_str(), static_cast<unsigned long long>(count));
  }
}

TEST(RealFileSystem, GivesTheSameAnswersAsAVolume) {
  Tally tally;
  rc::detail::TestParams params;
  params.seed = Seed();
  params.maxSuccess = kSequences;
  std::printf("LUMEN_PROPTEST_SEED=%llu\n", static_cast<unsigned long long>(params.seed));
  const auto property = [&] {
    const auto commands =
        *rc::gen::resize(kMostLength, rc::gen::container<std::vector<Command>>(AnyCommand()));
    Comparison comparison(tally);
    for (const Command& command : commands) comparison.Run(command);
    comparison.CheckHistory();
  };
  const auto result =
      rc::detail::checkTestable(property, rc::detail::TestMetadata{"volume", "volume"}, params);
  rc::detail::printResultMessage(result, std::cerr);
  ASSERT_TRUE(result.is<rc::detail::SuccessResult>());
  Print(tally);
  EXPECT_GE(tally.operations - tally.not_modelled, 100'000u);
  // The sequences reach both sides of the contract, not one of them over and over.
  EXPECT_GT(tally.answers["OK"], tally.operations / 20);
  for (const char* code : {"NOT_FOUND", "ALREADY_EXISTS", "INTERNAL", "PERMISSION_DENIED",
                           "FAILED_PRECONDITION", "names", "yes", "no"}) {
    EXPECT_GT(tally.answers[code], 0u) << code;
  }
}

}  // namespace
}  // namespace lumen::faultfs
