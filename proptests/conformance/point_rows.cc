#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

constexpr int kDeleters = 8;
constexpr int kDeleteRounds = 25;
constexpr int kEveryByte = 256;

std::string EveryByte() {
  std::string bytes;
  for (int byte = 0; byte < kEveryByte; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

void ReadYourWrite(Session& s) {
  for (int i = 0; i < 100; ++i) {
    const std::string value = std::to_string(i);
    s.Put(s.Key("k"), value);
    const v1::GetResponse read = s.Get(s.Key("k"));
    s.Expect(read.found(), "a key just put is not found");
    s.Equal(read.value(), value, "its value");
  }
}

void Absent(Session& s) {
  const v1::GetResponse read = s.Get(s.Key("nobody"));
  s.Expect(!read.found(), "a key that nobody put is found");
  s.Equal(read.value(), "", "its value");
  s.Equal(read.sequence(), uint64_t{0}, "its sequence");
}

void EmptyValue(Session& s) {
  s.Put(s.Key("k"), "");
  const v1::GetResponse read = s.Get(s.Key("k"));
  s.Expect(read.found(), "a key with an empty value is not found");
  s.Equal(read.value(), "", "its value");
}

void BinaryKeys(Session& s) {
  std::vector<std::string> keys;
  for (const char byte : EveryByte()) keys.push_back(s.Key(std::string(1, byte)));
  v1::WriteRequest batch;
  for (const std::string& key : keys) {
    v1::Operation::Put& put = *batch.add_operations()->mutable_put();
    put.set_key(key);
    put.set_value("of " + key);
  }
  s.Write(batch);
  const v1::MultiGetResponse read = s.MultiGet(keys);
  for (size_t i = 0; i < keys.size(); ++i) {
    s.Equal(read.results(static_cast<int>(i)).value(), "of " + keys[i], "the value of a key");
  }
}

void BinaryValue(Session& s) {
  s.Put(s.Key("k"), EveryByte());
  s.Equal(s.Get(s.Key("k")).value(), EveryByte(), "the value");
}

void SequencesGrow(Session& s) {
  uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const uint64_t put = s.Put(s.Key("k"), "v").sequence();
    s.Expect(put > last, "a Put's sequence is not above the one before it");
    const uint64_t deleted = s.Delete(s.Key("k")).sequence();
    s.Expect(deleted > put, "a Delete's sequence is not above the one before it");
    last = deleted;
  }
}

void GetTellsTheWritesSequence(Session& s) {
  s.Put(s.Key("k"), "older");
  const uint64_t written = s.Put(s.Key("k"), "v").sequence();
  s.Put(s.Key("other"), "v");
  s.Equal(s.Get(s.Key("k")).sequence(), written, "the sequence that Get tells");
}

void SyncIsDurable(Session& s) {
  for (const auto durability : {v1::DURABILITY_UNSPECIFIED, v1::DURABILITY_SYNC}) {
    const v1::PutResponse put = s.Put(s.Key("k"), "v", durability);
    s.Expect(put.durable_sequence() >= put.sequence(),
             "a synchronous Put was answered before it was durable");
  }
  const v1::DeleteResponse deleted = s.Delete(s.Key("k"));
  s.Expect(deleted.durable_sequence() >= deleted.sequence(),
           "a synchronous Delete was answered before it was durable");
}

void DurableNeverFalls(Session& s) {
  uint64_t durable = 0;
  for (int i = 0; i < 200; ++i) {
    const v1::PutResponse put =
        s.Put(s.Key("k"), "v", i % 10 == 0 ? v1::DURABILITY_SYNC : v1::DURABILITY_ASYNC);
    s.Expect(put.durable_sequence() >= durable, "durable_sequence fell");
    durable = put.durable_sequence();
  }
}

void AsyncIsVisibleAndLaterDurable(Session& s) {
  const uint64_t async = s.Put(s.Key("k"), "v", v1::DURABILITY_ASYNC).sequence();
  s.Equal(s.Get(s.Key("k")).value(), "v", "the value of an asynchronous Put");
  const v1::PutResponse sync = s.Put(s.Key("other"), "v", v1::DURABILITY_SYNC);
  s.Expect(sync.durable_sequence() >= async,
           "a synchronous Put did not make the asynchronous one before it durable");
}

void DeleteTellsWhetherTheKeyWasThere(Session& s) {
  s.Put(s.Key("k"), "v");
  s.Expect(s.Delete(s.Key("k")).existed(), "the key did not exist for its Delete");
  s.Expect(!s.Get(s.Key("k")).found(), "the key is found after its Delete");
  s.Expect(!s.Delete(s.Key("k")).existed(), "the key existed for a second Delete");
  s.Put(s.Key("k"), "again");
  s.Equal(s.Get(s.Key("k")).value(), "again", "the value put after a Delete");
}

void OneOfConcurrentDeletes(Session& s) {
  for (int round = 0; round < kDeleteRounds; ++round) {
    s.Put(s.Key("k"), "v");
    std::atomic<int> existed = 0;
    std::vector<std::jthread> deleters;
    for (int i = 0; i < kDeleters; ++i) {
      deleters.emplace_back([&s, &existed] { existed += s.Delete(s.Key("k")).existed() ? 1 : 0; });
    }
    deleters.clear();
    s.Equal(static_cast<uint64_t>(existed.load()), uint64_t{1},
            "the number of concurrent Deletes that say existed");
  }
}

void MultiGetKeepsOrder(Session& s) {
  s.Put(s.Key("a"), "1");
  const uint64_t b = s.Put(s.Key("b"), "2").sequence();
  const v1::MultiGetResponse read =
      s.MultiGet({s.Key("b"), s.Key("nobody"), s.Key("a"), s.Key("b")});
  s.Equal(read.results(0).value(), "2", "the first result");
  s.Equal(read.results(0).sequence(), b, "its sequence");
  s.Expect(!read.results(1).found(), "an absent key is found");
  s.Equal(read.results(2).value(), "1", "the third result");
  s.Equal(read.results(3).value(), "2", "a repeated key's result");
}

void MultiGetOfNothing(Session& s) { s.MultiGet({}); }

}  // namespace

std::vector<Row> PointRows() {
  return {
      {"get.read_your_write", "A Get after an answered Put reads it", ReadYourWrite},
      {"get.absent", "An absent key is not found, and no error", Absent},
      {"get.empty_value", "An empty value is a value", EmptyValue},
      {"get.sequence", "Get tells the sequence of the write that stored the value",
       GetTellsTheWritesSequence},
      {"key.binary", "Every byte may be in a key, and keys that differ in it are different",
       BinaryKeys},
      {"value.binary", "Every byte may be in a value", BinaryValue},
      {"sequence.grows", "Every write has a larger sequence than those before it", SequencesGrow},
      {"durability.sync", "A write without durability, or SYNC, is durable when answered",
       SyncIsDurable},
      {"durability.never_falls", "durable_sequence never falls", DurableNeverFalls},
      {"durability.async", "An ASYNC write is visible at once, and durable with the next SYNC one",
       AsyncIsVisibleAndLaterDurable},
      {"delete.existed", "Delete tells whether the key was there",
       DeleteTellsWhetherTheKeyWasThere},
      {"delete.concurrent", "Of concurrent Deletes of a key exactly one says existed",
       OneOfConcurrentDeletes},
      {"multiget.order", "MultiGet answers for each key in the request's order, repeated or absent",
       MultiGetKeepsOrder},
      {"multiget.empty", "MultiGet of no keys has no results", MultiGetOfNothing},
  };
}

}  // namespace lumen::conformance
