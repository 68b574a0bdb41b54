// One thread inserts while others read. Goal: readers see what was published before they began, in
// order, unharmed; under ThreadSanitizer, without a race. Method: the value of each entry follows
// from its sequence, and the key from a seeded function of it, so that a reader can tell what must
// be there from the published sequence alone.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/memtable/memtable.h"

namespace lumen {
namespace {

constexpr SequenceNumber kInserts = 25'000;
constexpr int kReaders = 3;

uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

struct Keys {
  const char* name;
  std::string (*of)(SequenceNumber);
};

std::string Padded(uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(20 - digits.size(), '0') + digits;
}

std::string RandomKey(SequenceNumber sequence) { return Padded(Mix(sequence)); }
std::string AscendingKey(SequenceNumber sequence) { return Padded(sequence); }
std::string DescendingKey(SequenceNumber sequence) { return Padded(kInserts * 2 - sequence); }
// Many versions of each of a hundred keys.
std::string HotKey(SequenceNumber sequence) { return Padded(Mix(sequence) % 100); }
// Stretches that ascend, each somewhere else and with a prefix of its own length.
std::string StretchKey(SequenceNumber sequence) {
  const uint64_t stretch = Mix(sequence / 500);
  return std::string(stretch % 30, 'p') + Padded(stretch) + Padded(sequence);
}

std::string ValueOf(SequenceNumber sequence) { return "value" + std::to_string(Mix(sequence + 7)); }

class MemtableConcurrencyTest : public testing::TestWithParam<Keys> {
 protected:
  void Write() {
    for (SequenceNumber sequence = 1; sequence <= kInserts; ++sequence) {
      memtable_.Insert({GetParam().of(sequence), sequence, EntryKind::kPut, ValueOf(sequence)});
      published_.store(sequence, std::memory_order_release);
    }
  }

  bool Check(const Entry& entry) const {
    return entry.key == GetParam().of(entry.sequence) && entry.value == ValueOf(entry.sequence);
  }

  void Get(uint64_t seed, int count) {
    for (int i = 0; i < count; ++i) {
      const SequenceNumber published = published_.load(std::memory_order_acquire);
      if (published == 0) continue;
      const SequenceNumber sequence = Mix(seed + static_cast<uint64_t>(i)) % published + 1;
      const std::optional<Entry> entry = memtable_.Get(GetParam().of(sequence), sequence);
      ASSERT_TRUE(entry.has_value()) << "sequence " << sequence;
      ASSERT_EQ(entry->sequence, sequence);
      ASSERT_TRUE(Check(*entry));
    }
  }

  // Sorted, unharmed, and with everything published before it began.
  void Scan(bool forward) {
    const SequenceNumber published = published_.load(std::memory_order_acquire);
    const auto iterator = memtable_.NewIterator();
    SequenceNumber seen = 0;
    Entry last;
    forward ? iterator->SeekToFirst() : iterator->SeekToLast();
    while (iterator->valid()) {
      const Entry entry = iterator->entry();
      ASSERT_TRUE(Check(entry));
      if (last.sequence != 0) {
        const int order = CompareEntries(last.key, last.sequence, entry.key, entry.sequence);
        ASSERT_TRUE(forward ? order < 0 : order > 0);
      }
      if (entry.sequence <= published) ++seen;
      last = entry;
      forward ? iterator->Next() : iterator->Prev();
    }
    ASSERT_EQ(seen, published);
  }

  // A seek to something published lands on it, and the entry before that is below it.
  void Seek(uint64_t seed, int count) {
    const auto iterator = memtable_.NewIterator();
    for (int i = 0; i < count; ++i) {
      const SequenceNumber published = published_.load(std::memory_order_acquire);
      if (published == 0) continue;
      const SequenceNumber sequence = Mix(seed + static_cast<uint64_t>(i)) % published + 1;
      const std::string key = GetParam().of(sequence);
      iterator->Seek(key, sequence);
      ASSERT_TRUE(iterator->valid());
      ASSERT_EQ(iterator->entry().sequence, sequence);
      iterator->SeekBefore(key, sequence);
      if (!iterator->valid()) continue;
      const Entry& before = iterator->entry();
      ASSERT_LT(CompareEntries(before.key, before.sequence, key, sequence), 0);
    }
  }

  Memtable memtable_;
  std::atomic<SequenceNumber> published_ = 0;
};

TEST_P(MemtableConcurrencyTest, ReadersSeeAllThatWasPublishedBeforeTheyBegan) {
  std::vector<std::thread> readers;
  std::atomic<bool> done = false;
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      uint64_t round = 0;
      while (!done.load() && !HasFatalFailure()) {
        const uint64_t seed = Mix(static_cast<uint64_t>(reader)) + ++round * 1000;
        Get(seed, 1000);
        Seek(seed, 300);
        if (round % 8 == 0) Scan(reader % 2 == 0);
      }
      Scan(true);
      Scan(false);
    });
  }
  Write();
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(memtable_.entry_count(), kInserts);
}

INSTANTIATE_TEST_SUITE_P(Keys, MemtableConcurrencyTest,
                         testing::Values(Keys{"Random", RandomKey}, Keys{"Ascending", AscendingKey},
                                         Keys{"Descending", DescendingKey}, Keys{"Hot", HotKey},
                                         Keys{"Stretches", StretchKey}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lumen
