#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

constexpr int kClients = 4;
constexpr int kIncrements = 25;
constexpr int kKeysTogether = 16;
constexpr int kBatches = 150;

void AddPut(v1::WriteRequest& batch, const std::string& key, const std::string& value) {
  v1::Operation::Put& put = *batch.add_operations()->mutable_put();
  put.set_key(key);
  put.set_value(value);
}

void AddDelete(v1::WriteRequest& batch, const std::string& key) {
  batch.add_operations()->mutable_delete_()->set_key(key);
}

v1::Precondition& AddCondition(v1::WriteRequest& batch, const std::string& key) {
  v1::Precondition& condition = *batch.add_preconditions();
  condition.set_key(key);
  return condition;
}

void BatchApplies(Session& s) {
  s.Put(s.Key("gone"), "v");
  v1::WriteRequest batch;
  AddPut(batch, s.Key("a"), "1");
  AddDelete(batch, s.Key("gone"));
  AddPut(batch, s.Key("b"), "2");
  const v1::WriteResponse written = s.Write(batch);
  s.Expect(written.applied(), "a batch without preconditions was not applied");
  s.Expect(written.durable_sequence() >= written.sequence() + 2,
           "the batch was answered before all of it was durable");
  s.Equal(s.Get(s.Key("a")).sequence(), written.sequence(), "the first operation's sequence");
  s.Equal(s.Get(s.Key("b")).sequence(), written.sequence() + 2, "the third operation's sequence");
  s.Expect(!s.Get(s.Key("gone")).found(), "the key that the batch deletes is found");
  s.Equal(static_cast<uint64_t>(written.existed_size()), uint64_t{0},
          "the number of existed that nobody asked for");
}

void LaterWins(Session& s) {
  v1::WriteRequest batch;
  AddPut(batch, s.Key("put"), "first");
  AddPut(batch, s.Key("put"), "second");
  AddPut(batch, s.Key("deleted"), "v");
  AddDelete(batch, s.Key("deleted"));
  AddDelete(batch, s.Key("revived"));
  AddPut(batch, s.Key("revived"), "v");
  s.Write(batch);
  s.Equal(s.Get(s.Key("put")).value(), "second", "the value of a key put twice");
  s.Expect(!s.Get(s.Key("deleted")).found(), "a key put, then deleted is found");
  s.Expect(s.Get(s.Key("revived")).found(), "a key deleted, then put is not found");
}

void ExistedInOrder(Session& s) {
  s.Put(s.Key("there"), "v");
  v1::WriteRequest batch;
  batch.set_report_existed(true);
  AddDelete(batch, s.Key("nobody"));
  AddDelete(batch, s.Key("there"));
  AddDelete(batch, s.Key("there"));
  AddPut(batch, s.Key("made"), "v");
  AddDelete(batch, s.Key("made"));
  const v1::WriteResponse written = s.Write(batch);
  std::vector<std::string> existed;
  for (const bool one : written.existed()) existed.push_back(one ? "true" : "false");
  s.Equal(existed, std::vector<std::string>{"false", "true", "false", "true"}, "existed");
}

void AsyncBatch(Session& s) {
  v1::WriteRequest batch;
  batch.set_durability(v1::DURABILITY_ASYNC);
  AddPut(batch, s.Key("k"), "v");
  const v1::WriteResponse written = s.Write(batch);
  s.Expect(written.applied(), "an asynchronous batch was not applied");
  s.Equal(s.Get(s.Key("k")).value(), "v", "its value");
}

using Condition = std::function<void(v1::Precondition&)>;

Condition Exists(bool exists) {
  return [exists](v1::Precondition& to) { to.set_exists(exists); };
}
Condition WrittenAt(uint64_t sequence) {
  return [sequence](v1::Precondition& to) { to.set_last_written_at(sequence); };
}
Condition Is(std::string value) {
  return [value = std::move(value)](v1::Precondition& to) { to.set_value_equals(value); };
}

// Writes "new" to a key of its own under a condition on `key`.
v1::WriteResponse WriteIf(Session& s, const std::string& key, const Condition& condition) {
  v1::WriteRequest batch;
  AddPut(batch, s.Key("guarded"), "new");
  condition(AddCondition(batch, key));
  s.Put(s.Key("guarded"), "old");
  return s.Write(batch);
}

void Applies(Session& s, const std::string& key, const Condition& condition, const char* what) {
  const v1::WriteResponse written = WriteIf(s, key, condition);
  s.Expect(written.applied(), absl::StrCat(what, ": holds, but was not applied"));
  s.Expect(!written.has_unmet(), absl::StrCat(what, ": applied, but names an unmet condition"));
  s.Equal(s.Get(s.Key("guarded")).value(), "new", absl::StrCat(what, ": the value afterwards"));
}

// `current`: what the reply has to show of the key.
void IsUnmet(Session& s, const std::string& key, const Condition& condition, const char* what) {
  const v1::GetResponse current = s.Get(key);
  const v1::WriteResponse written = WriteIf(s, key, condition);
  s.Expect(!written.applied(), absl::StrCat(what, ": does not hold, but was applied"));
  s.Expect(written.has_unmet(), absl::StrCat(what, ": the unmet condition is missing"));
  const v1::GetResponse& shown = written.unmet().current();
  s.Expect(shown.found() == current.found(), absl::StrCat(what, ": current.found is wrong"));
  s.Equal(shown.value(), current.value(), absl::StrCat(what, ": current.value"));
  s.Equal(shown.sequence(), current.sequence(), absl::StrCat(what, ": current.sequence"));
  s.Expect(written.sequence() >= current.sequence(),
           absl::StrCat(what, ": the decision's sequence is older than what it saw"));
  s.Equal(s.Get(s.Key("guarded")).value(), "old", absl::StrCat(what, ": the value afterwards"));
}

void ExistsCondition(Session& s) {
  s.Put(s.Key("there"), "v");
  Applies(s, s.Key("there"), Exists(true), "exists of a key that is there");
  Applies(s, s.Key("nobody"), Exists(false), "not exists of an absent key");
  IsUnmet(s, s.Key("nobody"), Exists(true), "exists of an absent key");
  IsUnmet(s, s.Key("there"), Exists(false), "not exists of a key that is there");
  s.Delete(s.Key("there"));
  Applies(s, s.Key("there"), Exists(false), "not exists of a deleted key");
  IsUnmet(s, s.Key("there"), Exists(true), "exists of a deleted key");
}

void LastWrittenAtCondition(Session& s) {
  const uint64_t older = s.Put(s.Key("k"), "v").sequence();
  const uint64_t newer = s.Put(s.Key("k"), "v").sequence();
  Applies(s, s.Key("k"), WrittenAt(newer), "last_written_at of the newest write");
  IsUnmet(s, s.Key("k"), WrittenAt(older), "last_written_at of an older write");
  IsUnmet(s, s.Key("k"), WrittenAt(newer + 1), "last_written_at of a later write");
  IsUnmet(s, s.Key("k"), WrittenAt(0), "last_written_at 0 of a key that is there");
  IsUnmet(s, s.Key("nobody"), WrittenAt(newer), "last_written_at of an absent key");
  IsUnmet(s, s.Key("nobody"), WrittenAt(0), "last_written_at 0 of an absent key");
}

void ValueEqualsCondition(Session& s) {
  const std::string binary("\x00\xff", 2);
  s.Put(s.Key("k"), binary);
  s.Put(s.Key("empty"), "");
  Applies(s, s.Key("k"), Is(binary), "value_equals of the value");
  Applies(s, s.Key("empty"), Is(""), "value_equals of an empty value");
  IsUnmet(s, s.Key("k"), Is(binary.substr(0, 1)), "value_equals of the value's beginning");
  IsUnmet(s, s.Key("k"), Is(""), "value_equals nothing of a value");
  IsUnmet(s, s.Key("nobody"), Is(""), "value_equals nothing of an absent key");
}

void FirstUnmetIsNamed(Session& s) {
  s.Put(s.Key("there"), "v");
  v1::WriteRequest batch;
  AddPut(batch, s.Key("new"), "v");
  AddCondition(batch, s.Key("there")).set_exists(true);
  AddCondition(batch, s.Key("a")).set_exists(true);
  AddCondition(batch, s.Key("b")).set_exists(true);
  const v1::WriteResponse written = s.Write(batch);
  s.Expect(!written.applied(), "applied, though two preconditions do not hold");
  s.Equal(uint64_t{written.unmet().index()}, uint64_t{1}, "the index of the unmet precondition");
  s.Expect(!s.Get(s.Key("new")).found(), "the batch was written all the same");
}

void ConditionsSeeTheStateBefore(Session& s) {
  v1::WriteRequest batch;
  AddPut(batch, s.Key("k"), "v");
  AddCondition(batch, s.Key("k")).set_exists(false);
  s.Expect(s.Write(batch).applied(), "a batch's own Put broke its precondition");
  s.Expect(!s.Write(batch).applied(), "the same batch was applied a second time");
}

// Adds one to a counter until it succeeds, under a condition that the value read is still there.
void Increment(Session& s, bool by_value) {
  while (s.complaints().empty()) {
    const v1::GetResponse read = s.Get(s.Key("counter"));
    v1::WriteRequest batch;
    AddPut(batch, s.Key("counter"), std::to_string(atoi(read.value().c_str()) + 1));
    v1::Precondition& condition = AddCondition(batch, s.Key("counter"));
    if (by_value) {
      condition.set_value_equals(read.value());
    } else {
      condition.set_last_written_at(read.sequence());
    }
    if (s.Write(batch).applied()) return;
  }
}

void CountTogether(Session& s, bool by_value) {
  s.Put(s.Key("counter"), "0");
  std::vector<std::jthread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&s, by_value] {
      for (int j = 0; j < kIncrements; ++j) Increment(s, by_value);
    });
  }
  clients.clear();
  s.Equal(s.Get(s.Key("counter")).value(), std::to_string(kClients * kIncrements), "the counter");
}

void CounterBySequence(Session& s) { CountTogether(s, false); }
void CounterByValue(Session& s) { CountTogether(s, true); }

std::vector<std::string> KeysTogether(const Session& s) {
  std::vector<std::string> keys;
  for (int i = 0; i < kKeysTogether; ++i) keys.push_back(s.Key(std::to_string(100 + i)));
  return keys;
}

// Batches that write one number to all keys, while `read` looks at them again and again.
void WriteTogether(Session& s, const std::function<void()>& read) {
  std::atomic<bool> done = false;
  std::jthread writer([&s, &done] {
    for (int i = 0; i < kBatches; ++i) {
      v1::WriteRequest batch;
      batch.set_durability(v1::DURABILITY_ASYNC);
      for (const std::string& key : KeysTogether(s)) AddPut(batch, key, std::to_string(i));
      s.Write(batch);
    }
    done = true;
  });
  do {
    read();
  } while (!done);
}

void AtomicForMultiGet(Session& s) {
  WriteTogether(s, [&s] {
    const v1::MultiGetResponse read = s.MultiGet(KeysTogether(s));
    for (const v1::GetResponse& one : read.results()) {
      s.Equal(one.value(), read.results(0).value(), "a value of a batch that is half there");
    }
  });
}

void AtomicForScan(Session& s) {
  WriteTogether(s, [&s] {
    const Scanned scanned = s.ScanAll();
    s.Expect(scanned.entries.empty() || scanned.entries.size() == kKeysTogether,
             "a scan sees some of a batch's keys only");
    for (const auto& entry : scanned.entries) {
      s.Equal(entry.value(), scanned.entries[0].value(), "a value of a batch that is half there");
    }
  });
}

}  // namespace

std::vector<Row> WriteRows() {
  return {
      {"write.batch", "A batch's puts and deletes are applied; its i-th has sequence + i",
       BatchApplies},
      {"write.later_wins", "Of two operations of a batch on a key the later wins", LaterWins},
      {"write.existed", "report_existed answers for each delete, in order, right before it",
       ExistedInOrder},
      {"write.async", "A batch may be ASYNC", AsyncBatch},
      {"write.atomic.multiget", "MultiGet sees all of a batch or nothing of it", AtomicForMultiGet},
      {"write.atomic.scan", "Scan sees all of a batch or nothing of it", AtomicForScan},
      {"precondition.exists", "exists decides; unmet, nothing is written and the key is shown",
       ExistsCondition},
      {"precondition.last_written_at",
       "last_written_at decides; unmet, nothing is written and the key is shown",
       LastWrittenAtCondition},
      {"precondition.value_equals",
       "value_equals decides; unmet, nothing is written and the key is shown",
       ValueEqualsCondition},
      {"precondition.first_unmet", "The first precondition that does not hold is named",
       FirstUnmetIsNamed},
      {"precondition.state_before", "Preconditions see the state right before the batch",
       ConditionsSeeTheStateBefore},
      {"cas.by_sequence", "Clients that count together by sequence lose no increment",
       CounterBySequence},
      {"cas.by_value", "Clients that count together by value lose no increment", CounterByValue},
  };
}

}  // namespace lumen::conformance
