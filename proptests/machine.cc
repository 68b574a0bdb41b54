#include "proptests/machine.h"

#include <algorithm>
#include <span>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/wal_segment.h"
#include "proptests/require.h"

namespace lumen {
namespace {

constexpr int kMostPieces = 1'000'000;

std::string ReadWhole(FileSystem& files, const std::string& path) {
  auto file = files.OpenReadFile(path);
  REQUIRE(file.ok(), file.status().ToString());
  std::string bytes((*file)->size(), '\0');
  auto read = (*file)->ReadAt(0, std::span<char>(bytes));
  REQUIRE(read.ok() && *read == bytes.size(), path);
  return bytes;
}

}  // namespace

std::string Shown(std::string_view bytes) {
  const std::string head = absl::CHexEscape({bytes.data(), std::min<size_t>(bytes.size(), 24)});
  return absl::StrCat("\"", head, bytes.size() > 24 ? "...\" of " : "\" of ", bytes.size(), " B");
}

Machine::Machine(World& world, const Limits& limits, Tally& tally) : world_(world), tally_(tally) {
  Open(limits);
  Recovered(0, 0);
}

Machine::~Machine() {
  DropReaders();
  engine_.reset();
}

void Machine::Run(const Command& command) {
  ++tally_.commands[command.index()];
  std::visit(*this, command);
  Observe();
}

void Machine::Finish() {
  (*this)(ScanCommand{});
  (*this)(CloseCommand{limits_});
  (*this)(ScanCommand{});
}

// ---- opening and ending

void Machine::Open(const Limits& limits) {
  limits_ = limits;
  auto opened = Engine::Open(limits.ToOptions(), Path(), world_.environment());
  REQUIRE(opened.ok(), absl::StrCat("the engine does not open: ", opened.status().ToString()));
  engine_ = *std::move(opened);
  seen_ = {};
  operations_since_open_ = 0;
  bytes_since_open_ = 0;
}

void Machine::Recovered(uint64_t floor, uint64_t used) {
  if (world_.simulated()) CheckNamedFiles();
  const Stats stats = engine_->GetStats();
  History::Content content;
  const auto iterator = engine_->NewIterator({});
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    content.emplace(iterator->key(), iterator->sequence());
    REQUIRE(iterator->sequence() <= stats.visible_sequence, "a recovered entry is not visible yet");
  }
  REQUIRE(iterator->status().ok(), iterator->status().ToString());
  const std::optional<uint64_t> prefix = history_.FindPrefix(content, floor);
  REQUIRE(prefix.has_value(),
          absl::StrCat("the recovered state is no prefix of the commit order that holds all up to ",
                       floor, "; committed: ", history_.last(), ", keys found: ", content.size()));
  tally_.lost_suffixes += *prefix < history_.last() ? 1 : 0;
  tally_.lost_sequences += *prefix < used ? 1 : 0;
  tally_.torn_tails += stats.recovered_torn_tail ? 1 : 0;
  tally_.recovered_operations += stats.recovered_operations;
  REQUIRE(stats.visible_sequence >= std::max(*prefix, used),
          absl::StrCat("sequence ", stats.visible_sequence + 1,
                       " is handed out again; used: ", used, ", recovered: ", *prefix));
  history_.Truncate(*prefix);
  history_.JumpTo(stats.visible_sequence);
  {
    const MutexLock lock(mutex_);
    floors_ = {history_.last(), history_.last()};
  }
  CheckScan(*engine_, nullptr, history_.last());
  Observe();
  if (kept_checkpoint_.has_value()) OpenKeptCheckpoint();
}

void Machine::DropReaders() {
  for (OpenIterator& open : iterators_) open = {};
  for (auto& snapshot : snapshots_) snapshot.reset();
}

void Machine::EndEngine() {
  DropReaders();
  tally_.AddCountersOf(engine_->GetStats());
  engine_.reset();
}

void Machine::operator()(const CloseCommand& close) {
  Settle();
  DropReaders();
  tally_.AddCountersOf(engine_->GetStats());
  const absl::Status closed = engine_->Close();
  REQUIRE(closed.ok(), closed.ToString());
  REQUIRE(absl::IsFailedPrecondition(engine_->Get("a").status()), "a closed engine answers");
  engine_.reset();
  Open(close.limits);
  ++tally_.reopens;
  REQUIRE(engine_->GetStats().visible_sequence == history_.last(),
          absl::StrCat("after a clean close at ", history_.last(), " the sequence is ",
                       engine_->GetStats().visible_sequence));
  Recovered(history_.last(), history_.last());
}

// ---- crashes

void Machine::Work(CrashCommand::During during) {
  const auto check = [](const absl::Status& status) { REQUIRE(status.ok(), status.ToString()); };
  switch (during) {
    case CrashCommand::During::kNothing:
      break;
    case CrashCommand::During::kWrites:
      for (uint32_t i = 0; i < 4; ++i) {
        Issue({.operations = {{false, i, 300}, {true, 50 + i, 0}, {false, 50 - i, 1000}},
               .conditions = {},
               .sync = i % 2 == 0});
      }
      break;
    case CrashCommand::During::kFlush:
      check(engine_->Flush());
      break;
    case CrashCommand::During::kCompact:
      check(engine_->Compact());
      break;
    case CrashCommand::During::kCheckpoint:
      Settle();
      kept_checkpoint_ = {history_.last(), false};
      check(engine_->Checkpoint(CheckpointPath()));
      kept_checkpoint_->certain = !world_.crashed();
      break;
  }
}

void Machine::operator()(const CrashCommand& crash) {
  using Crash = World::Crash;
  if (!world_.simulated()) return (*this)(CloseCommand{crash.limits});
  if (kept_checkpoint_.has_value()) OpenKeptCheckpoint();
  Observe();
  Floors floors;
  const bool inside = crash.during != CrashCommand::During::kNothing;
  world_.ArmCrash(crash.power_loss ? Crash::kPowerLoss : Crash::kProcess,
                  inside ? crash.at_operation : 0, [&] {
                    const MutexLock lock(mutex_);
                    floors = floors_;
                  });
  Work(crash.during);
  tally_.inside_calls += world_.crashed() ? 1 : 0;
  if (!world_.crashed()) Observe();
  world_.CrashNow();
  ++(crash.power_loss ? tally_.power_losses : tally_.kills);
  // The old engine goes on into the void: that tells the commit order of what was in flight.
  Settle();
  EndEngine();
  world_.Reboot();

  uint64_t floor = crash.power_loss ? floors.durable : floors.acknowledged;
  if (crash.open_at_operation > 0) {
    world_.ArmCrash(crash.power_loss_in_open ? Crash::kPowerLoss : Crash::kProcess,
                    crash.open_at_operation, [] {});
    Open(crash.limits);
    if (world_.crashed()) {
      ++tally_.inside_opens;
      if (crash.power_loss_in_open) floor = floors.durable;
      engine_.reset();
      world_.Reboot();
    } else {
      world_.Disarm();
    }
  }
  if (engine_ == nullptr) Open(crash.limits);
  ++tally_.reopens;
  Recovered(floor, floors.acknowledged);
}

// ---- background work

void Machine::operator()(const FlushCommand&) {
  const uint64_t before = Now();
  const absl::Status status = engine_->Flush();
  REQUIRE(status.ok(), status.ToString());
  // Tables are durable before they are installed.
  const MutexLock lock(mutex_);
  floors_.durable = std::max(floors_.durable, before);
}

void Machine::operator()(const CompactCommand&) {
  Settle();
  const absl::Status status = engine_->Compact();
  REQUIRE(status.ok(), status.ToString());
  const Stats stats = engine_->GetStats();
  for (size_t level = 0; level + 1 < stats.levels.size(); ++level) {
    REQUIRE(stats.levels[level].files == 0, absl::StrCat("level ", level, " after Compact"));
  }
  const bool snapshots = std::any_of(snapshots_.begin(), snapshots_.end(),
                                     [](const auto& snapshot) { return snapshot != nullptr; });
  if (snapshots) return;
  REQUIRE(stats.levels.back().entries == history_.LiveKeys(),
          absl::StrCat(stats.levels.back().entries,
                       " entries after Compact, live keys: ", history_.LiveKeys()));
}

void Machine::operator()(const QuiesceCommand&) {
  const absl::Status status = engine_->WaitForQuiescence();
  REQUIRE(status.ok(), status.ToString());
  if (!world_.simulated()) return;
  Settle();
  // A memtable keeps its WAL segments.
  (*this)(FlushCommand{});
  for (OpenIterator& open : iterators_) open = {};
  int pieces = 0;
  while (world_.RunOne()) REQUIRE(++pieces < kMostPieces, "an idle engine never comes to rest");
  CheckNothingLeftBehind();
}

void Machine::operator()(const RunCommand& run) {
  for (uint32_t i = 0; i < run.pieces && world_.RunOne(); ++i) {
  }
}

// ---- checkpoints

void Machine::operator()(const CheckpointCommand& checkpoint) {
  if (kept_checkpoint_.has_value()) OpenKeptCheckpoint();
  Settle();
  kept_checkpoint_ = {history_.last(), true};
  const absl::Status status = engine_->Checkpoint(CheckpointPath());
  REQUIRE(status.ok(), status.ToString());
  REQUIRE(absl::IsAlreadyExists(engine_->Checkpoint(CheckpointPath())),
          "a checkpoint over another one");
  if (!checkpoint.open_later) OpenKeptCheckpoint();
}

void Machine::OpenKeptCheckpoint() {
  const KeptCheckpoint kept = *std::exchange(kept_checkpoint_, std::nullopt);
  FileSystem& files = world_.environment().file_system;
  const auto exists = files.Exists(CheckpointPath());
  REQUIRE(exists.ok(), exists.status().ToString());
  REQUIRE(*exists || !kept.certain, "a finished checkpoint is gone");
  if (!*exists) return;
  REQUIRE(kept.sequence <= history_.last(), "a checkpoint holds what the database has lost");
  {
    auto copy = Engine::Open(limits_.ToOptions(), CheckpointPath(), world_.environment());
    REQUIRE(copy.ok(), copy.status().ToString());
    CheckScan(**copy, nullptr, kept.sequence);
    WriteBatch batch;
    batch.Put("written to the checkpoint", "only");
    const auto written = (*copy)->Write(batch, {});
    REQUIRE(written.ok(), written.status().ToString());
    REQUIRE(written->sequence > kept.sequence, "a checkpoint hands out a sequence again");
    REQUIRE((*copy)->Close().ok(), "closing a checkpoint");
  }
  ++tally_.checkpoints_opened;
  const auto names = files.List(CheckpointPath());
  REQUIRE(names.ok(), names.status().ToString());
  for (const std::string& name : *names) {
    REQUIRE(files.Remove(CheckpointPath() + "/" + name).ok(), name);
  }
  // Durably: a power loss must not bring it back.
  REQUIRE(files.SyncDirectory(CheckpointPath()).ok() &&
              files.RemoveDirectory(CheckpointPath()).ok() &&
              files.SyncDirectory(world_.root()).ok(),
          "removing the checkpoint");
}

// ---- invariants

// Right after Open, before any background work: what is there is what the manifest names.
void Machine::CheckNamedFiles() {
  FileSystem& files = world_.environment().file_system;
  const auto number = DecodeCurrent(ReadWhole(files, Path() + "/CURRENT"));
  REQUIRE(number.ok(), number.status().ToString());
  const auto manifest =
      ReadManifest(ReadWhole(files, Path() + "/" + ManifestFileName(*number)), *number);
  REQUIRE(manifest.ok(), manifest.status().ToString());
  std::vector<std::string> named = {"CURRENT", "LOCK", ManifestFileName(*number),
                                    WalFileName(manifest->wal_floor)};
  for (const TableRecord& table : manifest->tables) named.push_back(TableFileName(table.number));
  std::sort(named.begin(), named.end());
  const auto found = files.List(Path());
  REQUIRE(found.ok(), found.status().ToString());
  REQUIRE(*found == named, absl::StrCat("the directory holds ", absl::StrJoin(*found, " "),
                                        "; named are ", absl::StrJoin(named, " ")));
}

// With nothing to do and nobody reading: no file that nothing needs.
void Machine::CheckNothingLeftBehind() {
  const Stats stats = engine_->GetStats();
  int tables = 0;
  for (const LevelStats& level : stats.levels) tables += level.files;
  const auto names = world_.environment().file_system.List(Path());
  REQUIRE(names.ok(), names.status().ToString());
  const auto ending = [&](const char* suffix) {
    return std::count_if(names->begin(), names->end(),
                         [=](const std::string& name) { return absl::EndsWith(name, suffix); });
  };
  // CURRENT, LOCK, the manifest; the WAL segment, the one made ahead, and up to two that were
  // passed through on the way to one that is large enough for a batch which then was not applied.
  const auto others = static_cast<int>(names->size()) - tables - 3;
  REQUIRE(
      ending(".sst") == tables && ending(".wal") == others && others >= 2 && others <= 4,
      absl::StrCat(tables, " tables are in use; the directory holds ", absl::StrJoin(*names, " ")));
}

void Machine::Observe() {
  Stats stats = engine_->GetStats();
  tally_.SawLevels(stats);
  REQUIRE(stats.sticky_error.empty(), stats.sticky_error);
  REQUIRE(stats.background_error.empty(), stats.background_error);
  REQUIRE(stats.visible_sequence >= seen_.visible_sequence, "the visible sequence went back");
  REQUIRE(stats.durable_sequence >= seen_.durable_sequence, "the durable sequence went back");
  REQUIRE(stats.durable_sequence <= stats.visible_sequence,
          absl::StrCat("durable up to ", stats.durable_sequence, ", visible up to ",
                       stats.visible_sequence));
  REQUIRE(stats.flushes >= seen_.flushes && stats.compactions >= seen_.compactions &&
              stats.wal_bytes >= seen_.wal_bytes && stats.stall_ns >= seen_.stall_ns,
          "a counter went back");
  REQUIRE(stats.immutable_memtables <= static_cast<int>(limits_.immutable_memtables),
          absl::StrCat(stats.immutable_memtables, " immutable memtables"));
  for (const LevelStats& level : stats.levels) {
    REQUIRE((level.files > 0) == (level.entries > 0) && (level.files > 0) == (level.bytes > 0),
            "a level's counters disagree");
  }
  const MutexLock lock(mutex_);
  floors_.acknowledged = std::max(floors_.acknowledged, stats.visible_sequence);
  floors_.durable = std::max(floors_.durable, stats.durable_sequence);
  if (outstanding_ == 0 && outcomes_.empty()) {
    REQUIRE(stats.visible_sequence == history_.last(), "visible is not what was acknowledged");
    REQUIRE(
        stats.commit_operations == operations_since_open_ && stats.user_bytes == bytes_since_open_,
        absl::StrCat(stats.commit_operations, " operations and ", stats.user_bytes,
                     " bytes counted, ", operations_since_open_, " and ", bytes_since_open_,
                     " written"));
  }
  seen_ = std::move(stats);
}

}  // namespace lumen
