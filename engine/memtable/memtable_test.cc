// The memtable answers like a sorted map, whatever the keys look like. Keys come from few bytes and
// a few long prefixes, so that equal heads, versions of one key, zero bytes against the end of a
// key, and nodes of every prefix length occur all the time.
#include "engine/memtable/memtable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace lumen {
namespace {

struct Before {
  using Key = std::pair<std::string, SequenceNumber>;
  bool operator()(const Key& a, const Key& b) const {
    return CompareEntries(a.first, a.second, b.first, b.second) < 0;
  }
};
struct Content {
  EntryKind kind;
  std::string value;
};
using Model = std::map<Before::Key, Content, Before>;

// What a test draws its keys from.
struct KeyShape {
  const char* name;
  std::vector<std::string> prefixes;
  std::string alphabet;
  size_t max_suffix_bytes;
};

class MemtableModelTest : public testing::TestWithParam<KeyShape> {
 protected:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  std::string RandomKey() {
    const KeyShape& shape = GetParam();
    std::string key = shape.prefixes[Below(shape.prefixes.size())];
    for (uint64_t rest = Below(shape.max_suffix_bytes + 1); rest > 0; --rest) {
      key.push_back(shape.alphabet[Below(shape.alphabet.size())]);
    }
    return key;
  }

  // Mostly ascending, as an engine's are, but the memtable does not depend on it.
  SequenceNumber NewSequence() {
    newest_ += 2;
    if (Below(16) != 0) return newest_;
    return odd_ += 2;
  }

  void InsertOne() {
    const std::string key = RandomKey();
    const SequenceNumber sequence = NewSequence();
    const bool is_delete = Below(8) == 0;
    const EntryKind kind = is_delete ? EntryKind::kDelete : EntryKind::kPut;
    const std::string value =
        is_delete ? "" : std::string(Below(20), static_cast<char>(Below(256)));
    memtable_.Insert({key, sequence, kind, value});
    model_[{key, sequence}] = {kind, value};
  }

  void CheckGet(const std::string& key, SequenceNumber at) {
    const auto expected = model_.lower_bound({key, at});
    const std::optional<Entry> actual = memtable_.Get(key, at);
    if (expected == model_.end() || expected->first.first != key) {
      ASSERT_FALSE(actual.has_value());
      return;
    }
    ASSERT_TRUE(actual.has_value());
    ExpectEqual(expected, *actual);
  }

  static void ExpectEqual(Model::const_iterator expected, const Entry& actual) {
    ASSERT_EQ(actual.key, expected->first.first);
    ASSERT_EQ(actual.sequence, expected->first.second);
    ASSERT_EQ(actual.kind, expected->second.kind);
    ASSERT_EQ(actual.value, expected->second.value);
  }

  void ExpectAt(Model::const_iterator expected, const InternalIterator& actual) {
    ASSERT_EQ(actual.valid(), expected != model_.end());
    if (actual.valid()) ExpectEqual(expected, actual.entry());
  }

  // A place in the model, or end() for nowhere, before the first included.
  Model::const_iterator LastBefore(const std::string& key, SequenceNumber sequence) {
    const auto next = model_.lower_bound({key, sequence});
    return next == model_.begin() ? model_.end() : std::prev(next);
  }

  Model::const_iterator SeekBoth(InternalIterator& iterator) {
    const std::string key = RandomKey();
    const SequenceNumber sequence = Below(2) == 0 ? kMaxSequence : Below(newest_ + 2);
    switch (Below(6)) {
      case 0:
        iterator.SeekToFirst();
        return model_.begin();
      case 1:
        iterator.SeekToLast();
        return model_.empty() ? model_.end() : std::prev(model_.end());
      case 2:
      case 3:
        iterator.Seek(key, sequence);
        return model_.lower_bound({key, sequence});
      default:
        iterator.SeekBefore(key, sequence);
        return LastBefore(key, sequence);
    }
  }

  void CheckWalk() {
    const auto iterator = memtable_.NewIterator();
    auto expected = SeekBoth(*iterator);
    ASSERT_NO_FATAL_FAILURE(ExpectAt(expected, *iterator));
    const uint64_t forward_of_8 = Below(9);
    for (uint64_t steps = Below(200); steps > 0 && iterator->valid(); --steps) {
      if (Below(8) < forward_of_8) {
        iterator->Next();
        ++expected;
      } else {
        iterator->Prev();
        expected = expected == model_.begin() ? model_.end() : std::prev(expected);
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAt(expected, *iterator));
    }
  }

  std::mt19937_64 random_{20240607};
  Memtable memtable_;
  Model model_;
  SequenceNumber newest_ = 0;
  SequenceNumber odd_ = 1;
};

TEST_P(MemtableModelTest, AnswersLikeASortedMap) {
  for (int operation = 0; operation < 40'000; ++operation) {
    switch (Below(8)) {
      case 0:
      case 1:
      case 2:
        ASSERT_NO_FATAL_FAILURE(
            CheckGet(RandomKey(), Below(2) == 0 ? kMaxSequence : Below(newest_ + 2)));
        break;
      case 3:
        if (Below(8) == 0) {
          ASSERT_NO_FATAL_FAILURE(CheckWalk());
        }
        break;
      default:
        InsertOne();
    }
  }
  EXPECT_EQ(memtable_.entry_count(), model_.size());
}

TEST_P(MemtableModelTest, WalksAllOfItBothWays) {
  for (int i = 0; i < 20'000; ++i) InsertOne();
  const auto iterator = memtable_.NewIterator();
  auto expected = model_.cbegin();
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next(), ++expected) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(expected, *iterator));
  }
  ASSERT_EQ(expected, model_.end());
  auto reverse = model_.crbegin();
  for (iterator->SeekToLast(); iterator->valid(); iterator->Prev(), ++reverse) {
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(std::prev(reverse.base()), iterator->entry()));
  }
  ASSERT_EQ(reverse, model_.crend());
}

// Everything that was there at the last seek, in order; what came later may show up.
TEST_P(MemtableModelTest, AWalkSurvivesInsertsBetweenItsSteps) {
  for (int i = 0; i < 3'000; ++i) InsertOne();
  for (const bool forward : {true, false}) {
    const Model before = model_;
    const auto iterator = memtable_.NewIterator();
    std::vector<Before::Key> seen;
    forward ? iterator->SeekToFirst() : iterator->SeekToLast();
    while (iterator->valid()) {
      const Entry& entry = iterator->entry();
      const Before::Key key{std::string(entry.key), entry.sequence};
      ASSERT_TRUE(model_.contains(key));
      if (!seen.empty()) {
        ASSERT_TRUE(forward ? Before()(seen.back(), key) : Before()(key, seen.back()));
      }
      seen.push_back(key);
      for (uint64_t inserts = Below(4); inserts > 0; --inserts) InsertOne();
      forward ? iterator->Next() : iterator->Prev();
    }
    if (!forward) std::reverse(seen.begin(), seen.end());
    size_t at = 0;
    for (const auto& [key, content] : before) {
      while (at < seen.size() && Before()(seen[at], key)) ++at;
      ASSERT_LT(at, seen.size());
      ASSERT_EQ(seen[at], key);
    }
  }
}

const std::string kZeroes("\0\0\0\0\0\0\0\0\0\0\0\0\0", 13);

INSTANTIATE_TEST_SUITE_P(
    Keys, MemtableModelTest,
    testing::Values(
        KeyShape{"FewVersionsOfManyKeys", {""}, "abcdefghijklmnopqrstuvwxyz", 16},
        KeyShape{"ManyVersionsOfFewKeys", {"", "key", "a-key-longer-than-a-head"}, "ab", 1},
        KeyShape{"ZeroesAgainstTheEnd", {"", kZeroes, "a", "a" + kZeroes}, {"\0\1\xff", 3}, 12},
        KeyShape{"AllBytesHigh", {"\xff", "\x7f\x80"}, {"\x7f\x80\xff", 3}, 9},
        KeyShape{"LongCommonPrefixes",
                 {"https://example.org/", "https://example.org/a/b", "https://example.com/"},
                 "/xy",
                 10},
        KeyShape{"UpTo300Bytes", {"", std::string(20, 'p'), std::string(100, 'p')}, "pq", 200}),
    [](const auto& test) { return std::string(test.param.name); });

std::string Numbered(const std::string& prefix, int number) {
  const std::string digits = std::to_string(number);
  return prefix + std::string(8 - digits.size(), '0') + digits;
}

struct Order {
  const char* name;
  std::vector<int> (*numbers)();
};

std::vector<int> Ascending() {
  std::vector<int> numbers(30'000);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  return numbers;
}
std::vector<int> Descending() {
  std::vector<int> numbers = Ascending();
  std::reverse(numbers.begin(), numbers.end());
  return numbers;
}
// Two ascending streams, one in the middle of the other's range, then what lies between.
std::vector<int> Interleaved() {
  std::vector<int> numbers;
  for (int i = 0; i < 10'000; ++i) {
    numbers.push_back(i);
    numbers.push_back(20'000 + i);
  }
  for (int i = 19'999; i >= 10'000; --i) numbers.push_back(i);
  return numbers;
}

class MemtableOrderTest : public testing::TestWithParam<Order> {};

TEST_P(MemtableOrderTest, EveryKeyIsFoundAtItsPlaceWhateverTheOrderOfArrival) {
  for (const std::string& prefix : {std::string(), std::string(30, 'x')}) {
    Memtable memtable;
    const std::vector<int> numbers = GetParam().numbers();
    SequenceNumber sequence = 0;
    for (const int number : numbers) {
      const std::string key = Numbered(prefix, number);
      memtable.Insert({key, ++sequence, EntryKind::kPut, key});
      ASSERT_TRUE(memtable.Get(key, kMaxSequence).has_value());
    }
    // A key that shares nothing with the rest, on either side.
    memtable.Insert({"!", ++sequence, EntryKind::kPut, "first"});
    memtable.Insert({"~", ++sequence, EntryKind::kPut, "last"});
    for (const int number : numbers) {
      ASSERT_EQ(memtable.Get(Numbered(prefix, number), kMaxSequence)->value,
                Numbered(prefix, number));
      ASSERT_FALSE(memtable.Get(Numbered(prefix, number) + '\0', kMaxSequence).has_value());
    }
    const auto iterator = memtable.NewIterator();
    iterator->SeekToFirst();
    ASSERT_EQ(iterator->entry().value, "first");
    iterator->Next();
    for (int number = 0; number < 30'000; ++number, iterator->Next()) {
      ASSERT_EQ(iterator->entry().value, Numbered(prefix, number));
    }
    ASSERT_EQ(iterator->entry().value, "last");
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, MemtableOrderTest,
                         testing::Values(Order{"Ascending", Ascending},
                                         Order{"Descending", Descending},
                                         Order{"Interleaved", Interleaved}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(MemtableTest, AnEmptyMemtableHasNothingAnywhere) {
  const Memtable memtable;
  EXPECT_FALSE(memtable.Get("a", kMaxSequence).has_value());
  const auto iterator = memtable.NewIterator();
  iterator->SeekToFirst();
  EXPECT_FALSE(iterator->valid());
  iterator->SeekToLast();
  EXPECT_FALSE(iterator->valid());
  iterator->Seek("", kMaxSequence);
  EXPECT_FALSE(iterator->valid());
  iterator->SeekBefore("z", 0);
  EXPECT_FALSE(iterator->valid());
  EXPECT_EQ(memtable.entry_count(), 0U);
}

TEST(MemtableTest, GetReturnsTheNewestVersionNotAboveTheAskedSequence) {
  Memtable memtable;
  memtable.Insert({"k", 10, EntryKind::kPut, "ten"});
  memtable.Insert({"k", 20, EntryKind::kDelete, ""});
  memtable.Insert({"k", 30, EntryKind::kPut, "thirty"});
  EXPECT_FALSE(memtable.Get("k", 9).has_value());
  EXPECT_EQ(memtable.Get("k", 10)->value, "ten");
  EXPECT_EQ(memtable.Get("k", 19)->sequence, 10U);
  EXPECT_EQ(memtable.Get("k", 29)->kind, EntryKind::kDelete);
  EXPECT_EQ(memtable.Get("k", kMaxSequence)->value, "thirty");
}

TEST(MemtableTest, AZeroByteIsNotTheEndOfAKey) {
  Memtable memtable;
  const std::string with_zero("a\0", 2);
  memtable.Insert({with_zero, 1, EntryKind::kPut, "zero"});
  EXPECT_FALSE(memtable.Get("a", kMaxSequence).has_value());
  memtable.Insert({"a", 2, EntryKind::kPut, "end"});
  EXPECT_EQ(memtable.Get("a", kMaxSequence)->value, "end");
  EXPECT_EQ(memtable.Get(with_zero, kMaxSequence)->value, "zero");
}

TEST(MemtableTest, ViewsStayGoodWhileTheMemtableGrows) {
  Memtable memtable;
  memtable.Insert({"first", 1, EntryKind::kPut, "value"});
  const Entry entry = *memtable.Get("first", 1);
  for (SequenceNumber sequence = 2; sequence < 10'000; ++sequence) {
    memtable.Insert({std::to_string(sequence), sequence, EntryKind::kPut, "other"});
  }
  EXPECT_EQ(entry.key, "first");
  EXPECT_EQ(entry.value, "value");
}

TEST(MemtableTest, AFreshMemtableIsSmall) { EXPECT_LT(Memtable().memory_bytes(), 2048U); }

TEST(MemtableTest, MemoryBytesFollowsWhatIsHeld) {
  Memtable memtable;
  const std::string value(100, 'v');
  for (SequenceNumber sequence = 1; sequence <= 100'000; ++sequence) {
    memtable.Insert(
        {Numbered("key", static_cast<int>(sequence)), sequence, EntryKind::kPut, value});
  }
  EXPECT_GT(memtable.memory_bytes(), 100'000U * 111);
  EXPECT_LT(memtable.memory_bytes(), 100'000U * 111 * 3 / 2);
}

TEST(MemtableTest, AHugeValueCostsItsSizeAndNoMore) {
  Memtable memtable;
  for (SequenceNumber sequence = 1; sequence <= 1'000; ++sequence) {
    memtable.Insert({std::to_string(sequence), sequence, EntryKind::kPut, "small"});
  }
  const size_t before = memtable.memory_bytes();
  const std::string huge(size_t{5} << 20, 'h');
  memtable.Insert({"huge", 1'001, EntryKind::kPut, huge});
  EXPECT_LT(memtable.memory_bytes(), before + huge.size() + 4096);
  EXPECT_EQ(memtable.Get("huge", kMaxSequence)->value, huge);
}

}  // namespace
}  // namespace lumen
