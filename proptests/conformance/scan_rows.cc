#include <algorithm>
#include <string>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

using Strings = std::vector<std::string>;

constexpr size_t kStockMessageBytes = size_t{4} << 20;
constexpr int kChunkEntries = 4000;
constexpr size_t kChunkValueBytes = 256;
constexpr int kHugeValues = 6;

// Stores each name as its own value.
void Fill(Session& s, const Strings& names) {
  v1::WriteRequest batch;
  for (const std::string& name : names) {
    v1::Operation::Put& put = *batch.add_operations()->mutable_put();
    put.set_key(s.Key(name));
    put.set_value(name);
  }
  s.Write(batch);
}

Strings Keys(const Session& s, const Strings& names) {
  Strings keys;
  for (const std::string& name : names) keys.push_back(s.Key(name));
  return keys;
}

struct Ask {
  std::string start = {};
  std::string end = {};
  std::string prefix = {};
  uint64_t limit = 0;
  bool reverse = false;
};

// All bounds under the row's own prefix.
v1::ScanRequest ToRequest(const Session& s, const Ask& ask) {
  v1::ScanRequest request;
  if (!ask.start.empty()) request.set_start(s.Key(ask.start));
  if (!ask.end.empty()) request.set_end(s.Key(ask.end));
  request.set_prefix(s.Key(ask.prefix));
  request.set_limit(ask.limit);
  request.set_reverse(ask.reverse);
  return request;
}

void Sees(Session& s, const Ask& ask, const Strings& names, const char* what) {
  const Scanned scanned = s.Scan(ToRequest(s, ask));
  s.Equal(scanned.keys(), Keys(s, names), what);
  s.Equal(scanned.count(), names.size(), absl::StrCat(what, ": count"));
}

void InOrder(Session& s) {
  const std::string high("\xff", 1);
  const std::string zero(1, '\0');
  Fill(s, {high, "b", "a" + zero, "a", "\x7f", "aa", "\xc3\xa4", zero});
  Sees(s, {}, {zero, "a", "a" + zero, "aa", "b", "\x7f", "\xc3\xa4", high}, "the keys in order");
}

void EntriesAreWhole(Session& s) {
  const uint64_t a = s.Put(s.Key("a"), "1").sequence();
  const uint64_t b = s.Put(s.Key("b"), "").sequence();
  const Scanned scanned = s.ScanAll();
  if (scanned.entries.size() != 2) return s.Expect(false, "a scan does not see both keys");
  s.Equal(scanned.entries[0].value(), "1", "the first value");
  s.Equal(scanned.entries[0].sequence(), a, "the first sequence");
  s.Equal(scanned.entries[1].value(), "", "the second value");
  s.Equal(scanned.entries[1].sequence(), b, "the second sequence");
}

void DeletedKeysAreGone(Session& s) {
  Fill(s, {"a", "b", "c"});
  s.Delete(s.Key("b"));
  Sees(s, {}, {"a", "c"}, "the keys after a Delete");
  s.Put(s.Key("b"), "again");
  Sees(s, {}, {"a", "b", "c"}, "the keys after another Put");
}

void Bounds(Session& s) {
  Fill(s, {"a", "b", "c", "d"});
  Sees(s, {.start = "b"}, {"b", "c", "d"}, "from start");
  Sees(s, {.end = "c"}, {"a", "b"}, "up to end");
  Sees(s, {.start = "b", .end = "d"}, {"b", "c"}, "from start up to end");
  Sees(s, {.start = "aa", .end = "cc"}, {"b", "c"}, "between keys");
}

void EmptyRanges(Session& s) {
  Fill(s, {"a", "b", "c"});
  for (const bool reverse : {false, true}) {
    Sees(s, {.start = "b", .end = "b", .reverse = reverse}, {}, "start == end");
    Sees(s, {.start = "c", .end = "a", .reverse = reverse}, {}, "start > end");
    Sees(s, {.start = "aa", .end = "ab", .reverse = reverse}, {}, "between two keys");
    Sees(s, {.start = "b", .prefix = "a", .reverse = reverse}, {}, "start behind the prefix");
    Sees(s, {.end = "b", .prefix = "c", .reverse = reverse}, {}, "end before the prefix");
    Sees(s, {.prefix = "nobody", .reverse = reverse}, {}, "a prefix that no key has");
  }
  s.Equal(s.Scan(ToRequest(s, {.prefix = "nobody"})).messages.size(), size_t{1},
          "the number of messages about nothing");
}

void Prefix(Session& s) {
  Fill(s, {"a", "ab", "ab1", "ab2", "abc", "ac", "b"});
  Sees(s, {.prefix = "ab"}, {"ab", "ab1", "ab2", "abc"}, "a prefix");
  Sees(s, {.start = "ab1", .prefix = "ab"}, {"ab1", "ab2", "abc"}, "prefix and start");
  Sees(s, {.end = "ab2", .prefix = "ab"}, {"ab", "ab1"}, "prefix and end");
  Sees(s, {.start = "ab1", .end = "abc", .prefix = "ab"}, {"ab1", "ab2"}, "prefix, start and end");
  Sees(s, {.start = "a", .end = "b", .prefix = "ab"}, {"ab", "ab1", "ab2", "abc"},
       "a prefix within wider bounds");
  Sees(s, {.start = "ab1", .prefix = "ab", .limit = 2, .reverse = true}, {"abc", "ab2"},
       "all of them at once");
}

void PrefixOfHighBytes(Session& s) {
  Fill(s, {"\xfe", "\xff", "\xff\xfe", "\xff\xff", "\xff\xff\xff", "\xff\xff\xff\x01"});
  Sees(s, {.prefix = "\xff\xff"}, {"\xff\xff", "\xff\xff\xff", "\xff\xff\xff\x01"},
       "a prefix that ends in ff");
  Sees(s, {.prefix = "\xff", .reverse = true},
       {"\xff\xff\xff\x01", "\xff\xff\xff", "\xff\xff", "\xff\xfe", "\xff"}, "the same in reverse");
}

// There is no key above them all: the upper bound is none.
void PrefixOfNothingButHighBytes(Session& s) {
  const std::string high = "\xff\xff\xff" + s.prefix();
  s.Put(high, "v");
  for (const bool reverse : {false, true}) {
    v1::ScanRequest request;
    request.set_prefix("\xff\xff\xff");
    request.set_reverse(reverse);
    const Strings keys = s.Scan(request).keys();
    s.Expect(std::count(keys.begin(), keys.end(), high) == 1, "the key is not in its prefix");
    for (const std::string& key : keys) {
      s.Expect(key.starts_with("\xff\xff\xff"), "a key without the prefix");
    }
  }
  s.Delete(high);
}

void Limit(Session& s) {
  Fill(s, {"a", "b", "c"});
  Sees(s, {.limit = 1}, {"a"}, "limit 1");
  Sees(s, {.limit = 3}, {"a", "b", "c"}, "limit of all");
  Sees(s, {.limit = 4}, {"a", "b", "c"}, "limit beyond all");
  Sees(s, {.limit = 2, .reverse = true}, {"c", "b"}, "limit in reverse");
}

void Reverse(Session& s) {
  Fill(s, {"a", "b", "c", "d"});
  Sees(s, {.reverse = true}, {"d", "c", "b", "a"}, "all in reverse");
  Sees(s, {.start = "b", .end = "d", .reverse = true}, {"c", "b"}, "bounds in reverse");
  Sees(s, {.start = "aa", .end = "cc", .reverse = true}, {"c", "b"}, "between keys in reverse");
}

void KeysOnly(Session& s) {
  Fill(s, {"a", "b"});
  v1::ScanRequest request = ToRequest(s, {});
  request.set_keys_only(true);
  const Scanned scanned = s.Scan(request);
  s.Equal(scanned.keys(), Keys(s, {"a", "b"}), "the keys");
  for (const auto& entry : scanned.entries) {
    s.Equal(entry.value(), "", "a value nobody asked for");
    s.Expect(entry.sequence() > 0, "a key without its sequence");
  }
}

void CountOnly(Session& s) {
  Fill(s, {"a", "b", "c"});
  struct Case {
    Ask ask;
    uint64_t count;
  };
  for (const Case& one : {Case{{}, 3}, Case{{.limit = 2}, 2}, Case{{.start = "b"}, 2},
                          Case{{.prefix = "nobody"}, 0}, Case{{.reverse = true}, 3}}) {
    v1::ScanRequest request = ToRequest(s, one.ask);
    request.set_count_only(true);
    const Scanned scanned = s.Scan(request);
    s.Equal(scanned.messages.size(), size_t{1}, "the number of messages");
    s.Equal(scanned.entries.size(), size_t{0}, "the number of entries");
    s.Equal(scanned.count(), one.count, "the count");
  }
}

void Unbounded(Session& s) {
  Fill(s, {"a", "b"});
  v1::ScanRequest request;
  request.set_keys_only(true);
  Strings keys = s.Scan(request).keys();
  s.Expect(std::is_sorted(keys.begin(), keys.end()), "the whole store is not in order");
  s.Expect(std::binary_search(keys.begin(), keys.end(), s.Key("b")), "a key is missing");
  request.set_reverse(true);
  request.set_limit(1);
  const Strings last = s.Scan(request).keys();
  s.Equal(last.size(), size_t{1}, "the number of last keys");
  s.Expect(!last.empty() && last[0] >= keys.back(), "the last key is not the largest");
}

void FillChunks(Session& s) {
  for (int from = 0; from < kChunkEntries; from += 1000) {
    v1::WriteRequest batch;
    batch.set_durability(v1::DURABILITY_ASYNC);
    for (int i = from; i < from + 1000; ++i) {
      v1::Operation::Put& put = *batch.add_operations()->mutable_put();
      put.set_key(s.Key(std::to_string(100'000 + i)));
      put.set_value(std::string(kChunkValueBytes, 'v'));
    }
    s.Write(batch);
  }
}

void Chunks(Session& s) {
  FillChunks(s);
  for (const bool reverse : {false, true}) {
    const Scanned scanned = s.Scan(ToRequest(s, {.reverse = reverse}));
    s.Equal(scanned.count(), uint64_t{kChunkEntries}, "the count");
    s.Equal(scanned.entries.size(), size_t{kChunkEntries}, "the number of entries");
    s.Expect(scanned.messages.size() > 3, "a megabyte came in three messages or fewer");
    uint64_t count = 0;
    for (size_t i = 0; i < scanned.messages.size(); ++i) {
      const v1::ScanResponse& message = scanned.messages[i];
      s.Expect(message.count() > count, "the running count does not grow");
      count = message.count();
      s.Equal(message.snapshot_sequence(), scanned.messages[0].snapshot_sequence(),
              "a message's snapshot_sequence");
      s.Expect(scanned.message_bytes[i] <= kStockMessageBytes, "a message is above 4 MiB");
    }
  }
}

// The first message is read, then everything is overwritten, deleted and added to.
void Isolated(Session& s) {
  FillChunks(s);
  const auto context = NewContext();
  const auto reader = s.target().store->Scan(context.get(), ToRequest(s, {}));
  v1::ScanResponse message;
  s.Expect(reader->Read(&message), "the scan has no first message");
  const uint64_t snapshot = message.snapshot_sequence();
  v1::WriteRequest batch;
  for (int i = 0; i < kChunkEntries; ++i) {
    const std::string key = s.Key(std::to_string(100'000 + i));
    if (i % 2 == 0) {
      batch.add_operations()->mutable_delete_()->set_key(key);
    } else {
      batch.add_operations()->mutable_put()->set_key(key);
    }
  }
  batch.add_operations()->mutable_put()->set_key(s.Key("999999"));
  const uint64_t written = s.Write(batch).sequence();
  s.Expect(written > snapshot, "the snapshot is newer than a later write");
  uint64_t entries = 0;
  do {
    for (const auto& entry : message.entries()) {
      ++entries;
      s.Expect(entry.value().size() == kChunkValueBytes, "a value is from a later write");
      s.Expect(entry.sequence() <= snapshot, "an entry is newer than the snapshot");
    }
  } while (reader->Read(&message));
  s.Expect(reader->Finish().ok(), "the scan failed");
  s.Equal(entries, uint64_t{kChunkEntries}, "the number of entries");
}

void SeesWhatWasAnsweredBefore(Session& s) {
  for (int i = 0; i < 50; ++i) {
    const uint64_t written = s.Put(s.Key("k"), std::to_string(i)).sequence();
    const Scanned scanned = s.ScanAll();
    if (scanned.entries.size() != 1) return s.Expect(false, "the key is not seen");
    s.Equal(scanned.entries[0].value(), std::to_string(i), "the value");
    s.Expect(scanned.messages[0].snapshot_sequence() >= written,
             "the snapshot is older than an answered write");
  }
}

void HugeValues(Session& s) {
  for (int i = 0; i < kHugeValues; ++i) {
    s.Put(s.Key(std::to_string(i)), std::string(s.limits().value_bytes, static_cast<char>('a' + i)),
          v1::DURABILITY_ASYNC);
  }
  const Scanned scanned = s.ScanAll();
  s.Equal(scanned.entries.size(), size_t{kHugeValues}, "the number of entries");
  for (size_t i = 0; i < scanned.entries.size(); ++i) {
    const std::string& value = scanned.entries[i].value();
    s.Equal(value.size(), s.limits().value_bytes, "the size of a value");
    s.Equal(value, std::string(value.size(), static_cast<char>('a' + i)), "a value");
  }
  for (int i = 0; i < kHugeValues; ++i) s.Delete(s.Key(std::to_string(i)));
}

void LeavingEarly(Session& s) {
  FillChunks(s);
  for (int i = 0; i < 20; ++i) {
    const auto context = NewContext();
    const auto reader = s.target().store->Scan(context.get(), ToRequest(s, {}));
    v1::ScanResponse message;
    s.Expect(reader->Read(&message), "the scan has no first message");
    context->TryCancel();
    while (reader->Read(&message)) {
    }
    const grpc::Status status = reader->Finish();
    s.Expect(status.ok() || status.error_code() == grpc::StatusCode::CANCELLED,
             "a cancelled scan did not end with CANCELLED");
  }
  s.Equal(s.ScanAll().count(), uint64_t{kChunkEntries}, "the count of a scan afterwards");
}

}  // namespace

std::vector<Row> ScanRows() {
  return {
      {"scan.order", "Keys come in bytewise order", InOrder},
      {"scan.entries", "An entry has key, value and the sequence of its write", EntriesAreWhole},
      {"scan.deleted", "Deleted keys are not there", DeletedKeysAreGone},
      {"scan.bounds", "The range is start <= key < end", Bounds},
      {"scan.empty_ranges", "An empty range has no entries, and one message", EmptyRanges},
      {"scan.prefix", "Only keys with the prefix, within start and end", Prefix},
      {"scan.prefix.high", "A prefix may end in bytes ff", PrefixOfHighBytes},
      {"scan.prefix.only_high", "A prefix may be nothing but bytes ff",
       PrefixOfNothingButHighBytes},
      {"scan.limit", "At most limit entries", Limit},
      {"scan.reverse", "reverse: the last key first", Reverse},
      {"scan.keys_only", "keys_only leaves the values out", KeysOnly},
      {"scan.count_only", "count_only is one message with the count", CountOnly},
      {"scan.unbounded", "Without bounds the whole store is scanned", Unbounded},
      {"scan.chunks", "Many messages, none above 4 MiB, with a running count and one snapshot",
       Chunks},
      {"scan.isolation", "A scan sees one state, whatever is written meanwhile", Isolated},
      {"scan.read_your_write", "A scan sees every write answered before it",
       SeesWhatWasAnsweredBefore},
      {"scan.huge_values", "Values of the largest size reach a client with stock settings",
       HugeValues},
      {"scan.leaving", "A client may leave a scan at any time", LeavingEarly},
  };
}

}  // namespace lumen::conformance
