// Goal: MemoryFileSystem answers as Linux does, including in the corners that nobody thought of.
// Method: random sequences of operations on few names, on both; every result, error message and
// byte read must be the same.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/env/posix_file_system.h"
#include "engine/env/seeded_random.h"
#include "engine/env/temporary_directory.h"
#include "engine/format/crc32c.h"
#include "engine/memory_file_system.h"
#include "gtest/gtest.h"

namespace lumen {
namespace {

constexpr int kSequences = 30;
constexpr int kOperations = 1000;
constexpr size_t kSlots = 4;

// One operation, decided before either file system sees it.
struct Command {
  uint64_t kind;
  std::string path, other;
  size_t slot;
  uint64_t offset;
  size_t length;
};

// Carries commands out on one file system, and says in text what came of each.
class Runner {
 public:
  Runner(FileSystem& fs, std::string root) : fs_(fs), root_(std::move(root)) {}

  std::string Run(const Command& command);

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
  std::string Number(const absl::StatusOr<uint64_t>& result) const {
    return result.ok() ? std::to_string(*result) : Show(result.status());
  }
  std::string RunOnLog(const Command& command);
  std::string Read(const Command& command);
  std::string List(const std::string& name);

  FileSystem& fs_;
  const std::string root_;
  std::unique_ptr<LogFile> logs_[kSlots];
  std::unique_ptr<ReadFile> readers_[kSlots];
  std::unique_ptr<FileLock> locks_[kSlots];
};

constexpr uint64_t kKinds = 34;

std::string Runner::Run(const Command& command) {
  const std::string path = Path(command.path), other = Path(command.other);
  if (command.kind < 10) return RunOnLog(command);
  switch (command.kind) {
    case 10:
    case 11:
    case 12:
      return Keep(logs_[command.slot], fs_.CreateLogFile(path));
    case 13:
    case 14:
      return Keep(readers_[command.slot], fs_.OpenReadFile(path));
    case 15:
    case 16:
    case 17:
      return Read(command);
    case 18:
    case 19:
    case 20:
      return Show(fs_.Rename(path, other));
    case 21:
      return Show(fs_.Link(path, other));
    case 22:
    case 23:
      return Show(fs_.Remove(path));
    case 24:
    case 25:
      return Show(fs_.CreateDirectory(path));
    case 26:
      return Show(fs_.RemoveDirectory(path));
    case 27:
    case 28:
      return List(command.path);
    case 29:
      return Number(fs_.FileSize(path));
    case 30:
      return Keep(locks_[command.slot], fs_.Lock(path, "owner of " + command.other));
    case 31:
    case 32:
      return locks_[command.slot] == nullptr ? "no lock" : Show(locks_[command.slot]->StillHeld());
    default:
      locks_[command.slot].reset();
      return Show(fs_.SyncDirectory(path));
  }
}

std::string Runner::RunOnLog(const Command& command) {
  LogFile* log = logs_[command.slot].get();
  if (log == nullptr) return "no log";
  absl::Status status;
  if (command.kind < 8) {
    const std::string data(command.length, static_cast<char>('a' + command.offset % 26));
    status = log->Append(data);
  } else if (command.kind == 8) {
    status = log->Allocate(command.offset);
  } else if (command.offset % 8 == 0) {
    status = log->Sync();
  } else {
    logs_[command.slot].reset();
    return "closed";
  }
  return Show(status) + " at " + std::to_string(log->offset()) + ", durable " +
         std::to_string(log->durable_offset());
}

std::string Runner::Read(const Command& command) {
  const ReadFile* reader = readers_[command.slot].get();
  if (reader == nullptr) return "no reader";
  std::string out(command.length, '?');
  const auto bytes = reader->ReadAt(command.offset, out);
  if (!bytes.ok()) return Show(bytes.status());
  const auto view = reader->View(command.offset, command.length);
  EXPECT_TRUE(!view.has_value() || *view == out);
  return std::to_string(*bytes) + " of " + std::to_string(reader->size()) + ", checksum " +
         std::to_string(Crc32c(out));
}

std::string Runner::List(const std::string& name) {
  const auto names = fs_.List(Path(name));
  if (!names.ok()) return Show(names.status());
  std::string text;
  for (const std::string& each : *names) text += each + " ";
  return text;
}

Command RandomCommand(SeededRandom& random) {
  static const std::vector<std::string> kPaths = {"a",
                                                  "b",
                                                  "c",
                                                  "d",
                                                  "a/a",
                                                  "a/b",
                                                  "a//b",
                                                  "b/a",
                                                  "b/b",
                                                  "a/a/a",
                                                  "a/b/a",
                                                  "./a/./a",
                                                  "b/b/b",
                                                  std::string(256, 'n'),
                                                  "d/" + std::string(255, 'n')};
  // Two commands in three stay within one chunk of memory, or of the kernel's pages.
  const uint64_t largest = random.Below(3) == 0 ? 150'000 : 3000;
  return {.kind = random.Below(kKinds),
          .path = kPaths[random.Below(kPaths.size())],
          .other = kPaths[random.Below(kPaths.size())],
          .slot = random.Below(kSlots),
          .offset = random.Below(largest),
          .length = random.Below(largest)};
}

uint64_t FirstSeed() {
  const char* given = std::getenv("LUMEN_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

TEST(FileSystemModel, MemoryAndDiskGiveTheSameAnswers) {
  const uint64_t first = FirstSeed();
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + kSequences - 1));
  std::map<std::string, int> succeeded;
  for (uint64_t seed = first; seed < first + kSequences; seed++) {
    TemporaryDirectory directory;
    PosixFileSystem posix;
    MemoryFileSystem memory;
    Runner on_disk(posix, directory.path()), in_memory(memory, "");
    SeededRandom random(seed);
    for (int i = 0; i < kOperations; i++) {
      const Command command = RandomCommand(random);
      const std::string expected = on_disk.Run(command);
      ASSERT_EQ(in_memory.Run(command), expected)
          << "operation " << i << ", kind " << command.kind << " of " << command.path << " and "
          << command.other << "; replay: LUMEN_SEED=" << seed << " file_system_model_test";
      succeeded[expected.substr(0, expected.find(':'))]++;
    }
  }
  // The sequences reach both sides of the contract, not one of them over and over.
  EXPECT_GT(succeeded["OK"], kSequences * kOperations / 20);
  for (const char* code :
       {"NOT_FOUND", "ALREADY_EXISTS", "INTERNAL", "PERMISSION_DENIED", "FAILED_PRECONDITION"}) {
    EXPECT_GT(succeeded[code], 0) << code;
  }
}

}  // namespace
}  // namespace lumen
