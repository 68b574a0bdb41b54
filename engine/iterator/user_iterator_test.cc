// A user iterator shows, of each key within its bounds, the newest version that its sequence may
// see, and nothing of keys whose newest such version is a tombstone. The model is a map of exactly
// that.
#include "engine/iterator/user_iterator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/iterator/merging_iterator.h"
#include "engine/iterator/vector_iterator.h"
#include "engine/memtable/memtable.h"

namespace lumen {
namespace {

using Model = std::map<std::string, OwnedEntry>;

bool IsWithin(const std::string& key, const IteratorOptions& bounds) {
  return (!bounds.lower_bound.has_value() || key >= *bounds.lower_bound) &&
         (!bounds.upper_bound.has_value() || key < *bounds.upper_bound);
}

Model Visible(const std::vector<OwnedEntry>& entries, SequenceNumber at,
              const IteratorOptions& bounds) {
  Model model;
  for (const OwnedEntry& entry : entries) {
    if (entry.sequence <= at && IsWithin(entry.key, bounds)) model.emplace(entry.key, entry);
  }
  std::erase_if(model, [](const auto& item) { return item.second.kind == EntryKind::kDelete; });
  return model;
}

std::unique_ptr<InternalIterator> Merge(const std::vector<std::vector<OwnedEntry>>& hands) {
  std::vector<std::unique_ptr<InternalIterator>> children;
  for (const auto& hand : hands) children.push_back(std::make_unique<VectorIterator>(hand));
  return std::make_unique<MergingIterator>(std::move(children));
}

class UserIteratorTest : public testing::Test {
 protected:
  IteratorOptions RandomBounds() {
    IteratorOptions bounds;
    if (random_.Below(2) == 0) bounds.lower_bound = random_.Key();
    if (random_.Below(2) == 0) bounds.upper_bound = random_.Key();
    return bounds;
  }

  void ExpectAt(Model::const_iterator expected, const Model& model, const Iterator& actual) {
    ASSERT_TRUE(actual.status().ok());
    ASSERT_EQ(actual.valid(), expected != model.end());
    if (!actual.valid()) return;
    ASSERT_EQ(actual.key(), expected->first);
    ASSERT_EQ(actual.value(), expected->second.value);
    ASSERT_EQ(actual.sequence(), expected->second.sequence);
  }

  Model::const_iterator Before(Model::const_iterator at, const Model& model) {
    return at == model.begin() ? model.end() : std::prev(at);
  }

  Model::const_iterator Seek(Iterator& iterator, const Model& model) {
    // Sometimes the current key itself, whose view must survive being sought.
    const bool seek_current = iterator.valid() && random_.Below(4) == 0;
    const std::string key = seek_current ? std::string(iterator.key()) : random_.Key();
    const std::string_view target = seek_current ? iterator.key() : std::string_view(key);
    switch (random_.Below(6)) {
      case 0:
        iterator.SeekToFirst();
        return model.begin();
      case 1:
        iterator.SeekToLast();
        return Before(model.end(), model);
      case 2:
      case 3:
        iterator.Seek(target);
        return model.lower_bound(key);
      default:
        iterator.SeekForPrev(target);
        return Before(model.upper_bound(key), model);
    }
  }

  void Walk(Iterator& iterator, const Model& model) {
    auto expected = Seek(iterator, model);
    ASSERT_NO_FATAL_FAILURE(ExpectAt(expected, model, iterator));
    const uint64_t forward_of_8 = random_.Below(9);
    for (uint64_t steps = random_.Below(60); steps > 0 && iterator.valid(); --steps) {
      if (random_.Below(8) < forward_of_8) {
        iterator.Next();
        ++expected;
      } else {
        iterator.Prev();
        expected = Before(expected, model);
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAt(expected, model, iterator));
    }
  }

  RandomEntries random_{1};
};

TEST_F(UserIteratorTest, WalksLikeAMapOfWhatIsVisible) {
  for (int round = 0; round < 400; ++round) {
    const std::vector<OwnedEntry> entries = random_.Make(random_.Below(400));
    const auto hands = random_.Deal(entries, 1 + random_.Below(5));
    const SequenceNumber at =
        random_.Below(2) == 0 ? kMaxSequence : random_.Below(entries.size() + 1);
    const IteratorOptions bounds = RandomBounds();
    const Model model = Visible(entries, at, bounds);
    UserIterator iterator(Merge(hands), at, bounds, nullptr);
    for (int walk = 0; walk < 30; ++walk) ASSERT_NO_FATAL_FAILURE(Walk(iterator, model)) << round;
  }
}

// Long runs: more versions of each key than are stepped over.
TEST_F(UserIteratorTest, WalksOverManyVersionsOfFewKeys) {
  for (int round = 0; round < 100; ++round) {
    std::vector<OwnedEntry> entries = random_.Make(600);
    for (OwnedEntry& entry : entries) entry.key.resize(1);
    std::sort(entries.begin(), entries.end(), IsBefore);
    const auto hands = random_.Deal(entries, 3);
    const SequenceNumber at = random_.Below(entries.size() + 1);
    const IteratorOptions bounds = RandomBounds();
    const Model model = Visible(entries, at, bounds);
    UserIterator iterator(Merge(hands), at, bounds, nullptr);
    for (int walk = 0; walk < 20; ++walk) ASSERT_NO_FATAL_FAILURE(Walk(iterator, model)) << round;
  }
}

TEST_F(UserIteratorTest, WalksOverAMemtableAndOlderSources) {
  const std::vector<OwnedEntry> entries = random_.Make(3'000);
  const auto hands = random_.Deal(entries, 3);
  Memtable memtable;
  for (const OwnedEntry& entry : hands[0]) {
    memtable.Insert({entry.key, entry.sequence, entry.kind, entry.value});
  }
  std::vector<std::unique_ptr<InternalIterator>> children;
  children.push_back(memtable.NewIterator());
  children.push_back(std::make_unique<VectorIterator>(hands[1]));
  children.push_back(std::make_unique<VectorIterator>(hands[2]));
  const Model model = Visible(entries, 2'000, {});
  UserIterator iterator(std::make_unique<MergingIterator>(std::move(children)), 2'000, {}, nullptr);
  for (int walk = 0; walk < 300; ++walk) ASSERT_NO_FATAL_FAILURE(Walk(iterator, model));
}

std::vector<OwnedEntry> ManyVersionsOf(const std::string& key, SequenceNumber count) {
  std::vector<OwnedEntry> entries;
  for (SequenceNumber sequence = count; sequence > 0; --sequence) {
    entries.push_back({key, sequence, EntryKind::kPut, std::to_string(sequence)});
  }
  return entries;
}

TEST_F(UserIteratorTest, DoesNotLookAtEachOfManyVersions) {
  std::vector<OwnedEntry> entries = {{"a", 1, EntryKind::kPut, "first"}};
  for (OwnedEntry& entry : ManyVersionsOf("k", 100'000)) entries.push_back(std::move(entry));
  entries.push_back({"z", 1, EntryKind::kPut, "last"});
  for (const SequenceNumber at : {SequenceNumber{50'000}, kMaxSequence}) {
    VectorIterator::Counters counters;
    UserIterator iterator(
        std::make_unique<VectorIterator>(entries, VectorIterator::Faults{}, &counters), at, {},
        nullptr);
    std::string forward;
    for (iterator.SeekToFirst(); iterator.valid(); iterator.Next()) forward += iterator.key();
    EXPECT_EQ(forward, "akz");
    std::string backward;
    for (iterator.SeekToLast(); iterator.valid(); iterator.Prev()) backward += iterator.key();
    EXPECT_EQ(backward, "zka");
    EXPECT_LT(counters.moves + counters.seeks, 100);
  }
}

TEST_F(UserIteratorTest, SeekGoesStraightToTheVisibleVersion) {
  const std::vector<OwnedEntry> entries = ManyVersionsOf("k", 1'000);
  VectorIterator::Counters counters;
  UserIterator iterator(
      std::make_unique<VectorIterator>(entries, VectorIterator::Faults{}, &counters), 500, {},
      nullptr);
  iterator.Seek("k");
  EXPECT_EQ(iterator.value(), "500");
  EXPECT_EQ(counters.moves, 0);
  EXPECT_EQ(counters.seeks, 1);
}

// Keys and values from one end to the other, sought anew after every pause.
std::vector<std::string> WalkWithPauses(Iterator& iterator, bool forward, uint64_t& pauses) {
  std::vector<std::string> shown;
  forward ? iterator.SeekToFirst() : iterator.SeekToLast();
  while (true) {
    if (iterator.valid()) {
      shown.push_back(std::string(iterator.key()) + "=" + std::string(iterator.value()));
      forward ? iterator.Next() : iterator.Prev();
    } else if (iterator.paused()) {
      ++pauses;
      const std::string_view key = iterator.key();
      forward ? iterator.Seek(key) : iterator.SeekForPrev(key);
    } else {
      return shown;
    }
  }
}

TEST_F(UserIteratorTest, LeavesNothingOutWhereItPauses) {
  uint64_t pauses = 0;
  for (int round = 0; round < 400; ++round) {
    const std::vector<OwnedEntry> entries = random_.Make(random_.Below(400));
    const auto hands = random_.Deal(entries, 1 + random_.Below(5));
    const SequenceNumber at =
        random_.Below(2) == 0 ? kMaxSequence : random_.Below(entries.size() + 1);
    IteratorOptions options = RandomBounds();
    std::vector<std::string> expected;
    for (const auto& [key, entry] : Visible(entries, at, options)) {
      expected.push_back(key + "=" + entry.value);
    }
    options.pause_after_bytes = 1 + random_.Below(1'000);
    UserIterator iterator(Merge(hands), at, options, nullptr);
    ASSERT_EQ(WalkWithPauses(iterator, /*forward=*/true, pauses), expected) << round;
    std::reverse(expected.begin(), expected.end());
    ASSERT_EQ(WalkWithPauses(iterator, /*forward=*/false, pauses), expected) << round;
    ASSERT_TRUE(iterator.status().ok());
  }
  EXPECT_GT(pauses, 1'000u);
}

TEST_F(UserIteratorTest, PausesInALongRunOfDeletedKeys) {
  std::vector<OwnedEntry> entries;
  for (uint64_t i = 1; i <= 10'000; ++i) {
    entries.push_back({"k" + std::to_string(100'000 + i), i, EntryKind::kDelete, ""});
  }
  for (const bool forward : {true, false}) {
    VectorIterator::Counters counters;
    UserIterator iterator(
        std::make_unique<VectorIterator>(entries, VectorIterator::Faults{}, &counters),
        kMaxSequence, {.pause_after_bytes = 4'000}, nullptr);
    forward ? iterator.SeekToFirst() : iterator.SeekToLast();
    EXPECT_TRUE(iterator.paused());
    EXPECT_FALSE(iterator.valid());
    EXPECT_GT(counters.moves, 50);
    EXPECT_LT(counters.moves, 200);
    uint64_t pauses = 0;
    EXPECT_TRUE(WalkWithPauses(iterator, forward, pauses).empty());
    EXPECT_GT(pauses, 50u);
    EXPECT_FALSE(iterator.paused());
  }
}

// Old versions cost as much as deleted keys.
TEST_F(UserIteratorTest, CountsVersionsThatItPassesOver) {
  std::vector<OwnedEntry> entries;
  for (const char* key : {"a", "b", "c", "d"}) {
    for (OwnedEntry& entry : ManyVersionsOf(key, 10)) entries.push_back(std::move(entry));
  }
  for (const bool forward : {true, false}) {
    UserIterator iterator(std::make_unique<VectorIterator>(entries), kMaxSequence,
                          {.pause_after_bytes = 500}, nullptr);
    uint64_t pauses = 0;
    EXPECT_EQ(WalkWithPauses(iterator, forward, pauses).size(), 4u);
    EXPECT_GT(pauses, 0u);
  }
}

TEST_F(UserIteratorTest, AnErrorEndsTheWalkAndHidesNothing) {
  for (int round = 0; round < 2'000; ++round) {
    const std::vector<OwnedEntry> entries = random_.Make(1 + random_.Below(80));
    const size_t bad_entry = random_.Below(entries.size());
    const SequenceNumber at = random_.Below(entries.size() + 1);
    const Model model = Visible(entries, at, {});
    VectorIterator::Faults faults;
    faults.bad_entry = bad_entry;
    UserIterator iterator(std::make_unique<VectorIterator>(entries, faults), at, {}, nullptr);
    auto expected = model.cbegin();
    for (iterator.SeekToFirst(); iterator.valid(); iterator.Next(), ++expected) {
      ASSERT_EQ(iterator.key(), expected->first);
      ASSERT_EQ(iterator.sequence(), expected->second.sequence);
    }
    ASSERT_TRUE(absl::IsDataLoss(iterator.status()));
    auto reverse = model.crbegin();
    for (iterator.SeekToLast(); iterator.valid(); iterator.Prev(), ++reverse) {
      ASSERT_EQ(iterator.key(), reverse->first);
      ASSERT_EQ(iterator.sequence(), reverse->second.sequence);
    }
    ASSERT_TRUE(absl::IsDataLoss(iterator.status()));
  }
}

TEST_F(UserIteratorTest, AnErrorInTheMiddleOfALongRunIsNotLost) {
  const std::vector<OwnedEntry> entries = ManyVersionsOf("k", 1'000);
  VectorIterator::Faults faults;
  faults.bad_entry = 500;  // the version that sequence 500 sees
  UserIterator iterator(std::make_unique<VectorIterator>(entries, faults), 500, {}, nullptr);
  for (iterator.SeekToLast(); iterator.valid(); iterator.Prev()) FAIL();
  EXPECT_TRUE(absl::IsDataLoss(iterator.status()));
}

TEST_F(UserIteratorTest, LetsGoOfItsSourceBeforeItsPin) {
  auto entries = std::make_shared<const std::vector<OwnedEntry>>(ManyVersionsOf("k", 3));
  const std::weak_ptr<const std::vector<OwnedEntry>> watch = entries;
  auto source = std::make_unique<VectorIterator>(*entries);
  auto iterator = std::make_unique<UserIterator>(std::move(source), kMaxSequence, IteratorOptions{},
                                                 std::move(entries));
  iterator->SeekToFirst();
  EXPECT_EQ(iterator->value(), "3");
  EXPECT_FALSE(watch.expired());
  iterator.reset();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace lumen
