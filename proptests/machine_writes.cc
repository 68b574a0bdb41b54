#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "engine/env/seeded_random.h"
#include "proptests/machine.h"
#include "proptests/require.h"

namespace lumen {
namespace {

constexpr int kMostPieces = 10'000'000;

// Never the same twice; every other one compresses well.
std::string NewValue(uint64_t tag, size_t bytes) {
  SeededRandom random(tag);
  std::string value;
  uint64_t word = random.Next64();
  while (value.size() < bytes) {
    if (tag % 2 == 0) word = random.Next64();
    value.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  value.resize(bytes);
  return value;
}

}  // namespace

Precondition Machine::ToPrecondition(const Condition& condition) const {
  using Kind = Precondition::Kind;
  Precondition result{condition.kind, KeyOf(condition.key), 0, {}};
  const History::Version* now = history_.Find(result.key, history_.last());
  const bool present = now != nullptr;
  if (result.kind == Kind::kLastWrittenAt) {
    result.sequence = present ? now->sequence + (condition.met ? 0 : 1) : 1;
  } else if (result.kind == Kind::kValueEquals) {
    if (present) result.value = *now->value;
    if (present && !condition.met) result.value += "!";
  } else {
    result.kind = present == condition.met ? Kind::kPresent : Kind::kAbsent;
  }
  if (condition.met && !present) result.kind = Kind::kAbsent;
  return result;
}

std::shared_ptr<const Machine::IssuedWrite> Machine::ToWrite(const WriteCommand& command,
                                                             WriteBatch& batch) {
  auto write = std::make_shared<IssuedWrite>();
  for (const Operation& operation : command.operations) {
    std::string key = KeyOf(operation.key);
    if (operation.is_delete) {
      batch.Delete(key);
      write->changes.push_back({std::move(key), nullptr});
      continue;
    }
    auto value = std::make_shared<const std::string>(NewValue(++values_, operation.value_bytes));
    batch.Put(key, *value);
    write->changes.push_back({std::move(key), std::move(value)});
  }
  write->options.durability = command.sync ? Durability::kSync : Durability::kAsync;
  write->options.report_existed = command.report_existed;
  for (const Condition& condition : command.conditions) {
    write->options.preconditions.push_back(ToPrecondition(condition));
  }
  return write;
}

void Machine::operator()(const WriteCommand& command) {
  Issue(command);
  // A few in flight are as good as many.
  if (command.asynchronous && Outstanding() >= 8) Settle();
}

void Machine::Issue(const WriteCommand& command) {
  WriteBatch batch;
  const std::shared_ptr<const IssuedWrite> write = ToWrite(command, batch);
  if (batch.encoded().size() > limits_.segment_kib << 10) ++tally_.outsized_batches;
  {
    const MutexLock lock(mutex_);
    ++outstanding_;
  }
  if (command.asynchronous) {
    engine_->WriteAsync(std::move(batch), write->options,
                        [this, write](absl::StatusOr<WriteResult> result) {
                          TakeOutcome({write, std::move(result)});
                        });
    return;
  }
  TakeOutcome({write, engine_->Write(batch, write->options)});
  if (Outstanding() == 0) Settle();
}

void Machine::TakeOutcome(Outcome outcome) {
  const MutexLock lock(mutex_);
  if (outcome.result.ok()) {
    const WriteResult& result = *outcome.result;
    const uint64_t last =
        result.sequence + (result.applied ? outcome.write->changes.size() - 1 : 0);
    floors_.acknowledged = std::max(floors_.acknowledged, last);
    floors_.durable = std::max(floors_.durable, result.durable_sequence);
    if (result.applied && outcome.write->options.durability == Durability::kSync) {
      floors_.durable = std::max(floors_.durable, last);
    }
  }
  outcomes_.push_back(std::move(outcome));
  --outstanding_;
  all_told_.NotifyAll();
}

int Machine::Outstanding() {
  const MutexLock lock(mutex_);
  return outstanding_;
}

void Machine::Settle() {
  if (world_.simulated()) {
    for (int pieces = 0; Outstanding() > 0; ++pieces) {
      REQUIRE(world_.RunOne() && pieces < kMostPieces, "an asynchronous write is never answered");
    }
  }
  std::vector<Outcome> outcomes;
  {
    const MutexLock lock(mutex_);
    while (outstanding_ > 0) all_told_.Wait(mutex_);
    outcomes = std::exchange(outcomes_, {});
  }
  for (const Outcome& outcome : outcomes) {
    REQUIRE(outcome.result.ok(), outcome.result.status().ToString());
  }
  // In commit order: an unmet one saw all up to its sequence.
  const auto place = [](const Outcome& outcome) {
    const WriteResult& result = *outcome.result;
    const uint64_t last = result.sequence + outcome.write->changes.size() - 1;
    return result.applied ? std::pair(last, 0) : std::pair(result.sequence, 1);
  };
  std::stable_sort(outcomes.begin(), outcomes.end(),
                   [&](const Outcome& a, const Outcome& b) { return place(a) < place(b); });
  for (const Outcome& outcome : outcomes) Judge(outcome);
}

bool Machine::Holds(const Precondition& condition) const {
  const History::Version* now = history_.Find(condition.key, history_.last());
  switch (condition.kind) {
    case Precondition::Kind::kAbsent:
      return now == nullptr;
    case Precondition::Kind::kPresent:
      return now != nullptr;
    case Precondition::Kind::kLastWrittenAt:
      return now != nullptr && now->sequence == condition.sequence;
    case Precondition::Kind::kValueEquals:
      return now != nullptr && *now->value == condition.value;
  }
  return false;
}

void Machine::Judge(const Outcome& outcome) {
  const IssuedWrite& write = *outcome.write;
  const WriteResult& result = *outcome.result;
  if (!result.applied) return JudgeUnmet(write, result);
  ++tally_.applied;
  REQUIRE(result.sequence == history_.last() + 1,
          absl::StrCat("a write has sequence ", result.sequence, ", the one before it ended at ",
                       history_.last()));
  for (const Precondition& condition : write.options.preconditions) {
    REQUIRE(Holds(condition),
            absl::StrCat("applied at ", result.sequence, " although a condition on ",
                         Shown(condition.key), " does not hold"));
  }
  JudgeExisted(write, result);
  history_.Commit(write.changes);
  if (write.options.durability == Durability::kSync) {
    REQUIRE(result.durable_sequence >= history_.last(), "a sync write is not durable");
  }
  operations_since_open_ += write.changes.size();
  for (const History::Change& change : write.changes) {
    bytes_since_open_ += change.key.size() + (change.value ? change.value->size() : 0);
  }
}

void Machine::JudgeUnmet(const IssuedWrite& write, const WriteResult& result) const {
  ++tally_.unmet;
  const std::vector<Precondition>& conditions = write.options.preconditions;
  REQUIRE(result.sequence == history_.last(), "an unmet write names a state that never was");
  REQUIRE(result.unmet < conditions.size(), "an unmet condition that was not asked for");
  for (size_t i = 0; i < result.unmet; ++i) {
    REQUIRE(Holds(conditions[i]), absl::StrCat("condition ", i, " is not the first unmet one"));
  }
  const Precondition& condition = conditions[result.unmet];
  REQUIRE(!Holds(condition), absl::StrCat("a condition on ", Shown(condition.key),
                                          " holds and was called unmet at ", result.sequence));
  const History::Version* now = history_.Find(condition.key, history_.last());
  REQUIRE(result.current.present == (now != nullptr), "the unmet key's presence is wrong");
  if (now == nullptr) return;
  REQUIRE(result.current.sequence == now->sequence && result.current.value == *now->value,
          absl::StrCat("the unmet key's state is that of ", result.current.sequence, ", not of ",
                       now->sequence));
}

void Machine::JudgeExisted(const IssuedWrite& write, const WriteResult& result) const {
  if (!write.options.report_existed) {
    REQUIRE(result.existed.empty(), "`existed` was not asked for");
    return;
  }
  std::vector<bool> expected;
  std::map<std::string, bool> within;  // what the batch itself did before
  for (const History::Change& change : write.changes) {
    if (change.value == nullptr) {
      const auto earlier = within.find(change.key);
      expected.push_back(earlier != within.end()
                             ? earlier->second
                             : history_.Find(change.key, history_.last()) != nullptr);
    }
    within[change.key] = change.value != nullptr;
  }
  tally_.existed_answers += expected.size();
  REQUIRE(result.existed == expected,
          absl::StrCat("`existed` is wrong for the batch at ", result.sequence));
}

void Machine::operator()(const RefusedCommand& refused) {
  using Call = RefusedCommand::Call;
  const Options options = limits_.ToOptions();
  if (refused.call == Call::kSecondOpen) {
    const auto second = Engine::Open(options, Path(), world_.environment());
    REQUIRE(absl::IsFailedPrecondition(second.status()), second.status().ToString());
    return;
  }
  WriteBatch batch;
  if (refused.call == Call::kEmptyKey) batch.Put("", "value");
  if (refused.call == Call::kLongKey) batch.Put(std::string(options.max_key_bytes + 1, 'k'), "");
  if (refused.call == Call::kLongValue) {
    batch.Put("key", std::string(options.max_value_bytes + 1, 'v'));
  }
  if (refused.call == Call::kLongBatch) {
    while (batch.user_bytes() <= options.max_batch_bytes) {
      batch.Put("key", std::string(options.max_value_bytes, 'v'));
    }
  }
  const absl::Status status = engine_->Write(batch, {}).status();
  const bool right = refused.call == Call::kLongBatch ? absl::IsResourceExhausted(status)
                                                      : absl::IsInvalidArgument(status);
  REQUIRE(right, absl::StrCat("a call that must be refused: ", status.ToString()));
}

}  // namespace lumen
