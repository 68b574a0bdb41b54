// The merge of children is the sorted union of their entries, in every walk; where a child fails,
// nothing behind the failure is shown.
#include "engine/iterator/merging_iterator.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/iterator/vector_iterator.h"

namespace lumen {
namespace {

using Hands = std::vector<std::vector<OwnedEntry>>;

std::unique_ptr<MergingIterator> Merge(const Hands& hands) {
  std::vector<std::unique_ptr<InternalIterator>> children;
  for (const auto& hand : hands) children.push_back(std::make_unique<VectorIterator>(hand));
  return std::make_unique<MergingIterator>(std::move(children));
}

class MergingIteratorTest : public testing::TestWithParam<size_t> {};

TEST_P(MergingIteratorTest, WalksLikeTheSortedUnionOfItsChildren) {
  RandomEntries random(GetParam());
  for (int round = 0; round < 60; ++round) {
    const std::vector<OwnedEntry> model = random.Make(random.Below(200));
    const Hands hands = random.Deal(model, GetParam());
    const auto iterator = Merge(hands);
    for (int walk = 0; walk < 40; ++walk) {
      ASSERT_EQ(ModelWalk(*iterator, model, random).Run(100), nullptr) << "round " << round;
    }
  }
}

// Digits that carry: the prefix that heads skip shrinks on the way.
TEST_P(MergingIteratorTest, WalksNumberedKeysBothWays) {
  std::vector<OwnedEntry> model;
  for (int number = 0; number < 12'000; ++number) {
    const std::string digits = std::to_string(number);
    model.push_back(
        {"number" + std::string(20 - digits.size(), '0') + digits, 1, EntryKind::kPut, "value"});
  }
  RandomEntries random(GetParam());
  const Hands hands = random.Deal(model, GetParam());
  const auto iterator = Merge(hands);
  size_t index = 0;
  for (iterator->SeekToFirst(); iterator->valid(); iterator->Next(), ++index) {
    ASSERT_EQ(iterator->entry().key, model[index].key);
  }
  ASSERT_EQ(index, model.size());
  for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
    ASSERT_EQ(iterator->entry().key, model[--index].key);
  }
  ASSERT_EQ(index, 0U);
}

TEST_P(MergingIteratorTest, AFailingChildEndsTheWalkBeforeAnythingIsSkipped) {
  RandomEntries random(GetParam());
  for (int round = 0; round < 200; ++round) {
    const std::vector<OwnedEntry> model = random.Make(1 + random.Below(60));
    const Hands hands = random.Deal(model, GetParam());
    const size_t failing = random.Below(hands.size());
    if (hands[failing].empty()) continue;
    const size_t bad_entry = random.Below(hands[failing].size());
    std::vector<std::unique_ptr<InternalIterator>> children;
    for (size_t i = 0; i < hands.size(); ++i) {
      VectorIterator::Faults faults;
      if (i == failing) faults.bad_entry = bad_entry;
      children.push_back(std::make_unique<VectorIterator>(hands[i], faults));
    }
    MergingIterator iterator(std::move(children));
    const bool forward = random.Below(2) == 0;
    size_t seen = 0;
    forward ? iterator.SeekToFirst() : iterator.SeekToLast();
    while (iterator.valid()) {
      const OwnedEntry& expected = forward ? model[seen] : model[model.size() - 1 - seen];
      ASSERT_EQ(Own(iterator.entry()), expected);
      ASSERT_NE(expected, hands[failing][bad_entry]);
      ++seen;
      forward ? iterator.Next() : iterator.Prev();
    }
    ASSERT_TRUE(absl::IsDataLoss(iterator.status()));
    // A seek that does not meet the bad entry starts anew.
    if (bad_entry + 1 == hands[failing].size()) continue;
    iterator.SeekToLast();
    ASSERT_TRUE(iterator.valid());
    ASSERT_TRUE(iterator.status().ok());
  }
}

TEST_P(MergingIteratorTest, AChildThatFailsAtATurnEndsTheWalk) {
  RandomEntries random(GetParam());
  std::vector<OwnedEntry> model = random.Make(100);
  Hands hands = random.Deal(model, GetParam());
  hands.push_back({{"zz", 1, EntryKind::kPut, "first"}, {"zzz", 1, EntryKind::kPut, "last"}});
  std::vector<std::unique_ptr<InternalIterator>> children;
  for (const auto& hand : hands) {
    VectorIterator::Faults faults;
    if (&hand == &hands.back()) faults.bad_entry = 0;
    children.push_back(std::make_unique<VectorIterator>(hand, faults));
  }
  MergingIterator iterator(std::move(children));
  iterator.SeekToLast();
  ASSERT_TRUE(iterator.valid());
  iterator.Prev();
  EXPECT_FALSE(iterator.valid());
  EXPECT_TRUE(absl::IsDataLoss(iterator.status()));
}

INSTANTIATE_TEST_SUITE_P(Children, MergingIteratorTest, testing::Values(1, 2, 3, 4, 5, 8, 13));

TEST(MergingIteratorOfNothingTest, IsNeverValid) {
  MergingIterator iterator({});
  iterator.SeekToFirst();
  EXPECT_FALSE(iterator.valid());
  iterator.SeekToLast();
  EXPECT_FALSE(iterator.valid());
  iterator.Seek("a", kMaxSequence);
  EXPECT_FALSE(iterator.valid());
  iterator.SeekBefore("a", kMaxSequence);
  EXPECT_FALSE(iterator.valid());
  EXPECT_TRUE(iterator.status().ok());
}

}  // namespace
}  // namespace lumen
