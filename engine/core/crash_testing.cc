#include "engine/core/crash_testing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/manifest/version_edit.h"

namespace lumen {
namespace {

constexpr uint64_t kKeys = 100;
// More than the errors that any test injects at once.
constexpr int kMostOpenAttempts = 60;

void Apply(const History::Write& write, Content& content) {
  for (const auto& [key, value] : write) {
    if (value.has_value()) {
      content[key] = *value;
    } else {
      content.erase(key);
    }
  }
}

WriteBatch ToBatch(const History::Write& write) {
  WriteBatch batch;
  for (const auto& [key, value] : write) {
    if (value.has_value()) {
      batch.Put(key, *value);
    } else {
      batch.Delete(key);
    }
  }
  return batch;
}

// The first difference, for people.
std::string Difference(const Content& found, const Content& expected) {
  for (const auto& [key, value] : expected) {
    const auto at = found.find(key);
    if (at == found.end()) return absl::StrCat(key, " is missing, should be ", value.substr(0, 12));
    if (at->second != value) {
      return absl::StrCat(key, " is ", at->second.substr(0, 12), ", should be ",
                          value.substr(0, 12));
    }
  }
  for (const auto& [key, value] : found) {
    if (!expected.contains(key)) {
      return absl::StrCat(key, " is ", value.substr(0, 12), ", should be absent");
    }
  }
  return "no difference";
}

}  // namespace

Options TinyOptions() {
  Options options;
  options.memory_budget_bytes = 256 << 10;
  options.memtable_bytes = 4 << 10;
  options.wal_segment_bytes = 64 << 10;
  options.block_bytes = 1024;
  options.table_bytes = 2 << 10;
  options.level0_runs = 2;
  options.level0_bytes = 64 << 10;
  options.base_level_bytes = 2 << 10;
  options.level_fanout = 4;
  options.stall_debt_bytes = 1 << 20;
  return options;
}

WriteBatch PutBatch(std::string_view key, std::string_view value) {
  WriteBatch batch;
  batch.Put(key, value);
  return batch;
}

WriteBatch DeleteBatch(std::string_view key) {
  WriteBatch batch;
  batch.Delete(key);
  return batch;
}

bool Changes(MemoryFileSystem::Operation operation) {
  using Operation = MemoryFileSystem::Operation;
  switch (operation) {
    case Operation::kCreate:
    case Operation::kAllocate:
    case Operation::kAppend:
    case Operation::kSync:
    case Operation::kRename:
    case Operation::kLink:
    case Operation::kRemove:
    case Operation::kCreateDirectory:
    case Operation::kRemoveDirectory:
    case Operation::kSyncDirectory:
      return true;
    default:
      return false;
  }
}

// ---- History

size_t History::Ask(Write write, Durability durability) {
  entries_.push_back({std::move(write), durability});
  return settled_count_ + entries_.size() - 1;
}

void History::Tell(size_t index, const absl::StatusOr<WriteResult>& result) {
  CHECK(index >= settled_count_);
  Entry& entry = entries_[index - settled_count_];
  if (!result.ok()) {
    // Every code but this one says that nothing was written.
    if (result.status().code() != absl::StatusCode::kUnknown) entry.told = Told::kRefused;
    return;
  }
  ++acknowledged_;
  entry.told = Told::kAcknowledged;
  for (uint64_t i = 0; i < entry.write.size(); ++i) {
    if (!sequences_.insert(result->sequence + i).second) {
      contradiction_ = absl::StrCat("sequence ", result->sequence + i, " handed out twice");
    }
  }
  if (entry.durability == Durability::kSync &&
      result->durable_sequence < result->sequence + entry.write.size() - 1) {
    contradiction_ = absl::StrCat("write ", result->sequence, " acknowledged with sync while only ",
                                  result->durable_sequence, " is durable");
  }
}

Content History::Visible() const {
  Content content = settled_;
  for (const Entry& entry : entries_) {
    if (entry.told == Told::kAcknowledged) Apply(entry.write, content);
  }
  return content;
}

std::string History::Judge(const Content& found, Crash crash) const {
  size_t least = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const bool survives = crash == Crash::kProcess || entries_[i].durability == Durability::kSync;
    if (entries_[i].told == Told::kAcknowledged && survives) least = i + 1;
  }
  Content content = settled_;
  std::string first_difference;
  for (size_t i = 0;; ++i) {
    if (i >= least) {
      if (content == found) return "";
      if (first_difference.empty()) first_difference = Difference(found, content);
    }
    if (i == entries_.size()) break;
    if (entries_[i].told != Told::kRefused) Apply(entries_[i].write, content);
  }
  return absl::StrCat("no prefix of the ", entries_.size(), " writes that covers the first ", least,
                      " explains what is there: after these, ", first_difference);
}

void History::Settle(const Content& found) {
  settled_count_ += entries_.size();
  entries_.clear();
  settled_ = found;
}

// ---- TestDatabase

absl::StatusOr<Content> ReadContent(Engine& engine) {
  Content forward, backward;
  const auto iterator = engine.NewIterator({});
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    if (!forward.empty() && iterator->key() <= forward.rbegin()->first) {
      return absl::DataLossError("the forward scan is out of order");
    }
    forward.emplace(iterator->key(), iterator->value());
  }
  RETURN_IF_ERROR(iterator->status());
  for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
    backward.emplace(iterator->key(), iterator->value());
  }
  RETURN_IF_ERROR(iterator->status());
  if (forward != backward) {
    return absl::DataLossError(
        absl::StrCat("the scans disagree: backward, ", Difference(backward, forward)));
  }
  for (uint64_t i = 0; i < kKeys; ++i) {
    const std::string key = absl::StrCat("key", 100 + i);
    ASSIGN_OR_RETURN(const std::optional<GetResult> got, engine.Get(key));
    const auto scanned = forward.find(key);
    const bool same = got.has_value() ? scanned != forward.end() && scanned->second == got->value
                                      : scanned == forward.end();
    if (!same) return absl::DataLossError(absl::StrCat("get and scan disagree on ", key));
  }
  return forward;
}

TestDatabase::TestDatabase(FileSystem& files, uint64_t seed, Options options, std::string directory)
    : files_(files), options_(std::move(options)), directory_(std::move(directory)), seed_(seed) {}

TestDatabase::~TestDatabase() { Leave(); }

absl::Status TestDatabase::Open() {
  Leave();
  environment_ = std::make_unique<SimulatedEnvironment>(++seed_, files_);
  auto opened = Engine::Open(options_, directory_, environment_->environment());
  if (!opened.ok()) {
    environment_.reset();
    return opened.status();
  }
  engine_ = *std::move(opened);
  return absl::OkStatus();
}

void TestDatabase::Leave() {
  if (engine_ != nullptr) {
    const Stats stats = engine_->GetStats();
    ++work_.opens;
    work_.flushes += stats.flushes;
    work_.compactions += stats.compactions;
    work_.wal_segments += stats.wal_segments;
    const auto levels = static_cast<uint64_t>(
        std::count_if(stats.levels.begin(), stats.levels.end(),
                      [](const LevelStats& level) { return level.files > 0; }));
    work_.levels = std::max(work_.levels, levels);
  }
  engine_.reset();
  environment_.reset();
}

absl::Status TestDatabase::Write(History::Write write, Durability durability) {
  const WriteBatch batch = ToBatch(write);
  const size_t index = history_.Ask(std::move(write), durability);
  WriteOptions options;
  options.durability = durability;
  const absl::StatusOr<WriteResult> result = engine_->Write(batch, options);
  history_.Tell(index, result);
  return result.status();
}

void TestDatabase::WriteAsync(History::Write write, Durability durability) {
  WriteBatch batch = ToBatch(write);
  const size_t index = history_.Ask(std::move(write), durability);
  WriteOptions options;
  options.durability = durability;
  ++under_way_;
  engine_->WriteAsync(std::move(batch), std::move(options),
                      [this, index](const absl::StatusOr<WriteResult>& result) {
                        --under_way_;
                        history_.Tell(index, result);
                      });
}

void TestDatabase::AwaitAll() {
  while (under_way_ > 0) CHECK(environment_->RunOne());
}

// ---- Workload

bool Workload::EnsureOpen() {
  for (int attempt = 0; !database_.is_open() && attempt < kMostOpenAttempts; ++attempt) {
    Note(database_.Open());
    if (!database_.is_open()) continue;
    const absl::StatusOr<Content> content = ReadContent(database_.engine());
    if (!content.ok()) {
      // One injected error may hit a read; the next one must not.
      Note(content.status());
      database_.Leave();
      continue;
    }
    const std::string verdict = database_.history().Judge(*content, last_crash_);
    if (!verdict.empty()) errors_.push_back("after a reopen: " + verdict);
    database_.history().Settle(*content);
    last_crash_ = Crash::kProcess;
  }
  return database_.is_open();
}

bool Workload::Step() {
  if (position_ == script_.size() || !EnsureOpen()) return false;
  const char letter = script_[position_++];
  Engine& engine = database_.engine();
  switch (letter) {
    case 'p':
    case 'd':
    case 'm':
      Note(database_.Write(NextWrite(letter), Durability::kSync));
      break;
    case 'a':
      Note(database_.Write(NextWrite('p'), Durability::kAsync));
      break;
    case 'w':
      for (const char each : {'p', 'm', 'd', 'p', 'p', 'm', 'p'}) {
        const bool sync = ++count_ % 3 == 0;
        database_.WriteAsync(NextWrite(each), sync ? Durability::kSync : Durability::kAsync);
      }
      database_.AwaitAll();
      break;
    case 'F':
      Note(engine.Flush());
      break;
    case 'C':
      Note(engine.Compact());
      break;
    case 'Q':
      Note(engine.WaitForQuiescence());
      break;
    case 'K':
      TakeCheckpoint();
      break;
    case 'G':
      CompareReads();
      break;
    case 'R':
      Note(engine.Close());
      database_.Leave();
      break;
    default:
      CHECK(false);
  }
  return true;
}

void Workload::Note(const absl::Status& status) {
  if (!status.ok()) last_error_ = status;
}

std::string Workload::NextKey() {
  // Multiplying by a prime visits every key without a pattern.
  return absl::StrCat("key", 100 + (++count_ * 7919) % kKeys);
}

std::string Workload::NextValue() {
  const std::string head = absl::StrCat("v", ++count_, ".");
  return head + std::string(20 + count_ * 31 % 240, static_cast<char>('a' + count_ % 26));
}

History::Write Workload::NextWrite(char letter) {
  switch (letter) {
    case 'd':
      return {{NextKey(), std::nullopt}};
    case 'm': {
      History::Write write;
      write.emplace_back(NextKey(), NextValue());
      write.emplace_back(NextKey(), std::nullopt);
      write.emplace_back(NextKey(), NextValue());
      return write;
    }
    default: {
      History::Write write;
      write.emplace_back(NextKey(), NextValue());
      return write;
    }
  }
}

void Workload::CompareReads() {
  const absl::StatusOr<Content> content = ReadContent(database_.engine());
  Note(content.status());
  if (!content.ok()) {
    if (absl::IsDataLoss(content.status())) errors_.emplace_back(content.status().message());
    return;
  }
  const Content expected = database_.history().Visible();
  if (*content != expected) {
    errors_.push_back("a running engine: " + Difference(*content, expected));
  }
}

void Workload::TakeCheckpoint() {
  const std::string directory = absl::StrCat("/copies/", checkpoints_.size(), "/db");
  checkpoints_.push_back({directory, database_.history().Visible()});
  const absl::Status status = database_.engine().Checkpoint(directory);
  Note(status);
  checkpoints_.back().acknowledged = status.ok();
}

// ---- proofs

std::string Orphans(FileSystem& files, const std::string& directory, Engine& engine) {
  const auto names = files.List(directory);
  if (!names.ok()) return std::string(names.status().message());
  std::map<FileKind, int> count;
  for (const std::string& name : *names) ++count[ParseFileName(name).kind];
  int tables = 0;
  for (const LevelStats& level : engine.GetStats().levels) tables += level.files;
  std::string all;
  for (const std::string& name : *names) absl::StrAppend(&all, " ", name);
  const bool exact = count[FileKind::kTable] == tables && count[FileKind::kManifest] == 1 &&
                     count[FileKind::kWal] == 1 && count[FileKind::kCurrent] == 1 &&
                     count[FileKind::kTemporary] == 0;
  if (exact) return "";
  return absl::StrCat(directory, " should hold ", tables,
                      " tables, one WAL segment, one manifest and CURRENT, but holds", all);
}

namespace {

// The engine works: what was found plus new writes is what it shows, through all it can do.
std::string ProveUse(TestDatabase& database) {
  const auto write = [&](std::string key, std::optional<std::string> value) {
    return database.Write({{std::move(key), std::move(value)}}, Durability::kSync);
  };
  const auto differs = [&](const char* when) -> std::string {
    const absl::StatusOr<Content> content = ReadContent(database.engine());
    if (!content.ok()) return absl::StrCat(when, ": ", content.status().message());
    const Content expected = database.history().Visible();
    if (*content == expected) return "";
    return absl::StrCat(when, ": ", Difference(*content, expected));
  };
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::optional<std::string>>>{
           {"key105", "new"}, {"key106", std::nullopt}, {"zone", std::string(300, 'z')}}) {
    if (const absl::Status status = write(key, value); !status.ok()) {
      return absl::StrCat("a new write: ", status.message());
    }
  }
  if (std::string wrong = differs("after new writes"); !wrong.empty()) return wrong;
  if (const absl::Status status = database.engine().Flush(); !status.ok()) {
    return absl::StrCat("flush: ", status.message());
  }
  if (const absl::Status status = database.engine().Compact(); !status.ok()) {
    return absl::StrCat("compaction: ", status.message());
  }
  if (std::string wrong = differs("after flush and compaction"); !wrong.empty()) return wrong;
  if (const absl::Status status = database.engine().Close(); !status.ok()) {
    return absl::StrCat("close: ", status.message());
  }
  if (const absl::Status status = database.Open(); !status.ok()) {
    return absl::StrCat("second open: ", status.message());
  }
  if (std::string wrong = differs("after the second open"); !wrong.empty()) return wrong;
  if (std::string orphans = Orphans(database.files(), "/db", database.engine()); !orphans.empty()) {
    return orphans;
  }
  return database.history().contradiction();
}

}  // namespace

std::string ProveRecovery(FileSystem& files, const History& history, Crash crash, uint64_t seed) {
  TestDatabase database(files, seed);
  database.history() = history;
  if (const absl::Status status = database.Open(); !status.ok()) {
    return absl::StrCat("open: ", status.ToString());
  }
  if (std::string orphans = Orphans(files, "/db", database.engine()); !orphans.empty()) {
    return orphans;
  }
  const absl::StatusOr<Content> found = ReadContent(database.engine());
  if (!found.ok()) return absl::StrCat("read: ", found.status().ToString());
  if (std::string wrong = history.Judge(*found, crash); !wrong.empty()) return wrong;
  database.history().Settle(*found);
  return ProveUse(database);
}

std::string ProveCheckpoints(FileSystem& files,
                             const std::vector<Workload::CheckpointTaken>& checkpoints,
                             uint64_t seed) {
  for (const Workload::CheckpointTaken& taken : checkpoints) {
    const absl::StatusOr<bool> exists = files.Exists(taken.directory);
    if (!exists.ok()) return std::string(exists.status().message());
    if (!*exists && !taken.acknowledged) continue;
    Options options = TinyOptions();
    options.create_if_missing = false;
    TestDatabase database(files, seed, options, taken.directory);
    if (const absl::Status status = database.Open(); !status.ok()) {
      return absl::StrCat("checkpoint ", taken.directory, ": ", status.message());
    }
    const absl::StatusOr<Content> content = ReadContent(database.engine());
    if (!content.ok()) return std::string(content.status().message());
    if (*content != taken.content) {
      return absl::StrCat("checkpoint ", taken.directory, ": ",
                          Difference(*content, taken.content));
    }
  }
  return "";
}

}  // namespace lumen
