// What a reader sees when the writer stops between any two of its steps, and when the writer runs
// between any two steps of the reader. Goal: everything published before the reader began, and no
// reader ever waits. Method: one thread plays both sides; hooks in the tree's loads and stores hand
// over at seeded places, so that what threads meet once in a billion steps happens all the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "engine/memtable/memtable.h"
#include "engine/memtable/node.h"

namespace lumen {
namespace {

std::function<void()> on_reader_step;
std::function<void()> on_writer_step;

// Runs `hook` unless it is running.
void Run(std::function<void()>& hook) {
  if (!hook) return;
  std::function<void()> running;
  running.swap(hook);
  running();
  running.swap(hook);
}

}  // namespace

namespace memtable {
void ReaderStep() { Run(on_reader_step); }
void WriterStep() { Run(on_writer_step); }
}  // namespace memtable

namespace {

uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// In base 3, so that neighbours have prefixes of every length in common.
std::string Digits(uint64_t number) {
  std::string digits(20, 'a');
  for (size_t i = digits.size(); i > 0 && number > 0; number /= 3) {
    digits[--i] = static_cast<char>('a' + number % 3);
  }
  return digits;
}

std::string Random(SequenceNumber sequence) { return Digits(Mix(sequence) % 1'000'000'000); }
std::string Ascending(SequenceNumber sequence) { return Digits(sequence); }
std::string Descending(SequenceNumber sequence) { return Digits(1'000'000 - sequence); }
std::string Hot(SequenceNumber sequence) { return Digits(Mix(sequence) % 50); }
// Ascends in leaps and fills the gaps left behind, where prefixes had been longer.
std::string BackAndForth(SequenceNumber sequence) {
  const uint64_t top = sequence * 1'000;
  return Digits(sequence / 67 % 2 == 0 ? top : top - Mix(sequence) % (top / 2));
}
// Ascends, and now and then comes a key a bit further down that shares less with its neighbours
// than they do.
std::string Misfits(SequenceNumber sequence) {
  const auto place = [](uint64_t at) { return "pppp" + Digits(at / 8) + Digits(at * 1'000'003); };
  if (Mix(sequence) % 8 != 0) return place(sequence);
  return place(sequence - Mix(sequence) / 8 % std::min<uint64_t>(sequence, 100)).substr(0, 24) +
         "c";
}

// Ascends and rewrites each key that begins a leaf: the new version belongs behind the full leaf
// before.
std::string LeafBorders(SequenceNumber sequence) {
  const uint64_t first = sequence / 65 * 64;
  const uint64_t of_65 = sequence % 65;
  if (of_65 == 2) return Digits(first);
  return Digits(first + of_65 - (of_65 > 2 ? 1 : 0));
}

struct Keys {
  const char* name;
  std::string (*of)(SequenceNumber);
};

class MemtableInterleavingTest : public testing::TestWithParam<Keys> {
 protected:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void Start() {
    memtable_ = std::make_unique<Memtable>();
    published_ = 0;
  }

  void InsertOne() {
    memtable_->Insert({KeyOf(published_ + 1), published_ + 1, EntryKind::kPut, "value"});
    ++published_;
  }

  std::string KeyOf(SequenceNumber sequence) const { return GetParam().of(sequence); }

  // Any, or a recent one: there the writer is busy.
  SequenceNumber SomePublished() {
    if (Below(2) == 0) return Below(published_) + 1;
    return published_ - Below(std::min<uint64_t>(published_, 4));
  }

  void CheckGet() {
    const SequenceNumber sequence = SomePublished();
    const std::optional<Entry> entry = memtable_->Get(KeyOf(sequence), sequence);
    ASSERT_TRUE(entry.has_value()) << sequence << " of " << published_;
    ASSERT_EQ(entry->sequence, sequence);
  }

  // The newest version that was published before, whatever came since.
  void CheckGetAt(SequenceNumber sequence) {
    const SequenceNumber at = published_;
    const std::optional<Entry> entry = memtable_->Get(KeyOf(sequence), at);
    ASSERT_TRUE(entry.has_value()) << sequence << " of " << at;
    ASSERT_EQ(entry->key, KeyOf(sequence));
    ASSERT_GE(entry->sequence, sequence);
    ASSERT_LE(entry->sequence, at);
  }

  // Lands on what is sought, and just before it on the greatest of what is below.
  void CheckSeeks() {
    const SequenceNumber sequence = SomePublished();
    const std::string key = KeyOf(sequence);
    const auto iterator = memtable_->NewIterator();
    iterator->Seek(key, sequence);
    ASSERT_TRUE(iterator->valid());
    ASSERT_EQ(iterator->entry().sequence, sequence);
    const SequenceNumber other = SomePublished();
    const std::string other_key = KeyOf(other);
    const bool other_is_below = CompareEntries(other_key, other, key, sequence) < 0;
    iterator->SeekBefore(key, sequence);
    ASSERT_TRUE(iterator->valid() || !other_is_below);
    if (!iterator->valid()) return;
    const Entry& entry = iterator->entry();
    ASSERT_LT(CompareEntries(entry.key, entry.sequence, key, sequence), 0);
    if (!other_is_below) return;
    ASSERT_GE(CompareEntries(entry.key, entry.sequence, other_key, other), 0);
  }

  // Keys that are not there: the seek lands behind them and in front of all that is greater.
  void CheckMiss() {
    const std::string key =
        Below(2) == 0 ? "z" + std::string(29, 'a') : KeyOf(SomePublished()) + "b";
    const SequenceNumber other = SomePublished();
    const std::string other_key = KeyOf(other);
    ASSERT_FALSE(memtable_->Get(key, kMaxSequence).has_value());
    const auto iterator = memtable_->NewIterator();
    iterator->Seek(key, kMaxSequence);
    ASSERT_TRUE(iterator->valid() || other_key < key);
    if (!iterator->valid()) return;
    const Entry& entry = iterator->entry();
    ASSERT_GE(entry.key, key);
    if (other_key < key) return;
    ASSERT_LE(CompareEntries(entry.key, entry.sequence, other_key, other), 0);
  }

  void CheckLast() {
    const SequenceNumber other = SomePublished();
    const std::string other_key = KeyOf(other);
    const auto iterator = memtable_->NewIterator();
    iterator->SeekToLast();
    ASSERT_TRUE(iterator->valid());
    const Entry& entry = iterator->entry();
    ASSERT_GE(CompareEntries(entry.key, entry.sequence, other_key, other), 0);
  }

  void CheckScan(bool forward) {
    const SequenceNumber published = published_;
    const auto iterator = memtable_->NewIterator();
    forward ? iterator->SeekToFirst() : iterator->SeekToLast();
    SequenceNumber seen = 0;
    Entry last;
    while (iterator->valid()) {
      const Entry entry = iterator->entry();
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

  void CheckSomething() {
    if (published_ == 0) return;
    switch (Below(100)) {
      case 0:
        return CheckScan(true);
      case 1:
        return CheckScan(false);
      default:
        break;
    }
    switch (Below(5)) {
      case 0:
        return CheckGet();
      case 1:
        return CheckGetAt(SomePublished());
      case 2:
        return CheckLast();
      case 3:
        return CheckSeeks();
      default:
        return CheckMiss();
    }
  }

  void TearDown() override { on_reader_step = on_writer_step = nullptr; }

  std::mt19937_64 random_{1};
  std::unique_ptr<Memtable> memtable_;
  SequenceNumber published_ = 0;
};

TEST_P(MemtableInterleavingTest, AStoppedWriterHidesNothingAndHoldsUpNobody) {
  uint64_t loads = 0;
  const auto check = [&] {
    if (HasFatalFailure() || Below(4) != 0) return;
    loads = 0;
    CheckSomething();
  };
  const auto count_load = [&] {
    if (++loads < 10'000'000) return;
    std::cerr << "a reader waits for the writer\n";
    std::abort();
  };
  on_writer_step = check;
  on_reader_step = count_load;
  for (int round = 0; round < 2; ++round) {
    Start();
    while (published_ < 2'500 && !HasFatalFailure()) {
      loads = 0;
      InsertOne();
    }
  }
}

// More than a root with full leaves below it holds.
constexpr SequenceNumber kInserts = 6'000;

TEST_P(MemtableInterleavingTest, AReaderThatIsOvertakenMissesNothing) {
  const auto overtake = [&] {
    if (Below(4) != 0) return;
    const uint64_t inserts = Below(16) == 0 ? 300 : 1 + Below(3);
    for (uint64_t i = 0; i < inserts && published_ < kInserts; ++i) InsertOne();
  };
  for (int round = 0; round < 40; ++round) {
    on_reader_step = nullptr;
    Start();
    for (uint64_t inserts = 1 + Below(200); inserts > 0; --inserts) InsertOne();
    on_reader_step = overtake;
    while (published_ < kInserts) ASSERT_NO_FATAL_FAILURE(CheckSomething()) << "round " << round;
  }
}

// The same for each single step, while the tree grows from one leaf to three.
TEST_P(MemtableInterleavingTest, AGetIsOvertakenAtEachOfItsSteps) {
  SequenceNumber published = 62;
  SequenceNumber age = 0;
  SequenceNumber inserts = 1;
  const auto takes_step = [&](int step) {
    on_reader_step = nullptr;
    Start();
    while (published_ < published) InsertOne();
    int steps = 0;
    on_reader_step = [&] {
      if (steps++ != step) return;
      while (published_ < published + inserts) InsertOne();
    };
    CheckGetAt(published - age);
    return steps > step;
  };
  for (; published < 134; ++published) {
    for (age = 0; age < 3; ++age) {
      for (inserts = 1; inserts < 100; inserts += 69) {
        for (int step = 0; takes_step(step); ++step) ASSERT_FALSE(HasFatalFailure()) << published;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, MemtableInterleavingTest,
                         testing::Values(Keys{"Random", Random}, Keys{"Ascending", Ascending},
                                         Keys{"Descending", Descending}, Keys{"Hot", Hot},
                                         Keys{"BackAndForth", BackAndForth},
                                         Keys{"Misfits", Misfits},
                                         Keys{"LeafBorders", LeafBorders}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lumen
