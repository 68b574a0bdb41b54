#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"

// What the engine's crash and error tests share: a workload that reaches every kind of file
// operation, the memory of what it was told, and the oracle that says what may be found afterwards.
namespace lumen {

using Content = std::map<std::string, std::string>;
using Crash = MemoryFileSystem::Crash;

// Every limit so small that a hundred writes rotate, flush and compact.
Options TinyOptions();

WriteBatch PutBatch(std::string_view key, std::string_view value);
WriteBatch DeleteBatch(std::string_view key);

// Whether an operation changes what is on the disk, or what of it is durable.
bool Changes(MemoryFileSystem::Operation operation);

// All writes asked for, in commit order, and what became of them as far as anyone was told.
class History {
 public:
  using Write = std::vector<std::pair<std::string, std::optional<std::string>>>;  // empty: delete

  size_t Ask(Write write, Durability durability);
  void Tell(size_t index, const absl::StatusOr<WriteResult>& result);

  // What readers must see until the process dies: what was acknowledged, nothing else.
  Content Visible() const;
  // Empty where an Open after `crash` may find `found`: the state after a prefix of the commit
  // order that covers what that crash must leave. Otherwise what is wrong.
  std::string Judge(const Content& found, Crash crash) const;
  // `found` passed Judge and is durable by now: what it lacks never happened.
  void Settle(const Content& found);

  // Of Tell: answers that no order of events explains, such as a sequence number handed out twice.
  const std::string& contradiction() const { return contradiction_; }
  size_t acknowledged() const { return acknowledged_; }

 private:
  enum class Told : uint8_t { kNothing, kAcknowledged, kRefused };
  struct Entry {
    Write write;
    Durability durability;
    Told told = Told::kNothing;
  };

  std::vector<Entry> entries_;  // since settled_
  size_t settled_count_ = 0;
  Content settled_;
  std::set<uint64_t> sequences_;
  std::string contradiction_;
  size_t acknowledged_ = 0;
};

// All that gets and both scans say of /db; an error where they disagree or fail.
absl::StatusOr<Content> ReadContent(Engine& engine);

// A database in simulation on some file system, in one process after another.
class TestDatabase {
 public:
  struct Work {
    uint64_t opens = 0;
    uint64_t flushes = 0;
    uint64_t compactions = 0;
    uint64_t wal_segments = 0;
    uint64_t levels = 0;  // the most that held tables at once
  };

  // Borrows `files`.
  TestDatabase(FileSystem& files, uint64_t seed, Options options = TinyOptions(),
               std::string directory = "/db");
  ~TestDatabase();

  // A new process opens the database.
  absl::Status Open();
  // The process ends, without a clean close where the files refuse one.
  void Leave();

  bool is_open() const { return engine_ != nullptr; }
  bool engine_is_read_only() const {
    return is_open() && !engine_->GetStats().sticky_error.empty();
  }
  Engine& engine() { return *engine_; }
  SimulatedEnvironment& environment() { return *environment_; }
  History& history() { return history_; }
  FileSystem& files() { return files_; }
  // Of all processes that have left.
  const Work& work() const { return work_; }

  // Through the history.
  absl::Status Write(History::Write write, Durability durability);
  // Queues it; AwaitAll returns once every queued write has its answer.
  void WriteAsync(History::Write write, Durability durability);
  void AwaitAll();

 private:
  FileSystem& files_;
  const Options options_;
  const std::string directory_;
  uint64_t seed_;
  History history_;
  Work work_;
  int under_way_ = 0;
  std::unique_ptr<SimulatedEnvironment> environment_;
  std::unique_ptr<Engine> engine_;
};

// One run through everything an engine does, the same for the same script:
//   p a d m   a put with sync, one without, a delete, a batch of three
//   w         seven asynchronous writes at once
//   F C Q K   flush, compact, wait for quiescence, checkpoint
//   G         get and scan everything
//   R         close and open again
class Workload {
 public:
  struct CheckpointTaken {
    std::string directory;
    Content content;
    bool acknowledged = false;
  };

  Workload(TestDatabase& database, std::string script)
      : database_(database), script_(std::move(script)) {}

  // What the next open is judged by; a process crash unless told otherwise.
  void set_last_crash(Crash crash) { last_crash_ = crash; }

  // Runs the next letter. False: the script is over, or the database does not open.
  bool Step();
  // Compares what a running engine shows with what it acknowledged.
  void CompareReads();
  // Opens the database, trying again where an injected error failed it.
  bool EnsureOpen();

  size_t position() const { return position_; }
  const std::vector<CheckpointTaken>& checkpoints() const { return checkpoints_; }
  // What is wrong whatever faults there were.
  const std::vector<std::string>& errors() const { return errors_; }
  // What the last call that failed said.
  const absl::Status& last_error() const { return last_error_; }

 private:
  History::Write NextWrite(char letter);
  std::string NextKey();
  std::string NextValue();
  void Note(const absl::Status& status);
  void TakeCheckpoint();

  TestDatabase& database_;
  const std::string script_;
  size_t position_ = 0;
  Crash last_crash_ = Crash::kProcess;
  uint64_t count_ = 0;
  std::vector<CheckpointTaken> checkpoints_;
  std::vector<std::string> errors_;
  absl::Status last_error_;
};

// Opens /db on `files` as a machine finds it after `crash`, and puts the engine to the proof:
// content, no file that nothing names, new writes, flush, compaction, clean close, reopen. Empty:
// all is well. Otherwise what is wrong.
std::string ProveRecovery(FileSystem& files, const History& history, Crash crash, uint64_t seed);
// The same of the checkpoints that were taken or under way.
std::string ProveCheckpoints(FileSystem& files,
                             const std::vector<Workload::CheckpointTaken>& checkpoints,
                             uint64_t seed);
// Names in `directory` that a database which has just been opened must not have; empty when there
// are none.
std::string Orphans(FileSystem& files, const std::string& directory, Engine& engine);

}  // namespace lumen
