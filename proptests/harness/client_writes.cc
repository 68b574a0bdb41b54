#include <utility>

#include "absl/strings/str_cat.h"
#include "proptests/harness/client.h"

namespace lumen::crash {
namespace {

// A few in flight are as good as many.
constexpr size_t kMostInFlight = 8;
constexpr int kMostPieces = 1'000'000;

std::string Described(const ClientStep& step, const CommittedWrite& write) {
  std::string text = step.durable ? "write durable" : "write relaxed";
  for (const CommittedWrite::Change& change : write.changes) {
    absl::StrAppend(&text, " ", change.key, "=");
    text += change.value.has_value() ? change.value->substr(0, change.value->find('.')) : "delete";
  }
  return text;
}

}  // namespace

void Client::Write(const ClientStep& step) {
  const bool waits = step.kind == ClientStep::Kind::kWrite || step.precondition != 0;
  WriteOptions options{.durability = step.durable ? Durability::kSync : Durability::kAsync};
  WriteBatch batch;
  Issued& issued = issued_.emplace_back();
  for (const ClientStep::Change& change : step.changes) {
    const std::string key = KeyOf(change.key);
    if (change.is_delete) {
      batch.Delete(key);
      issued.write.changes.push_back({key, std::nullopt});
    } else {
      issued.write.changes.push_back({key, ValueOf(++values_, change.value_bytes)});
      batch.Put(key, *issued.write.changes.back().value);
    }
  }
  if (step.precondition != 0 && !step.changes.empty()) {
    options.preconditions.push_back({.kind = step.precondition == 1 ? Precondition::Kind::kAbsent
                                                                    : Precondition::Kind::kPresent,
                                     .key = KeyOf(step.changes[0].key)});
    issued.precondition = step.precondition;
  }
  issued.durable = step.durable;
  issued.write.issued = now();
  if (notes_) issued.text = Described(step, issued.write);
  Note(issued.text);
  ++unanswered_;
  const auto answer = [this, &issued](absl::StatusOr<WriteResult> result) {
    if (dead_) return;
    issued.answer = std::move(result);
    issued.answered = true;
    issued.answered_at = now();
    --unanswered_;
  };
  if (waits) {
    answer(engine_->Write(batch, options));
  } else {
    engine_->WriteAsync(std::move(batch), std::move(options), answer);
  }
  if (issued_.size() > kMostInFlight) Settle();
}

void Client::Settle() {
  for (int pieces = 0; unanswered_ > 0; ++pieces) {
    if (pieces == kMostPieces || !environment_->RunOne()) {
      return Fail(5, "an asynchronous write is never answered");
    }
  }
  Fold();
}

void Client::Fold() {
  while (!issued_.empty() && issued_.front().answered && !done()) {
    Judge(issued_.front());
    issued_.pop_front();
  }
}

void Client::Judge(Issued& issued) {
  if (!issued.answer.ok()) return JudgeError(issued);
  const WriteResult result = *std::move(issued.answer);
  if (notes_) {
    recording_.notes.push_back(
        {issued.answered_at,
         absl::StrCat(issued.text, " -> ",
                      result.applied ? absl::StrCat("OK at ", result.sequence) : "unmet")});
  }
  if (ConditionHolds(issued) != result.applied) {
    return Fail(4, absl::StrCat("a condition on ", issued.write.changes[0].key,
                                result.applied ? " does not hold, and the write was applied"
                                               : " holds, and the write was not applied"));
  }
  if (result.applied) {
    JudgeApplied(issued, result);
  } else {
    ++recording_.coverage["unmet condition"];
  }
  BecameDurable(result.durable_sequence, issued.answered_at);
}

void Client::JudgeApplied(Issued& issued, const WriteResult& result) {
  CommittedWrite& write = issued.write;
  if (result.sequence <= highest_sequence_) {
    return Fail(6, absl::StrCat("a write was given sequence ", result.sequence,
                                ", though that of an earlier one is ", highest_sequence_));
  }
  write.last_sequence = highest_sequence_ = result.sequence + write.changes.size() - 1;
  write.acknowledged = issued.answered_at;
  if (issued.durable) {
    write.durable = issued.answered_at;
    if (result.durable_sequence < write.last_sequence) {
      return Fail(5, absl::StrCat("a durable write at ", write.last_sequence,
                                  " was acknowledged with a durable sequence of ",
                                  result.durable_sequence));
    }
  }
  ApplyToModel(write);
  last_sequences_.push_back(write.last_sequence);
  recording_.log.Add(std::move(write));
  ++judged_;
}

void Client::JudgeError(Issued& issued) {
  const absl::Status& status = issued.answer.status();
  if (notes_) {
    recording_.notes.push_back(
        {issued.answered_at, absl::StrCat(issued.text, " -> ", status.ToString())});
  }
  Excused(status, "a write");
  // Any other error says that nothing was written.
  if (status.code() != absl::StatusCode::kUnknown) {
    ++recording_.coverage["refused write"];
    return;
  }
  issued.write.in_doubt = true;
  recording_.log.Add(std::move(issued.write));
  last_sequences_.push_back(0);
  ++judged_;
  ++recording_.coverage["write in doubt"];
}

bool Client::ConditionHolds(const Issued& issued) const {
  if (issued.precondition == 0) return true;
  const bool present = model_.find(issued.write.changes[0].key) != model_.end();
  return present == (issued.precondition == 2);
}

void Client::ApplyToModel(const CommittedWrite& write) {
  for (const CommittedWrite::Change& change : write.changes) {
    if (change.value.has_value()) {
      model_.insert_or_assign(change.key, *change.value);
    } else {
      model_.erase(change.key);
    }
  }
}

void Client::BecameDurable(uint64_t sequence, uint64_t when) {
  size_t end = durable_writes_;
  while (end < judged_ && last_sequences_[end] <= sequence && last_sequences_[end] != 0) ++end;
  if (end == durable_writes_) return;
  recording_.log.SetDurable(durable_writes_, end, when);
  durable_writes_ = end;
}

}  // namespace lumen::crash
