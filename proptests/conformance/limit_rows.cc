// Every limit: at its bound a call succeeds, one beyond it is refused by name.
#include <algorithm>
#include <string>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

using Store = v1::KeyValue::Stub;
using Original = kv::KeyValueStore::Stub;
using grpc::StatusCode;

// Up to so much beyond a limit it is the server that refuses, not gRPC.
constexpr size_t kSlackBytes = size_t{64} << 10;

std::string KeyOf(const Session& s, size_t bytes) {
  std::string key = s.Key("k");
  key.resize(bytes, 'k');
  return key;
}

v1::PutRequest PutOf(const std::string& key, const std::string& value) {
  v1::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  request.set_durability(v1::DURABILITY_ASYNC);
  return request;
}

void TooLarge(Session& s, const Outcome& outcome, const std::string& field, uint64_t limit) {
  s.Refused(outcome, StatusCode::INVALID_ARGUMENT, "FIELD_TOO_LARGE",
            absl::StrCat(field, " has ", limit + 1, " bytes; the limit is ", limit));
}

void KeyAtItsLimit(Session& s) {
  const std::string key = KeyOf(s, s.limits().key_bytes);
  s.Put(key, "v");
  s.Equal(s.Get(key).value(), "v", "the value");
  s.Equal(s.MultiGet({key}).results(0).value(), "v", "MultiGet's value");
  s.Equal(s.ScanAll().keys(), std::vector<std::string>{key}, "what a scan sees");
  s.Expect(s.OriginalGet(key) == "v", "kv does not read it");
  v1::WriteRequest batch;
  batch.add_operations()->mutable_delete_()->set_key(key);
  batch.add_preconditions()->set_key(key);
  batch.mutable_preconditions(0)->set_exists(true);
  s.Expect(s.Write(batch).applied(), "Write did not apply");
}

void KeyBeyondItsLimit(Session& s) {
  Target& t = s.target();
  const uint64_t limit = s.limits().key_bytes;
  const std::string key = KeyOf(s, limit + 1);
  v1::GetRequest get;
  get.set_key(key);
  TooLarge(s, s.Try(*t.store, &Store::Get, get), "key", limit);
  TooLarge(s, s.Try(*t.store, &Store::Put, PutOf(key, "v")), "key", limit);
  v1::DeleteRequest del;
  del.set_key(key);
  TooLarge(s, s.Try(*t.store, &Store::Delete, del), "key", limit);
  v1::MultiGetRequest many;
  many.add_keys("k");
  many.add_keys(key);
  TooLarge(s, s.Try(*t.store, &Store::MultiGet, many), "keys[1]", limit);
  v1::WriteRequest put;
  put.add_operations()->mutable_put()->set_key(key);
  TooLarge(s, s.Try(*t.store, &Store::Write, put), "operations[0].put.key", limit);
  v1::WriteRequest remove;
  remove.add_operations()->mutable_delete_()->set_key(key);
  TooLarge(s, s.Try(*t.store, &Store::Write, remove), "operations[0].delete.key", limit);
  v1::WriteRequest guarded;
  guarded.add_operations()->mutable_delete_()->set_key("k");
  guarded.add_preconditions()->set_exists(true);
  guarded.mutable_preconditions(0)->set_key(key);
  TooLarge(s, s.Try(*t.store, &Store::Write, guarded), "preconditions[0].key", limit);
  kv::GetRequest original;
  original.set_key(key);
  TooLarge(s, s.Try(*t.original, &Original::Get, original), "key", limit);
}

void ValueAtItsLimit(Session& s) {
  const std::string value(s.limits().value_bytes, 'v');
  s.Put(s.Key("k"), value);
  s.Expect(s.Get(s.Key("k")).value() == value, "Get reads another value");
  s.Expect(s.OriginalGet(s.Key("k")) == value, "kv reads another value");
  s.Expect(s.MultiGet({s.Key("k")}).results(0).value() == value, "MultiGet reads another value");
  v1::WriteRequest batch;
  batch.add_operations()->mutable_delete_()->set_key(s.Key("k"));
  batch.add_preconditions()->set_key(s.Key("k"));
  batch.mutable_preconditions(0)->set_exists(false);
  s.Expect(s.Write(batch).unmet().current().value() == value, "an unmet condition's value");
  s.Delete(s.Key("k"));
}

void ValueBeyondItsLimit(Session& s) {
  const uint64_t limit = s.limits().value_bytes;
  const std::string value(limit + 1, 'v');
  TooLarge(s, s.Try(*s.target().store, &Store::Put, PutOf(s.Key("k"), value)), "value", limit);
  v1::WriteRequest batch;
  batch.add_operations()->mutable_put()->set_key(s.Key("k"));
  batch.mutable_operations(0)->mutable_put()->set_value(value);
  TooLarge(s, s.Try(*s.target().store, &Store::Write, batch), "operations[0].put.value", limit);
  kv::PutRequest original;
  original.set_key(s.Key("k"));
  original.set_value(value);
  TooLarge(s, s.Try(*s.target().original, &Original::Put, original), "value", limit);
  s.Refused(s.Try(*s.target().store, &Store::Put,
                  PutOf(s.Key("k"), std::string(limit + kSlackBytes, 'v'))),
            StatusCode::INVALID_ARGUMENT, "FIELD_TOO_LARGE", "value has ");
  s.Expect(!s.Get(s.Key("k")).found(), "a refused value was stored");
}

v1::WriteRequest BatchOf(const Session& s, uint64_t operations) {
  v1::WriteRequest batch;
  batch.set_durability(v1::DURABILITY_ASYNC);
  for (uint64_t i = 0; i < operations; ++i) {
    batch.add_operations()->mutable_put()->set_key(s.Key(std::to_string(i)));
  }
  return batch;
}

void LimitExceeded(Session& s, const Outcome& outcome, const std::string& words) {
  s.Refused(outcome, StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", words);
}

void OperationsAtTheirLimit(Session& s) {
  const uint64_t limit = s.limits().batch_operations;
  s.Expect(s.Write(BatchOf(s, limit)).applied(), "the largest batch was not applied");
  s.Equal(s.ScanAll().count(), limit, "the number of its keys");
  LimitExceeded(s, s.Try(*s.target().store, &Store::Write, BatchOf(s, limit + 1)),
                absl::StrCat("request has ", limit + 1, " operations; the limit is ", limit));
}

void PreconditionsAtTheirLimit(Session& s) {
  const uint64_t limit = s.limits().batch_operations;
  v1::WriteRequest batch = BatchOf(s, 1);
  for (uint64_t i = 0; i < limit; ++i) {
    batch.add_preconditions()->set_key(s.Key("nobody"));
    batch.mutable_preconditions(static_cast<int>(i))->set_exists(false);
  }
  s.Expect(s.Write(batch).applied(), "a batch with the most preconditions was not applied");
  *batch.add_preconditions() = batch.preconditions(0);
  LimitExceeded(s, s.Try(*s.target().store, &Store::Write, batch),
                absl::StrCat("request has ", limit + 1, " preconditions; the limit is ", limit));
}

// Puts of the largest values and one that fills the rest.
v1::WriteRequest BatchOfBytes(const Session& s, uint64_t bytes) {
  v1::WriteRequest batch;
  batch.set_durability(v1::DURABILITY_ASYNC);
  const uint64_t key_bytes = s.Key("0").size();
  for (int i = 0; bytes > 0; ++i) {
    v1::Operation::Put& put = *batch.add_operations()->mutable_put();
    put.set_key(s.Key(std::to_string(i)));
    put.set_value(std::string(std::min(bytes - key_bytes, s.limits().value_bytes), 'v'));
    bytes -= key_bytes + put.value().size();
  }
  return batch;
}

void BatchBytesAtTheirLimit(Session& s) {
  const uint64_t limit = s.limits().batch_bytes;
  const v1::WriteRequest batch = BatchOfBytes(s, limit);
  s.Expect(s.Write(batch).applied(), "the largest batch was not applied");
  for (const v1::Operation& operation : batch.operations()) {
    s.Expect(s.Delete(operation.put().key()).existed(), "a key of the batch is not there");
  }
  LimitExceeded(s, s.Try(*s.target().store, &Store::Write, BatchOfBytes(s, limit + 1)),
                absl::StrCat("request has ", limit + 1, " bytes"));
}

// Keys only, as long as they may be.
v1::MultiGetRequest KeysOfBytes(const Session& s, uint64_t bytes) {
  v1::MultiGetRequest request;
  while (bytes > 0) {
    const uint64_t size = std::min(bytes, s.limits().key_bytes);
    request.add_keys(std::string(size, 'k'));
    bytes -= size;
  }
  return request;
}

void MultiGetAtItsLimits(Session& s) {
  const uint64_t limit = s.limits().batch_operations;
  s.Put(s.Key("k"), "v");
  const v1::MultiGetResponse read = s.MultiGet(std::vector<std::string>(limit, s.Key("k")));
  s.Equal(static_cast<uint64_t>(read.results_size()), limit, "the number of results");
  v1::MultiGetRequest request;
  for (uint64_t i = 0; i <= limit; ++i) request.add_keys("k");
  LimitExceeded(s, s.Try(*s.target().store, &Store::MultiGet, request),
                absl::StrCat("request has ", limit + 1, " keys; the limit is ", limit));
  const uint64_t bytes = s.limits().batch_bytes;
  const Outcome most = s.Try(*s.target().store, &Store::MultiGet, KeysOfBytes(s, bytes));
  s.Expect(most.status.ok(), "MultiGet of the most bytes of keys failed");
  LimitExceeded(s, s.Try(*s.target().store, &Store::MultiGet, KeysOfBytes(s, bytes + 1)),
                absl::StrCat("request has ", bytes + 1, " bytes"));
}

// Two of the largest values do not fit an answer that a client with stock settings reads.
void MultiGetsAnswerAtItsLimit(Session& s) {
  const uint64_t most = s.limits().value_bytes;
  s.Put(s.Key("a"), std::string(most, 'v'));
  s.Put(s.Key("b"), std::string(most, 'v'));
  v1::MultiGetRequest request;
  request.add_keys(s.Key("a"));
  request.add_keys(s.Key("b"));
  LimitExceeded(s, s.Try(*s.target().store, &Store::MultiGet, request), "fewer keys at a time");
  s.Delete(s.Key("a"));
  s.Delete(s.Key("b"));
}

}  // namespace

std::vector<Row> LimitRows() {
  return {
      {"limit.key", "A key of the largest size works everywhere", KeyAtItsLimit},
      {"limit.key.beyond", "A key one byte larger is refused everywhere, by the field's name",
       KeyBeyondItsLimit},
      {"limit.value", "A value of the largest size works, and is read with stock settings",
       ValueAtItsLimit},
      {"limit.value.beyond", "A value up to 64 KiB larger is refused, by the field's name",
       ValueBeyondItsLimit},
      {"limit.operations", "The most operations work, one more is refused", OperationsAtTheirLimit},
      {"limit.preconditions", "The most preconditions work, one more is refused",
       PreconditionsAtTheirLimit},
      {"limit.batch_bytes", "The most bytes of a batch work, one more is refused",
       BatchBytesAtTheirLimit},
      {"limit.multiget", "The most keys, and bytes of keys, of a MultiGet work, one more does not",
       MultiGetAtItsLimits},
      {"limit.multiget.answer", "An answer that a stock client could not read is refused instead",
       MultiGetsAnswerAtItsLimit},
  };
}

}  // namespace lumen::conformance
