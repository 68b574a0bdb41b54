#include "proptests/fault_matrix/faulted_run.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faultfs/crash_space.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/engine_store.h"
#include "proptests/harness/fault_log.h"

namespace lumen::crash {
namespace {

using faultfs::FaultKind;

constexpr char kDirectory[] = "/db";
constexpr uint64_t kSteps = 36;
constexpr uint64_t kKeys = 9;
constexpr int kMostOpens = 3;     // the fault comes once
constexpr int kMostPieces = 500;  // of background work, to come to rest

std::string KeyName(uint64_t number) { return absl::StrCat("k", number % kKeys); }

}  // namespace

Options FaultMatrixOptions() {
  Options options;
  options.wal_segment_bytes = 64 << 10;
  options.memtable_bytes = 2 << 10;
  options.table_bytes = 2 << 10;
  options.block_bytes = 1024;
  options.memory_budget_bytes = 256 << 10;
  options.level0_runs = 2;
  return options;
}

FaultedRun::FaultedRun(uint64_t seed, OneFault& fault)
    : seed_(seed), fault_(fault), volume_(faultfs::DiskImage(), {.faults = &fault}) {}

FaultedRun::~FaultedRun() { Kill(); }

void FaultedRun::Play() {
  Open();
  for (uint64_t number = 0; number < kSteps && !over(); ++number) {
    Step(number);
    ReopenIfReadOnly();
  }
  if (!over()) Heal();
  Kill();
  volume_.SetFaults(nullptr);
}

uint64_t FaultedRun::FillAndHeal(uint64_t capacity_bytes) {
  constexpr uint64_t kWrites = 120;
  Open();
  volume_.SetCapacity(capacity_bytes);
  full_ = true;
  uint64_t asked = 0;
  const size_t before = log_.writes().size();
  for (; asked < kWrites && !over(); ++asked) {
    Write({{Put(asked, 1200)}}, asked % 3 == 0 ? Durability::kAsync : Durability::kSync);
    if (!over()) CompareReads();
    ReopenIfReadOnly();
  }
  const uint64_t refused = asked - (log_.writes().size() - before);
  full_ = false;
  volume_.SetCapacity(uint64_t{1} << 40);
  if (!over()) Heal();
  Kill();
  return refused;
}

// ---- the story

void FaultedRun::Step(uint64_t number) {
  switch (number) {
    case 8:
    case 22:
      return Told("flush", engine_->Flush());
    case 14:
    case 31:
      return Told("compact", engine_->Compact());
    case 18:
      Kill();
      return Open();
    case 25:
      Told("close", engine_->Close());
      Kill();
      return Open();
    case 28:
      return Told("checkpoint", engine_->Checkpoint("/copies/one"));
    case 33:
      return Told("quiescence", engine_->WaitForQuiescence());
    default:
      break;
  }
  switch (number % 5) {
    case 0:
      return Write({{Put(number, 40), Delete(number + 3), Put(number + 1, 700)}},
                   Durability::kSync);
    case 1:
      return Write({{Put(number, 300)}}, Durability::kAsync);
    case 2:
      return Write({{Put(number, 30)}, {Delete(number + 1)}, {Put(number + 2, 520)}},
                   number % 2 == 0 ? Durability::kSync : Durability::kAsync);
    case 3:
      CompareReads();
      return Write({{Delete(number)}}, Durability::kSync);
    default:
      return Write({{Put(number, 1500)}}, Durability::kSync);
  }
}

CommittedWrite::Change FaultedRun::Put(uint64_t key, uint64_t value_bytes) {
  std::string value = absl::StrCat("value ", ++values_, " ");
  value.resize(static_cast<size_t>(value_bytes), static_cast<char>('a' + values_ % 26));
  return {.key = KeyName(key), .value = std::move(value)};
}
CommittedWrite::Change FaultedRun::Delete(uint64_t key) { return {.key = KeyName(key)}; }

void FaultedRun::Write(const std::vector<Changes>& batches, Durability durability) {
  const uint64_t issued = now();
  std::vector<std::optional<Answer>> answers(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    WriteBatch batch;
    for (const CommittedWrite::Change& change : batches[i]) {
      if (change.value.has_value()) {
        batch.Put(change.key, *change.value);
      } else {
        batch.Delete(change.key);
      }
    }
    engine_->WriteAsync(std::move(batch), {.durability = durability},
                        [&answers, i](Answer answer) { answers[i] = std::move(answer); });
  }
  for (size_t i = 0; i < batches.size(); ++i) {
    while (!answers[i].has_value() && simulation_->RunOne()) {
    }
    if (!answers[i].has_value()) return Problem("a write is never answered");
    Take({.changes = batches[i], .issued = issued}, *answers[i], durability);
  }
}

void FaultedRun::Take(CommittedWrite write, const Answer& answer, Durability durability) {
  if (!answer.ok()) {
    Told("a write", answer.status());
    write.in_doubt = absl::IsUnknown(answer.status());
    // Any other error says that it did not happen: then it must never show.
    if (write.in_doubt) log_.Add(std::move(write));
    return;
  }
  for (const CommittedWrite::Change& change : write.changes) {
    if (change.value.has_value()) {
      model_[change.key] = *change.value;
    } else {
      model_.erase(change.key);
    }
  }
  write.acknowledged = now();
  write.last_sequence = answer->sequence + write.changes.size() - 1;
  const uint64_t sequence = answer->sequence;
  log_.Add(std::move(write));
  if (durability == Durability::kSync && answer->durable_sequence < sequence) {
    Problem("a write with sync is acknowledged before it is durable");
  }
  for (size_t i = log_.writes().size(); i-- > 0;) {
    const CommittedWrite& earlier = log_.writes()[i];
    const bool known = earlier.last_sequence != 0 && earlier.lost == CommittedWrite::kNever;
    if (known && earlier.last_sequence <= answer->durable_sequence) {
      log_.SetDurable(i, i + 1, now());
    }
  }
}

void FaultedRun::Told(const char* what, const absl::Status& status) {
  if (status.ok()) return;
  if (!fault_.fired() && !full_) {
    return Problem(absl::StrCat(what, " fails: ", status.ToString()));
  }
  reported_ = true;
}

// The fault comes once, perhaps only now: whatever it does, the engine serves again.
void FaultedRun::Heal() {
  constexpr int kAttempts = 3;
  for (int i = 0; i < kAttempts && !over(); ++i) {
    engine_->Resume();
    // A damaged table is tried again for ever.
    for (int piece = 0; piece < kMostPieces && simulation_->RunOne(); ++piece) {
    }
    const absl::Status quiet = engine_->WaitForQuiescence();
    Told("quiescence", quiet);
    const size_t before = log_.writes().size();
    Write({{Put(0, 50)}}, Durability::kSync);
    const bool taken = log_.writes().size() == before + 1 && !log_.writes().back().in_doubt;
    if (quiet.ok() && taken) return CompareReads();
    ReopenIfReadOnly();
  }
  if (!over() && !HarmedForGood()) Problem("it does not heal");
}

// ---- lives

// Of what a process begins with.
struct FaultedRun::Found {
  faultfs::DiskImage image;
  size_t operations = 0;
  size_t stale_reads = 0;
};

void FaultedRun::Open() {
  absl::Status refusal;
  for (int i = 0; i < kMostOpens; ++i) {
    Kill();
    process_ = volume_.Start();
    simulation_ = std::make_unique<SimulatedEnvironment>(seed_ + ++lives_, *process_);
    const Found found{volume_.current(), volume_.history().size(), volume_.stale_reads().size()};
    auto opened = Engine::Open(FaultMatrixOptions(), kDirectory, simulation_->environment());
    if (opened.ok()) {
      engine_ = *std::move(opened);
      return Recover(found);
    }
    refusal = opened.status();
    Told("open", refusal);
  }
  refused_ = HarmedForGood();
  if (!refused_) Problem(absl::StrCat("it does not open any more: ", refusal.ToString()));
}

void FaultedRun::ReopenIfReadOnly() {
  if (over() || engine_->GetStats().sticky_error.empty()) return;
  if (!fault_.fired() && !full_)
    return Problem("it is read-only: " + engine_->GetStats().sticky_error);
  reported_ = true;
  Kill();
  Open();
}

void FaultedRun::Kill() {
  if (process_ != nullptr) process_->Kill();
  engine_.reset();
  simulation_.reset();
  process_.reset();
}

void FaultedRun::Recover(const Found& found) {
  std::optional<Content> content = Read();
  if (!content.has_value()) {
    refused_ = true;
    return;
  }
  // A sync that reverts takes what only a process crash spares.
  const bool reverted = fault_.fired() && fault_.kind() == FaultKind::kSyncReverted;
  Obligations obligations = ObligationsAt(log_, now(), !reverted);
  const std::span<const faultfs::Operation> history(volume_.history());
  const auto stale_reads = std::span(volume_.stale_reads()).subspan(found.stale_reads);
  ExcuseTornDamage(HarmsIn(history, stale_reads),
                   WithHarms(found.image, HarmsIn(history.subspan(found.operations), stale_reads)),
                   log_, obligations);
  const auto recovered = Recognise(log_, obligations, *content);
  if (!recovered.has_value()) {
    return Problem(absl::StrCat("life ", lives_, " begins with a state that is not allowed"));
  }
  log_.Resolve(*recovered, now());
  model_ = {content->begin(), content->end()};
}

std::optional<Content> FaultedRun::Read() {
  Content content;
  const auto iterator = engine_->NewIterator({});
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
    content.emplace_back(iterator->key(), iterator->value());
  }
  if (iterator->status().ok()) return content;
  Told("a scan", iterator->status());
  return std::nullopt;
}

void FaultedRun::CompareReads() {
  const std::optional<Content> content = Read();
  if (!content.has_value()) return;
  if (*content != Content(model_.begin(), model_.end())) {
    Problem("a scan shows something else than what was acknowledged");
  }
}

bool FaultedRun::HarmedForGood() const {
  return IsDamage(fault_.kind()) || fault_.kind() == FaultKind::kReadErrorSticky;
}

void FaultedRun::Problem(const std::string& what) {
  if (problem_.empty()) problem_ = what;
}

// ---- verdicts

std::optional<Violation> FaultedRun::JudgeKill(bool may_refuse) {
  const bool reverted = fault_.fired() && fault_.kind() == FaultKind::kSyncReverted;
  Obligations obligations = ObligationsAt(log_, now(), !reverted);
  obligations.may_refuse = may_refuse;
  ExcuseTornDamage(HarmsIn(volume_.history()), volume_.current(), log_, obligations);
  faultfs::Volume volume(volume_.current());
  const auto process = volume.Start();
  return Check(EngineOpener(FaultMatrixOptions(), kDirectory), *process, seed_, log_, obligations,
               {.exercise = true});
}

std::optional<Violation> FaultedRun::JudgePowerLoss(uint64_t images, const Excuse& excuse) {
  faultfs::DiskState state(faultfs::Profile::kStrictPosix, volume_.start());
  for (const faultfs::Operation& operation : volume_.history()) state.Apply(operation);
  const faultfs::CrashSpace space(state, seed_, state.unlinked());
  const Opener open = EngineOpener(FaultMatrixOptions(), kDirectory);
  for (uint64_t i = 0; i <= images; ++i) {
    const faultfs::DiskImage image = i == 0 ? state.base() : space.Sample(seed_ + i).image;
    Obligations obligations = ObligationsAt(log_, now(), false);
    obligations.may_refuse = excuse.may_refuse;
    obligations.may_lose = excuse.may_lose;
    ExcuseTornDamage(HarmsIn(volume_.history()), image, log_, obligations);
    faultfs::Volume volume(image);
    const auto process = volume.Start();
    auto violation = Check(open, *process, seed_ + i, log_, obligations, {.exercise = i % 4 == 0});
    if (violation.has_value()) return violation;
  }
  return std::nullopt;
}

}  // namespace lumen::crash
