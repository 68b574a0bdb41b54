#include "proptests/harness/client.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proptests/harness/damage.h"
#include "proptests/harness/hashing.h"

namespace lumen::crash {
namespace {

using Kind = ClientStep::Kind;

constexpr int kMostOpens = 4;

// A state in one line, cut short.
template <typename Entries>
std::string Shown(const Entries& entries) {
  constexpr size_t kMostBytes = 600;
  std::string text;
  for (const auto& [key, value] : entries) {
    if (text.size() > kMostBytes) return text + " ...";
    const std::string whole(value);
    absl::StrAppend(&text, text.empty() ? "" : " ", key, "=", whole.substr(0, whole.find('.')), "(",
                    whole.size(), ")");
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace

Client::Client(const Workload& workload, faultfs::Volume& volume, const FaultLog* faults,
               bool notes, Recording& recording)
    : workload_(workload),
      options_(workload.options()),
      volume_(volume),
      faults_(faults),
      notes_(notes),
      recording_(recording) {}

Client::~Client() {
  dead_ = true;
  if (process_ != nullptr) process_->Kill();
  snapshot_.reset();
  engine_.reset();
}

void Client::Run() {
  if (!Open()) return;
  for (const ClientStep& step : workload_.steps) {
    Step(step);
    Fold();
    if (done()) break;
  }
  if (!done()) FinalCheck();
  if (engine_ != nullptr) CountCoverage();
  // What is still unanswered was asked for: a crash may or may not have it.
  for (Issued& issued : issued_) {
    if (!issued.answered) recording_.log.Add(std::move(issued.write));
  }
}

void Client::PassTime(int64_t duration_ns) {
  if (environment_ != nullptr) environment_->environment().clock.SleepNanos(duration_ns);
}

// ---- processes

bool Client::TryOpen(absl::Status& status) {
  process_ = volume_.Start();
  environment_ =
      std::make_unique<SimulatedEnvironment>(Combined(workload_.seed, ++opens_), *process_);
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::Open(options_, kDatabaseDirectory, environment_->environment());
  status = engine.status();
  if (!engine.ok()) return false;
  engine_ = *std::move(engine);
  return true;
}

// The disk may keep a database from opening for good.
bool Client::Harmed() const {
  return faults_ != nullptr &&
         std::any_of(faults_->fired().begin(), faults_->fired().end(), [](const auto& fault) {
           return IsLie(fault.kind) || IsDamage(fault.kind) ||
                  fault.kind == faultfs::FaultKind::kReadErrorSticky;
         });
}

// Of a recovery of what was found, harm to the WAL considered that came before or meanwhile. Kept
// for crashes, too.
Obligations Client::ObligationsOf(const Found& found) {
  Obligations obligations = recording_.ObligationsAt(now(), faultfs::Profile::kKill);
  if (faults_ == nullptr) return obligations;
  const std::span<const faultfs::Operation> history(volume_.history());
  const auto stale_reads = std::span(volume_.stale_reads()).subspan(found.stale_reads);
  const std::vector<faultfs::Operation> meanwhile =
      HarmsIn(history.subspan(static_cast<size_t>(found.at)), stale_reads);
  ExcuseTornDamage(HarmsIn(history, stale_reads), WithHarms(found.image, meanwhile), recording_.log,
                   obligations);
  if (obligations.may_lose) {
    recording_.excuses.push_back({.begun = found.at, .may_lose_to = obligations.may_lose_to});
  }
  return obligations;
}

bool Client::Open() {
  const Found found{volume_.current(), now(), volume_.stale_reads().size()};
  absl::Status status;
  for (int attempt = 1;; ++attempt) {
    const size_t fired = faults_ != nullptr ? faults_->fired().size() : 0;
    dead_ = false;
    if (TryOpen(status)) break;
    Note(absl::StrCat("open -> ", status.ToString()));
    EndProcess();
    const bool harmed = Harmed();
    if (faults_ == nullptr || (faults_->fired().size() == fired && !harmed)) {
      Fail(1, absl::StrCat("it does not open, though the disk is sound: ", status.ToString()));
      return false;
    }
    if (attempt < kMostOpens) continue;
    if (harmed) {
      ObligationsOf(found);
      refused_ = true;
      return false;
    }
    volume_.SetFaults(nullptr);
  }
  Note("open -> OK");
  Recover(found);
  return !done();
}

// Whatever was undecided is now as this process serves it.
void Client::Recover(const Found& found) {
  const Obligations obligations = ObligationsOf(found);
  Content content;
  const std::unique_ptr<Iterator> all = engine_->NewIterator({});
  for (all->SeekToFirst(); all->valid(); all->Next()) {
    content.emplace_back(all->key(), all->value());
  }
  if (!Excused(all->status(), "a scan after an open")) {
    if (!done()) refused_ = true;  // what it holds cannot be told
    return;
  }
  std::optional<Recovered> recovered = Recognise(recording_.log, obligations, content);
  if (!recovered.has_value()) {
    Fail(2, "after a restart it holds what is no state after a prefix of the writes",
         Shown(recording_.log.StateAfter(obligations.at_most, {}, now())), Shown(content));
    return;
  }
  recording_.log.Resolve(*recovered, now());
  if (obligations.may_lose) recording_.excuses.back().served = now();
  durable_writes_ = judged_;
  model_.clear();
  for (auto& [key, value] : content) model_.emplace(std::move(key), std::move(value));
}

void Client::CountCoverage() {
  const Stats stats = engine_->GetStats();
  const auto count = [&](const char* name, uint64_t times) {
    if (times > 0) recording_.coverage[name] += times;
  };
  count("flush", stats.flushes);
  count("compaction", stats.compactions);
  count("trivial move", stats.trivial_moves);
  count("wal segment", stats.wal_segments);
  count("manifest rotation", stats.manifest_rotations);
  count("stall", stats.stalls);
  count("background retry", stats.background_retries);
  count("torn tail", stats.recovered_torn_tail ? 1 : 0);
  count("replayed operation", stats.recovered_operations);
  count("read-only", stats.sticky_error.empty() ? 0 : 1);
}

void Client::EndProcess() {
  dead_ = true;
  snapshot_.reset();
  engine_.reset();
  environment_.reset();
  process_.reset();
}

void Client::Reopen() {
  DropSnapshot();
  const absl::Status status = engine_->Close();
  Fold();
  Note(absl::StrCat("close -> ", status.ToString()));
  if (Excused(status, "a close")) {
    if (unanswered_ > 0) return Fail(5, "a clean close leaves a write unanswered");
    recording_.log.SetDurable(durable_writes_, judged_, now());
    durable_writes_ = judged_;
  }
  CountCoverage();
  EndProcess();
  ++recording_.coverage["reopen"];
  if (!done()) Open();
}

void Client::Kill() {
  CountCoverage();
  process_->Kill();
  Note("killed");
  EndProcess();
  Fold();
  for (Issued& issued : issued_) {
    recording_.log.Add(std::move(issued.write));
    last_sequences_.push_back(0);
    ++judged_;
  }
  issued_.clear();
  unanswered_ = 0;
  ++recording_.coverage["kill"];
  if (!done()) Open();
}

void Client::FinalCheck() {
  Settle();
  if (done()) return;
  Scan(false, model_, nullptr);
  if (!done()) Scan(true, model_, nullptr);
  if (!done()) DropSnapshot();
}

// ---- steps

void Client::Step(const ClientStep& step) {
  switch (step.kind) {
    case Kind::kWrite:
    case Kind::kWriteAsync:
      return Write(step);
    case Kind::kGet:
      Settle();
      if (!done()) GetOne(KeyOf(step.key));
      return;
    case Kind::kScan:
    case Kind::kReverseScan:
      Settle();
      if (!done()) Scan(step.kind == Kind::kReverseScan, model_, nullptr);
      return;
    case Kind::kSnapshot:
      return TakeSnapshot();
    case Kind::kFlush:
    case Kind::kCompact:
      return FlushOrCompact(step.kind == Kind::kCompact);
    case Kind::kCheckpoint:
      return TakeCheckpoint();
    case Kind::kQuiesce: {
      const absl::Status status = engine_->WaitForQuiescence();
      Note(absl::StrCat("quiesce -> ", status.ToString()));
      Excused(status, "waiting for quiescence");
      return;
    }
    case Kind::kRunBackground:
      for (uint32_t i = 0; i < step.count && environment_->RunOne(); ++i) continue;
      return;
    case Kind::kReopen:
      return Reopen();
    case Kind::kKill:
      return Kill();
    case Kind::kResume:
      return engine_->Resume();
  }
}

void Client::GetOne(const std::string& key) {
  const absl::StatusOr<std::optional<GetResult>> got = engine_->Get(key);
  if (!Excused(got.status(), "a get")) return;
  const auto expected = model_.find(key);
  const bool right = got->has_value()
                         ? expected != model_.end() && expected->second == (*got)->value
                         : expected == model_.end();
  if (right) return;
  Fail(4, absl::StrCat("a get of ", key, " is answered wrongly"),
       expected == model_.end() ? "absent" : expected->second.substr(0, 40),
       got->has_value() ? (*got)->value.substr(0, 40) : "absent");
}

void Client::Scan(bool reverse, const Model& model, const class Snapshot* snapshot) {
  const std::unique_ptr<Iterator> at = engine_->NewIterator({.snapshot = snapshot});
  Content got;
  reverse ? at->SeekToLast() : at->SeekToFirst();
  while (at->valid()) {
    got.emplace_back(at->key(), at->value());
    reverse ? at->Prev() : at->Next();
  }
  if (!Excused(at->status(), "a scan")) return;
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second == b.second;
  };
  const bool right = reverse
                         ? std::equal(model.rbegin(), model.rend(), got.begin(), got.end(), same)
                         : std::equal(model.begin(), model.end(), got.begin(), got.end(), same);
  if (right) return;
  Fail(4,
       absl::StrCat(reverse ? "a reverse scan" : "a scan",
                    snapshot != nullptr ? " of a snapshot" : "",
                    " shows what the client did not write"),
       Shown(model), Shown(got));
}

void Client::TakeSnapshot() {
  DropSnapshot();
  if (done()) return;
  Settle();
  if (done()) return;
  snapshot_ = engine_->TakeSnapshot();
  snapshot_model_ = model_;
  Note("snapshot");
  ++recording_.coverage["snapshot"];
}

void Client::DropSnapshot() {
  if (snapshot_ == nullptr) return;
  Scan(false, snapshot_model_, snapshot_.get());
  if (!done()) Scan(true, snapshot_model_, snapshot_.get());
  snapshot_.reset();
}

void Client::FlushOrCompact(bool compact) {
  Fold();
  const size_t written = judged_;
  const absl::Status status = compact ? engine_->Compact() : engine_->Flush();
  Fold();
  Note(absl::StrCat(compact ? "compact -> " : "flush -> ", status.ToString()));
  if (!Excused(status, compact ? "a compaction" : "a flush")) return;
  if (written <= durable_writes_) return;
  recording_.log.SetDurable(durable_writes_, written, now());
  durable_writes_ = written;
}

void Client::TakeCheckpoint() {
  Fold();
  Recording::Checkpoint checkpoint{.directory = CheckpointDirectory(recording_.checkpoints.size()),
                                   .asked = now(),
                                   .least = judged_};
  const absl::Status status = engine_->Checkpoint(checkpoint.directory);
  Fold();
  Note(absl::StrCat("checkpoint ", checkpoint.directory, " -> ", status.ToString()));
  if (Excused(status, "a checkpoint")) checkpoint.answered = now();
  checkpoint.most = judged_ + issued_.size();
  recording_.checkpoints.push_back(std::move(checkpoint));
  ++recording_.coverage["checkpoint"];
}

// ---- verdicts

bool Client::Excused(const absl::Status& status, const std::string& what) {
  if (status.ok()) return true;
  if (!FaultFired()) {
    Fail(5, absl::StrCat(what, " fails, though no fault was injected: ", status.ToString()));
  }
  return false;
}

void Client::Fail(int rule, std::string what, std::string expected, std::string got) {
  if (recording_.violation.has_value()) return;
  Note(absl::StrCat("wrong: ", what));
  recording_.violation = Violation{.rule = rule,
                                   .what = std::move(what),
                                   .expected = std::move(expected),
                                   .got = std::move(got)};
}

void Client::Note(std::string text) {
  if (notes_) recording_.notes.push_back({now(), std::move(text)});
}

}  // namespace lumen::crash
